/** Requests that got past others, told straight over gRPC as a proxy would tell them that changes nothing of them. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BYPASSES } from "../cases/bypass/all.ts";
import { CALLERS } from "../cases/bypass/callers.ts";
import { type Crafted, expectedOutcome } from "../cases/bypass/case.ts";
import { BYPASS_ROWS } from "../cases/bypass/policies.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { compileRows, policy } from "../support/policy-set.ts";
import { spiffe } from "../support/requests.ts";
import { connect, type TestClient } from "./client.ts";

let edge: Edge;
let client: TestClient;
beforeAll(async () => {
	edge = await startEdge({ rows: BYPASS_ROWS });
	client = connect(edge.address);
});
afterAll(async () => {
	client?.close();
	await edge?.stop();
});

const CONDITIONS = { http: 0, normalize: false, mergeSlashes: false } as const;

describe.each(BYPASSES.map((row) => [row.id, row.what, row] as const))("%s: %s", (_id, _what, row) => {
	test.each([[false], [true]])("raw headers: %s", async (rawHeaders) => {
		const answer = await client.check(messageOf(row.request, rawHeaders));
		const expected = expectedOutcome(row, { ...CONDITIONS, rawHeaders });
		expect(wordsOf(edge.judged.at(-1)?.decision as Edge["judged"][number]["decision"])).toBe(expected);
		// Absent is 0, which alone allows.
		expect((answer.status?.code ?? 0) === 0).toBe(expected === "allowed");
		expect(answer.okResponse !== undefined).toBe(expected === "allowed");
	});
});

test("each advisory of the table has its row", () => {
	const known = new Set(BYPASSES.flatMap(({ id }) => id.split(", ")));
	expect(TABLE.filter((id) => !known.has(id))).toEqual([]);
});

test("no policy can be about a body", () => {
	const reads = policy({
		name: "body",
		source: "orders",
		destination: "payments",
		condition: "size(request.body) == 0",
	});
	const result = compileRows({ ...BYPASS_ROWS, policies: [reads] });
	expect(result.ok).toBe(false);
});

function messageOf(crafted: Crafted, rawHeaders: boolean) {
	const {
		method = "GET",
		target,
		host = "payments.example.org",
		scheme = "https",
		headers = [],
		from = "orders",
	} = crafted;
	const lines = [
		[":method", method],
		[":path", target],
		[":authority", host],
		[":scheme", scheme],
		...headers,
	] as const;
	const joined: Record<string, string> = {};
	for (const [name, value] of lines) joined[name] = name in joined ? `${joined[name]},${told(value)}` : told(value);
	return {
		attributes: {
			source: { principal: from === null ? "" : CALLERS[from], address: { socketAddress: { address: "10.0.0.7" } } },
			destination: { principal: spiffe("payments") },
			request: {
				http: {
					method: told(method),
					path: told(target),
					host: told(host),
					scheme: told(scheme),
					...(rawHeaders
						? { headerMap: { headers: lines.map(([key, value]) => ({ key, rawValue: Buffer.from(value, "latin1") })) } }
						: { headers: joined }),
				},
			},
		},
	};
}

/** As Envoy tells text: each byte that is no UTF-8 as `!`. */
function told(text: string): string {
	const bytes = Buffer.from(text, "latin1");
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return text.replace(/[\x80-\xff]/g, "!");
	}
}

/** What Envoy's past and that of its peers lists; CVE-2026-33496 takes tokens: bypass-tokens.test.ts. */
const TABLE = [
	"CVE-2019-9901",
	"CVE-2026-33494",
	"CVE-2021-29492",
	"CVE-2021-31920",
	"CVE-2021-32779",
	"CVE-2021-39156",
	"CVE-2021-39155",
	"Istio 2021-008",
	"CVE-2021-32777",
	"CVE-2020-25017",
	"CVE-2026-26308",
	"CVE-2026-31838",
	"CVE-2023-27488",
	"CVE-2019-9900",
	"CVE-2019-18802",
	"CVE-2023-27487",
	"CVE-2026-33495",
	"CVE-2026-40575",
	"CVE-2023-27491",
	"CVE-2023-27493",
	"CVE-2023-35944",
	"CVE-2024-45806",
	"CVE-2024-23326",
	"CVE-2026-73548",
	"CVE-2025-64763",
	"CVE-2026-73547",
	"CVE-2026-73551",
	"CVE-2026-73511",
	"CVE-2026-73553",
	"CVE-2026-73552",
	"CVE-2026-73550",
	"CVE-2026-47774",
	"CVE-2026-48743",
	"CVE-2026-47778",
	"CVE-2025-66220",
	"CVE-2025-46821",
	"CVE-2026-26205",
	"CVE-2026-32811",
	"CVE-2020-8595",
	"CVE-2026-33186",
	"CVE-2026-39350",
];
