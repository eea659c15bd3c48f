import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type Explainer, register } from "../../src/cli/explain.ts";
import { run } from "../../src/cli/program.ts";
import type { Decision } from "../../src/core/decision.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import type { Explained } from "../../src/core/explanation.ts";
import { fakeIo } from "../support/fake-io.ts";

const folder = mkdtempSync(join(tmpdir(), "firebreak-explain-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tokenFile = join(folder, "token");
writeFileSync(tokenFile, "  planted.token.s3cret\n");

const place = { domain: "internal", environment: "prod" };
const denied: Decision = {
	allow: false,
	reason: "no_policy",
	detail: null,
	policy: null,
	revision: 17,
	mode: "enforce",
	would: null,
	source: { segment: "orders", ...place },
	principal: "spiffe://prod.example.org/ns/orders/sa/orders",
	destination: { segment: "payments", ...place },
	destinationPrincipal: null,
	crossing: null,
	hidden: false,
	missingScopes: [],
	schemes: ["Bearer"],
	nonce: null,
	overdrawn: null,
	token: {
		issuer: "https://issuer.example.org",
		id: "t1",
		subject: "alice",
		subjectKind: "client",
		scopes: ["payments:read"],
		allScopes: ["payments:read"],
		issuedAt: 0,
		expiresAt: 1,
		keyThumbprint: null,
		bound: null,
		owner: null,
		purpose: null,
		claims: { secret_claim: "planted-claim" },
	},
	subject: null,
	subjectKind: null,
	stripCredential: false,
	vouched: { proxied: false, identities: 0, addresses: 0 },
};

const answer: Explained = {
	decision: denied,
	steps: [
		{ step: "fresh", result: "pass" },
		{ step: "source", result: "pass", note: "orders (internal, prod)" },
		{ step: "crossing", result: "skipped" },
		{
			step: "policy",
			result: "fail",
			reason: "no_policy",
			rules: [
				{ policy: "orders-reads-payments", effect: "allow", mode: "enforce", outcome: "method" },
				{ policy: "no-night-work", effect: "deny", mode: "monitor", outcome: "match" },
			],
		},
	],
};

const request = ["--source", "orders", "--destination", "payments", "--method", "DELETE", "--path", "/v1/payments/1"];

function harness(result: Explained = answer) {
	const calls: unknown[] = [];
	const explainer: Explainer = {
		explain: async (...given) => {
			calls.push(given);
			return result;
		},
		explainDecision: async (...given) => {
			calls.push(given);
			if (given[1] === "absent") throw new FirebreakError("not_found", "no decision has this id");
			return result;
		},
	};
	const io = fakeIo({ env: { DATABASE_URL: "postgres://h/d" }, cwd: folder });
	const firebreak = (...argv: string[]) =>
		run(["explain", ...argv], io, [{ register: (program, given) => register(program, given, explainer) }]);
	return { io, calls, firebreak };
}

describe("explain", () => {
	test("shows steps, rules and the verdict, and exits 4 for a denial", async () => {
		const { io, firebreak } = harness();
		expect(await firebreak(...request)).toBe(4);
		expect(io.out()).toBe(
			[
				"   STEP      REASON     FOUND",
				"✓  fresh",
				"✓  source               orders (internal, prod)",
				"-  crossing             does not apply",
				"✗  policy    no_policy",
				"",
				"POLICY                 EFFECT  MODE     OUTCOME",
				"orders-reads-payments  allow   enforce  another method",
				"no-night-work          deny    monitor  matches",
				"",
				"DENY 403 no_policy (revision 17)",
				"",
			].join("\n"),
		);
	});

	test.each<[string, Partial<Decision>, number, string]>([
		["an allow", { allow: true, reason: "allowed", policy: "p" }, 0, "ALLOW 200 allowed, policy p (revision 17)"],
		[
			"a hidden destination",
			{ hidden: true, reason: "crossing_missing" },
			4,
			"DENY 404 crossing_missing (revision 17)",
		],
		["a cause", { reason: "token_invalid", detail: "expired" }, 4, "DENY 401 token_invalid expired (revision 17)"],
		[
			"monitor",
			{ allow: true, reason: "allowed_monitor", would: { reason: "scope_missing", detail: null, policy: "p" } },
			0,
			"ALLOW 200 allowed_monitor, would be denied: scope_missing (revision 17)",
		],
	])("ends with %s", async (_title, changes, code, line) => {
		const { io, firebreak } = harness({ decision: { ...denied, ...changes }, steps: [] });
		expect(await firebreak(...request)).toBe(code);
		expect(io.out().trimEnd().split("\n").at(-1)).toBe(line);
	});

	test("hands over the whole request", async () => {
		const { calls, firebreak } = harness();
		const more = ["--header", "X-Tenant: a", "--header", "x-tenant:b", "--header", "accept:", "--token-file", "token"];
		await firebreak(...request, ...more, "--at", "2026-01-31T12:00:00+01:00", "--revision", "9");
		expect(calls).toEqual([
			[
				"postgres://h/d",
				{
					source: "orders",
					destination: "payments",
					method: "DELETE",
					path: "/v1/payments/1",
					headers: { "x-tenant": "a,b", accept: "" },
					token: "planted.token.s3cret",
					at: Date.UTC(2026, 0, 31, 11),
				},
				9,
			],
		]);
	});

	test("under --json, the public form without token or claims", async () => {
		const { io, firebreak } = harness();
		expect(await firebreak(...request, "--token-file", "token", "--json")).toBe(4);
		expect(JSON.parse(io.out())).toMatchObject({
			decision: "deny",
			reason: "no_policy",
			detail: null,
			policy: null,
			revision: 17,
			source: { segment: "orders", principal: "spiffe://prod.example.org/ns/orders/sa/orders" },
			token: { issuer: "https://issuer.example.org", id: "t1", scopes: ["payments:read"], withheld_scopes: [] },
			steps: answer.steps,
		});
		expect(io.out()).not.toContain("planted");
	});

	test("explains a recorded decision", async () => {
		const { calls, firebreak } = harness();
		expect(await firebreak("--decision", "abc")).toBe(4);
		expect(calls).toEqual([["postgres://h/d", "abc"]]);
		expect(await firebreak("--decision", "absent")).toBe(1);
	});

	test.each([
		["no source", ["--destination", "d", "--path", "/"], "needs --source, --destination and --path"],
		["a record and a request", ["--decision", "x", "--path", "/"], "--decision stands alone"],
		["a time without zone", [...request, "--at", "2026-01-31T12:00:00"], "Write it with its zone"],
		["no time at all", [...request, "--at", "2026-13-31T12:00:00Z"], "Write it with its zone"],
		["a negative revision", [...request, "--revision=-1"], "A revision is a whole number."],
		["a header without colon", [...request, "--header", "x"], "Write it as name:value."],
		["a header name with spaces", [...request, "--header", "x y: z"], "Write it as name:value."],
		["a missing token file", [...request, "--token-file", "nowhere"], "the token file cannot be read"],
	])("exits 2 for %s", async (_title, argv, text) => {
		const { io, calls, firebreak } = harness();
		expect(await firebreak(...argv)).toBe(2);
		expect(io.err()).toContain(text);
		expect(calls).toEqual([]);
	});
});
