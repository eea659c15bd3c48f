import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Decision } from "../../src/core/decision.ts";
import { type DenyReason, REASONS, type Reason } from "../../src/core/reasons.ts";
import { headerText } from "../../src/extauthz/header-text.ts";
import { normalize } from "../../src/extauthz/normalize.ts";
import { FAILED, respond } from "../../src/extauthz/respond.ts";
import type { AllowedResponse, DeniedResponse } from "../../src/extauthz/wire.ts";
import { overdrawn, tokenFacts } from "../support/requests.ts";
import { checkOf, decisionOf, ORDERS } from "./fixtures.ts";

const ID = "01JZ0000000000000000000000";
const DENIALS = Object.keys(REASONS).filter((reason) => !reason.startsWith("allowed")) as DenyReason[];

const requestWith = (headers: Readonly<Record<string, string>> = {}) => {
	const result = normalize(checkOf({ headers }), null, []);
	if (!result.ok) throw new Error(result.detail);
	return result.request;
};
const allow = (parts: Partial<Decision> = {}, headers: Readonly<Record<string, string>> = {}) =>
	respond(decisionOf(parts), ID, requestWith(headers)) as AllowedResponse;
const deny = (parts: Partial<Decision>) =>
	respond(decisionOf({ allow: false, ...parts }), ID, requestWith()) as DeniedResponse;
const headersOf = (response: AllowedResponse | DeniedResponse) =>
	Object.fromEntries(response.headers.map(({ name, value }) => [name, value]));

