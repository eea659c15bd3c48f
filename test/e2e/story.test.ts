/** The story of the demo, line by line, through a real Envoy: the answer, what the upstream saw, and the exported spans. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Changed, changePolicy } from "../../demo/change.ts";
import { COMPANY, type Service } from "../../demo/company.ts";
import { runFirebreak } from "../../demo/firebreak.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { CHANGE, type Line, OUTAGE, STORY } from "../../demo/story.ts";
import { differences, type Told, tell } from "../../demo/teller.ts";
import type { Echo } from "../../demo/upstream.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { readCheckTrace } from "../support/traces.ts";
import { until } from "../support/wait.ts";

let receiver: OtlpReceiver;
let stage: Stage;

beforeAll(async () => {
	receiver = await startOtlpReceiver();
	stage = await setStage({ otlpPort: receiver.port });
});
afterAll(async () => {
	await stage?.world.stop();
	await receiver?.stop();
});

const send = (line: Line): Promise<Told> => tell(stage.world, stage.issuers, line);
const service = (name: string): Service => COMPANY.find((known) => known.name === name) as Service;
const title = (line: Line): string => `row ${line.row}, ${line.path} with ${line.brings}: ${line.shows}`;
const rowOf = (row: number): Line => STORY.find((line) => line.row === row) as Line;

describe.each(STORY.map((line) => [title(line), line] as const))("%s", (_title, line) => {
	let told: Told;
	let reached: number;
	beforeAll(async () => {
		const before = stage.world.upstream(line.to).requests();
		told = await send(line);
		reached = stage.world.upstream(line.to).requests() - before;
	});

	test("the answer is the expected one", () => {
		expect(differences(line, told)).toEqual([]);
		if (line.expect.status === 200) expectPassed(line, told, reached);
		else expectRefused(told, reached);
	});

	test("the decision is a span in the caller's trace", async () => {
		const { check, authenticate, decide, asked, ingress } = await readCheckTrace(receiver, told.traceId);
		// The caller's span, Envoy's for the request, Envoy's for the question, ours, and what we did.
		expect(ingress).toMatchObject({ parentSpanId: told.spanId, kind: "SERVER", service: `${line.to}-sidecar` });
		expect(asked).toMatchObject({ parentSpanId: ingress.spanId, kind: "CLIENT", service: `${line.to}-sidecar` });
		expect(check).toMatchObject({ parentSpanId: asked.spanId, kind: "SERVER", service: "firebreak" });
		const linked = { traceId: told.traceId, spanId: told.spanId, attributes: {} };
		// Of a request with two readings no header is believed.
		expect(check.links).toEqual(line.expect.reason === "ambiguous_request" ? [] : [linked]);
		expect(check.status.code).toBe("UNSET");
		expect(check.attributes).toMatchObject(attributesOf(line, told));
		expect(check.end).toBeGreaterThanOrEqual(check.start);
		for (const child of [authenticate, decide]) {
			if (!child) continue;
			expect(child.parentSpanId).toBe(check.spanId);
			expect(child.start).toBeGreaterThanOrEqual(check.start);
			expect(child.end).toBeLessThanOrEqual(check.end);
		}
		const judgesToken = ["scope_missing", "token_invalid", "allowed", "policy_denied"].includes(line.expect.reason);
		if (judgesToken) expect(authenticate).toBeDefined();
		expect(decide).toBeDefined();
	});
});

function expectPassed(line: Line, { response, verdict }: Told, reached: number): void {
	expect(reached).toBe(1);
	const { service: name, method, path, headers } = response.body as Echo;
	expect({ name, method, path }).toEqual({ name: line.to, method: line.method ?? "GET", path: line.path });
	const ours = Object.keys(headers).filter((header) => header.startsWith("x-firebreak-"));
	const known = ["decision", "principal", "source", "subject", "subject-kind"].map((name) => `x-firebreak-${name}`);
	expect(known).toEqual(expect.arrayContaining(ours));
	expect(headers["x-firebreak-decision"]).toMatch(/^[\w-]{20,}$/);
	expect(verdict.decision).toBe("allow");
	// The caller learns nothing of how it came to pass.
	expect(Object.keys(response.headers).filter((header) => header.startsWith("x-firebreak-"))).toEqual([]);
}

function expectRefused({ response }: Told, reached: number): void {
	expect(reached).toBe(0);
	expect(response.headers["content-type"]).toBe("application/problem+json");
	expect(response.headers["cache-control"]).toBe("no-store");
	const decision = response.headers["x-firebreak-decision"];
	expect(response.body).toEqual({
		type: expect.stringMatching(/^urn:firebreak:problem:[a-z-]+$/),
		title: expect.any(String),
		status: response.status,
		decision: expect.stringMatching(/^[\w-]{20,}$/),
	});
	expect((response.body as { decision: string }).decision).toBe(decision);
}

/** The decision's opaque id: a caller who is refused gets it, and a service that is called. */
function decisionId({ response }: Told): string {
	const echoed = (response.body as Partial<Echo> | undefined)?.headers?.["x-firebreak-decision"];
	return response.headers["x-firebreak-decision"] ?? echoed ?? "";
}