describe("allowed", () => {
	test("the upstream sees the verified facts", () => {
		const response = allow({ subject: "svc:orders" });
		expect(response).toEqual({
			allowed: true,
			headers: [
				{ name: "x-firebreak-principal", value: ORDERS },
				{ name: "x-firebreak-source", value: "orders" },
				{ name: "x-firebreak-subject", value: "svc:orders" },
				{ name: "x-firebreak-subject-kind", value: "client" },
				{ name: "x-firebreak-decision", value: ID },
			],
			headersToRemove: [],
			metadata: {
				decision: "allow",
				reason: "allowed",
				policy: "orders-read-payments",
				revision: 42,
				source: "orders",
				destination: "payments",
				mode: "enforce",
			},
		});
	});

	test("what is not known is removed, whether it was seen or not", () => {
		const anonymous = allow({ principal: null, source: null, reason: "allowed_probe", policy: null });
		expect(headersOf(anonymous)).toEqual({ "x-firebreak-decision": ID });
		expect(anonymous.headersToRemove).toEqual([
			"x-firebreak-principal",
			"x-firebreak-source",
			"x-firebreak-subject",
			"x-firebreak-subject-kind",
		]);
		expect(anonymous.metadata).toEqual({
			decision: "allow",
			reason: "allowed_probe",
			revision: 42,
			destination: "payments",
			mode: "enforce",
		});
		expect(allow({ subject: "" }).headersToRemove).toEqual(["x-firebreak-subject", "x-firebreak-subject-kind"]);
	});

	test("whatever the client sent of ours is overwritten or removed, never both", () => {
		const response = allow(
			{},
			{
				"x-firebreak-subject": "root",
				"X-Firebreak-Principal": "spiffe://evil",
				"x-firebreak-admin": "true",
				x_firebreak_subject: "root",
				"x-firebreak_source": "root",
				"x-firebreak-": "x",
				"x-firebreak": "kept",
				"x-firebreaks": "kept",
				"y-firebreak-subject": "kept",
			},
		);
		expect([...response.headersToRemove].sort()).toEqual([
			"x-firebreak-",
			"x-firebreak-admin",
			"x-firebreak-subject",
			"x-firebreak-subject-kind",
			"x-firebreak_source",
			"x_firebreak_subject",
		]);
		expect(headersOf(response)["x-firebreak-principal"]).toBe(ORDERS);
	});

	test.each([
		["nobody's word", { proxied: false, identities: 0, addresses: 0 }, {}],
		["what the proxy that asks appended", { proxied: false, identities: 0, addresses: 1 }, { "x-forwarded-for": "b" }],
		[
			"a trusted proxy's word",
			{ proxied: true, identities: 1, addresses: 2 },
			{
				"x-forwarded-client-cert": `By=x;URI=${ORDERS}`,
				"x-forwarded-for": "a, b",
				"x-real-ip": "10.0.0.9",
				forwarded: "for=10.0.0.9",
			},
		],
	])("of the way here the upstream sees %s", (_whose, vouched, expected) => {
		const sent: Record<string, string> = {
			"x-forwarded-client-cert": `By=y;URI=spiffe://forged/x,By=x;URI=${ORDERS}`,
			"x-forwarded-for": "forged, a, b",
			"x-real-ip": "10.0.0.9",
			forwarded: "for=10.0.0.9",
			x_forwarded_for: "forged",
			"X-Real_IP": "forged",
			"x-forwarded-proto": "https",
		};
		const response = allow({ vouched }, sent);
		const seen = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]));
		for (const { name, value } of response.headers) seen[name] = value;
		for (const name of response.headersToRemove) delete seen[name];
		const ours = Object.keys(seen).filter((name) => name.startsWith("x-firebreak-"));
		for (const name of ours) delete seen[name];
		expect(seen).toEqual({ "x-forwarded-proto": "https", ...expected });
	});

	test("what is in order is left alone", () => {
		const vouched = { proxied: false, identities: 0, addresses: 1 };
		const { headers, headersToRemove } = allow({ vouched, subject: "s" }, { "x-forwarded-for": "10.0.0.7" });
		expect(headers.map(({ name }) => name)).not.toContain("x-forwarded-for");
		expect(headersToRemove).toEqual([]);
	});

	test("set and removed never share a name", () => {
		const name = fc.constantFrom("principal", "source", "subject", "decision", "x", "");
		fc.assert(
			fc.property(fc.array(name), fc.boolean(), fc.boolean(), fc.boolean(), (names, subject, principal, strip) => {
				const response = allow(
					{
						subject: subject ? "s" : null,
						principal: principal ? ORDERS : null,
						stripCredential: strip,
					},
					Object.fromEntries(names.map((end) => [`x-firebreak-${end}`, "forged"])),
				);
				const set = response.headers.map((header) => header.name);
				expect(set.filter((header) => response.headersToRemove.includes(header))).toEqual([]);
				for (const end of names) expect([...set, ...response.headersToRemove]).toContain(`x-firebreak-${end}`);
				for (const header of response.headers) expect(header.value).toMatch(/^[\x21-\x7e]+$/);
			}),
		);
	});

	test("credentials go upstream unless they are to be stripped", () => {
		expect(allow({ subject: "s" }).headersToRemove).toEqual([]);
		expect(allow({ subject: "s", stripCredential: true }).headersToRemove).toEqual(["authorization", "dpop"]);
	});

	test("under monitor, what would have been denied", () => {
		const would = { reason: "scope_missing", detail: "payments:write", policy: "p" } as const;
		expect(allow({ reason: "allowed_monitor", mode: "monitor", would }).metadata).toMatchObject({
			reason: "allowed_monitor",
			mode: "monitor",
			would: { reason: "scope_missing", detail: "payments:write" },
		});
		const bare = { ...would, detail: null };
		expect(allow({ would: bare }).metadata.would).toEqual({ reason: "scope_missing" });
	});

	test("a request that was not read is never allowed", () => {
		expect(respond(decisionOf(), ID, null)).toMatchObject({ allowed: false, code: 13, status: 500 });
	});
});

test.each([
	["svc:orders", "svc:orders"],
	["auth0|5f7c", "auth0|5f7c"],
	["a\r\nx-role: admin", "a%0D%0Ax-role:%20admin"],
	["\u0000", "%00"],
	["Zoë", "Zo%C3%AB"],
	["\u{1f600}", "%F0%9F%98%80"],
	["alice,admin", "alice%2Cadmin"],
	["100%", "100%25"],
	["\ud800", "%EF%BF%BD"],
	[" ", "%20"],
	["", ""],
])("the header text of %j is %j", (text, value) => {
	expect(headerText(text)).toBe(value);
});

test("header text can be read back", () => {
	fc.assert(
		fc.property(fc.string({ unit: "grapheme" }), (text) => {
			expect(decodeURIComponent(headerText(text))).toBe(text);
		}),
	);
});

describe("denied", () => {
	test.each(DENIALS)("%s", (reason) => {
		const entry = REASONS[reason];
		const response = deny({ reason, detail: "operators-only" });
		expect(response).toMatchObject({ allowed: false, code: entry.grpc, status: entry.status });
		expect(response.code).not.toBe(0);
		expect(response.status).toBeGreaterThanOrEqual(400);
		expect(JSON.parse(response.body)).toEqual({
			type: expect.stringMatching(/^urn:firebreak:problem:[a-z-]+$/),
			title: entry.title,
			status: entry.status,
			decision: ID,
		});
		const headers = headersOf(response);
		expect(headers).toMatchObject({
			"content-type": "application/problem+json",
			"cache-control": "no-store",
			"x-firebreak-decision": ID,
		});
		if (entry.status === 401) expect(headers["www-authenticate"]).toBeDefined();
		expect("retry-after" in headers).toBe(entry.status === 429);
		expect(response.metadata).toMatchObject({ decision: "deny", reason });
	});

	/** Nothing of the answer but its metadata, which stays with the proxy, tells reasons of one title apart. */
	test("one title, one answer", () => {
		const publicParts = (reason: DenyReason) => {
			const { metadata: _, ...rest } = deny({ reason, detail: reason, policy: reason });
			return JSON.stringify(rest);
		};
		const byTitle = new Map<string, Set<string>>();
		for (const reason of DENIALS) {
			const { title, status } = REASONS[reason];
			const answers = byTitle.get(`${status} ${title}`) ?? new Set();
			byTitle.set(`${status} ${title}`, answers.add(publicParts(reason)));
		}
		expect([...byTitle].filter(([, answers]) => answers.size !== 1)).toEqual([]);
	});

	const CHALLENGES: readonly (readonly [DenyReason, string | undefined])[] = [
		["identity_missing", 'Bearer realm="firebreak"'],
		["token_missing", 'Bearer realm="firebreak"'],
		["token_invalid", 'Bearer realm="firebreak", error="invalid_token"'],
		["token_revoked", 'Bearer realm="firebreak", error="invalid_token"'],
		["binding_mismatch", 'Bearer realm="firebreak", error="invalid_token"'],
		["credentials_conflict", 'Bearer realm="firebreak", error="invalid_request"'],
		["scope_missing", 'Bearer realm="firebreak", error="insufficient_scope"'],
		["proof_invalid", 'DPoP realm="firebreak", error="invalid_dpop_proof", algs="ES256 EdDSA Ed25519 RS256 PS256"'],
		["proof_replayed", 'DPoP realm="firebreak", error="invalid_dpop_proof", algs="ES256 EdDSA Ed25519 RS256 PS256"'],
		["proof_nonce", 'DPoP realm="firebreak", error="use_dpop_nonce", algs="ES256 EdDSA Ed25519 RS256 PS256"'],
		["no_policy", undefined],
		["policy_denied", undefined],
		["passport_context", undefined],
		["ambiguous_request", undefined],
		["keys_unavailable", undefined],
		["internal_error", undefined],
	];
	test.each(CHALLENGES)("challenge of %s: %s", (reason, challenge) => {
		expect(headersOf(deny({ reason }))["www-authenticate"]).toBe(challenge);
	});

	const ALGS = 'algs="ES256 EdDSA Ed25519 RS256 PS256"';
	test.each([
		["token_missing", ["DPoP"], `DPoP realm="firebreak", ${ALGS}`],
		["token_invalid", ["DPoP"], `DPoP realm="firebreak", error="invalid_token", ${ALGS}`],
		["token_missing", ["Bearer", "DPoP"], `Bearer realm="firebreak", DPoP realm="firebreak", ${ALGS}`],
		[
			"binding_mismatch",
			["Bearer", "DPoP"],
			`Bearer realm="firebreak", error="invalid_token", DPoP realm="firebreak", error="invalid_token", ${ALGS}`,
		],
		["proof_invalid", ["Bearer", "DPoP"], `DPoP realm="firebreak", error="invalid_dpop_proof", ${ALGS}`],
	] as const)("challenge of %s where a domain takes %s", (reason, schemes, challenge) => {
		expect(headersOf(deny({ reason, schemes }))["www-authenticate"]).toBe(challenge);
	});

	test("a want of scopes is told by the scheme that the token came by", () => {
		const token = tokenFacts({ bound: "dpop" });
		const response = deny({ reason: "scope_missing", missingScopes: ["a"], token });
		expect(headersOf(response)["www-authenticate"]).toBe(
			`DPoP realm="firebreak", error="insufficient_scope", scope="a", ${ALGS}`,
		);
	});

	test("a nonce goes with whatever it is told with, but for what is hidden", () => {
		expect(headersOf(deny({ reason: "proof_nonce", nonce: "n-1" }))["dpop-nonce"]).toBe("n-1");
		expect(headersOf(deny({ reason: "no_policy", nonce: "n-1", hidden: true }))["dpop-nonce"]).toBeUndefined();
		expect(allow({ nonce: "n-1" })).toMatchObject({
			allowed: true,
			responseHeaders: [{ name: "dpop-nonce", value: "n-1" }],
		});
	});

	test("scopes that are missing are named, and cannot break out of their quotes", () => {
		const challenge = (missingScopes: readonly string[]) =>
			headersOf(deny({ reason: "scope_missing", missingScopes }))["www-authenticate"];
		const start = 'Bearer realm="firebreak", error="insufficient_scope"';
		expect(challenge(["payments:read", "payments:write"])).toBe(`${start}, scope="payments:read payments:write"`);
		expect(challenge(['a"b', "c\\d", "e f", "g\r\n", "é", "", "ok"])).toBe(`${start}, scope="ok"`);
		expect(challenge(['"'])).toBe(start);
	});

	test("hidden: not found, and nothing else", () => {
		const response = deny({
			reason: "crossing_missing",
			hidden: true,
			missingScopes: ["x"],
			overdrawn: overdrawn("domain", 5),
		});
		expect(response).toMatchObject({ status: 404, code: 5, metadata: { reason: "crossing_missing" } });
		expect(JSON.parse(response.body)).toMatchObject({ title: "Not found", status: 404 });
		expect(Object.keys(headersOf(response)).sort()).toEqual(["cache-control", "content-type", "x-firebreak-decision"]);
		for (const reason of ["token_missing", "scope_missing", "no_policy"] as const) {
			const { metadata: _, ...rest } = deny({ reason, hidden: true });
			const { metadata: __, ...same } = response;
			expect(rest).toEqual(same);
		}
	});

	test.each([
		[0, 5, 1, "1", "5"],
		[0.2, 5, 1, "1", "5"],
		[2.1, 10, 3, "3", "4"],
		[60, 1, 1 / 60, "60", "60"],
		[1e30, 10_000_000, 1e-30, "999999999999999", "999999999999999"],
	])("after %s seconds, %s at once and %s a second", (retryAfter, burst, perSecond, wait, window) => {
		const budget = { kind: "domain", key: "internal", perSecond, burst, own: false } as const;
		const headers = headersOf(deny({ reason: "rate_limited", overdrawn: { budget, retryAfter } }));
		expect(headers).toMatchObject({
			"retry-after": wait,
			"ratelimit-policy": `"domain";q=${burst};w=${window}`,
			ratelimit: `"domain";r=0;t=${wait}`,
		});
	});

	test("without a budget, 429 asks for patience all the same", () => {
		const headers = headersOf(deny({ reason: "rate_limited" }));
		expect(headers).toMatchObject({ "retry-after": "1" });
		expect(headers).not.toHaveProperty("ratelimit");
	});

	test("no other denial tells of budgets", () => {
		for (const reason of DENIALS.filter((each) => REASONS[each].status !== 429)) {
			const headers = headersOf(deny({ reason, overdrawn: overdrawn("domain", 5) }));
			for (const name of ["retry-after", "ratelimit", "ratelimit-policy"]) expect(headers).not.toHaveProperty(name);
		}
	});

	test("a denial that calls itself allowed is a failure, not a pass", () => {
		for (const reason of ["allowed", "allowed_probe", "allowed_monitor"] satisfies Reason[]) {
			expect(deny({ reason })).toMatchObject({ allowed: false, code: 13, status: 500 });
		}
	});

	test("without a decision there is a denial still", () => {
		expect(FAILED).toMatchObject({ allowed: false, code: 13, status: 500 });
		expect(JSON.parse(FAILED.body)).toEqual({
			type: "urn:firebreak:problem:internal-error",
			title: "Internal error",
			status: 500,
		});
	});
});