/** What the span of the decision must hold. */
function attributesOf(line: Line, told: Told): Record<string, unknown> {
	const { reason, detail, policy, would, status } = line.expect;
	const to = service(line.to);
	return {
		"firebreak.decision": status === 200 ? "allow" : "deny",
		"firebreak.decision_id": decisionId(told),
		"firebreak.reason": reason,
		...(detail && { "firebreak.detail": detail }),
		...(policy && { "firebreak.policy": policy }),
		...(would && { "firebreak.would.reason": would, "firebreak.mode": "monitor" }),
		"firebreak.revision": told.verdict.revision,
		"firebreak.destination.segment": to.name,
		"firebreak.destination.environment": to.environment,
		"firebreak.destination.principal": to.spiffeId,
		...(line.from !== null && reason !== "ambiguous_request" && sourceOf(service(line.from))),
		...(status !== 200 && { "http.response.status_code": status }),
		"http.request.method": line.method ?? "GET",
		"url.path": line.path,
	};
}

function sourceOf({ name, environment, spiffeId }: Service): Record<string, unknown> {
	return {
		"firebreak.source.segment": name,
		"firebreak.source.environment": environment,
		"firebreak.source.principal": spiffeId,
	};
}

describe("across lines", () => {
	test("rows 4, 5 and 6: tokens that are bad in different ways get the same public text", async () => {
		const texts = new Set<string>();
		for (const row of [4, 5, 6]) {
			const { response } = await send(rowOf(row));
			const { decision, ...rest } = response.body as Record<string, unknown>;
			texts.add(JSON.stringify([rest, response.headers["www-authenticate"]]));
		}
		expect(texts.size).toBe(1);
	});

	test("row 11: a hidden API that exists and one that does not look alike", async () => {
		const answers = [];
		for (const path of ["/v1/orders/7", "/no/such/path", "/"]) {
			const { response } = await send({ ...rowOf(11), path });
			const {
				date,
				"x-envoy-upstream-service-time": _time,
				"x-firebreak-decision": _id,
				...headers
			} = response.headers;
			const { decision, ...body } = response.body as Record<string, unknown>;
			answers.push({ status: response.status, headers: { ...headers, "content-length": "" }, body });
		}
		expect(answers[1]).toEqual(answers[0]);
		expect(answers[2]).toEqual(answers[0]);
	});

	test("row 15: the probe's waiver is for that path and for GET and HEAD alone", async () => {
		const probe = rowOf(15);
		expect((await send({ ...probe, method: "HEAD" })).response.status).toBe(200);
		for (const change of [{ method: "POST" }, { path: "/healthz/" }, { path: "/healthz/x" }, { path: "/" }]) {
			expect((await send({ ...probe, ...change })).verdict.reason).toBe("identity_missing");
		}
		// The query takes no part.
		expect((await send({ ...probe, path: "/healthz?verbose=1" })).verdict.reason).toBe("allowed_probe");
	});

	test("row 19: the account that the token was issued to passes, and a token without an account does not", async () => {
		const line = rowOf(19);
		const own = { ...line, path: "/v1/accounts/8/statements" };
		expect((await send(own)).verdict).toMatchObject({ reason: "allowed", policy: "orders-reads-own-statements" });
		const { claims: _, ...token } = line.token as NonNullable<Line["token"]>;
		expect((await send({ ...own, token })).response.status).toBe(403);
	});
});

describe("decisions that are kept", () => {
	test.each([3, 6, 7, 8, 9, 11, 12, 17])("row %i is found by its id, and explained anew", async (row) => {
		const line = rowOf(row);
		const told = await send(line);
		const id = decisionId(told);
		const record = await until("it is stored", async () => {
			const response = await fetch(`${stage.firebreak.adminUrl}/v1/decisions/${id}`);
			return response.ok && ((await response.json()) as Record<string, unknown>);
		});
		const { status, reason, detail = null, policy = null, would } = line.expect;
		expect(record).toMatchObject({
			...{ id, decision: status === 200 ? "allow" : "deny", reason, detail, policy },
			...{ revision: told.verdict.revision, method: line.method ?? "GET", trace_id: told.traceId },
			...{ destination_segment: line.to, destination_principal: service(line.to).spiffeId },
			...(row !== 9 && { source_segment: line.from, path: line.path }),
		});
		expect(record.would).toEqual(would ? expect.objectContaining({ reason: would }) : null);

		// Scopes and claims are not recorded, so that what they let through cannot be judged anew.
		if (reason === "allowed") return;
		const explained = await runFirebreak(stage.world.databaseUrl, ["explain", "--decision", id, "--json"]);
		expect(explained).toMatchObject({ end: status === 200 ? 0 : 4 });
		expect(JSON.parse(explained.stdout)).toMatchObject({ reason, detail, policy });
	});
});

describe("row 20, a policy migrated while traffic runs", () => {
	let changed: Changed;
	const pid = (): number => stage.firebreak.process.pid;
	let pidBefore: number;
	beforeAll(async () => {
		pidBefore = pid();
		changed = await changePolicy(stage);
	});

	test("the refused request passes, once and for all, by the process that refused it", async () => {
		expect(differences(CHANGE.before, changed.before)).toEqual([]);
		expect(differences(CHANGE.after, changed.after)).toEqual([]);
		expect(changed.statuses.at(-1)).toBe(200);
		expect(new Set(changed.statuses.slice(0, -1))).toEqual(new Set([403]));
		expect(changed.statuses.length).toBeGreaterThan(1);
		for (let i = 0; i < 5; i++) expect((await send(CHANGE.after)).response.status).toBe(200);
		expect(pid()).toBe(pidBefore);
	});

	test("each span names the revision that decided", async () => {
		const revisionOf = async ({ traceId }: Told): Promise<unknown> =>
			(await readCheckTrace(receiver, traceId)).check.attributes["firebreak.revision"];
		expect(await revisionOf(changed.before)).toBe(stage.revision);
		expect(await revisionOf(changed.after)).toBe(changed.revision);
		expect(changed.revision).toBe(stage.revision + 1);
	});

	test("it passes after COMMIT, never before", () => {
		expect(changed.afterCommit).toBeGreaterThanOrEqual(0);
	});
});

describe("row 21, Postgres is stopped", () => {
	beforeAll(() => stage.world.postgres?.halt());
	afterAll(() => stage.world.postgres?.resume());

	test("a known request passes, and a refused one stays refused", async () => {
		const told = await send(OUTAGE);
		expect(differences(OUTAGE, told)).toEqual([]);
		const { check } = await readCheckTrace(receiver, told.traceId);
		expect(check.attributes).toMatchObject(attributesOf(OUTAGE, told));
		expect(differences(rowOf(7), await send(rowOf(7)))).toEqual([]);
		expect(differences(CHANGE.after, await send(CHANGE.after))).toEqual([]);
	});
});
