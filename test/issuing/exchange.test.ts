/** Token exchange, judged without a wire: never wider than the subject token, nor than the policies. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { PassportJson } from "../../src/core/passport/passport.ts";
import type { TokenFacts } from "../../src/core/request.ts";
import type { Actor, TokenClaims } from "../../src/issuing/claims.ts";
import {
	type ExchangeInput,
	type ExchangeRefusal,
	planExchange,
	type SubjectToken,
} from "../../src/issuing/exchange.ts";
import { type NoReach, type Reach, reachOf } from "../../src/issuing/reach.ts";
import { restrictionsOf } from "../../src/issuing/restrictions.ts";
import { conditionScope } from "../core/condition/scope.ts";
import { crossing, domain, issuer, policy, policySet, segment, snapshotOf } from "../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const SECONDS = NOW / 1_000;
const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const HASH = "H".repeat(43);
const OWN = issuer({
	url: "https://tokens.example.org",
	domain: "internal",
	options: { signer: "firebreak" },
	jwks: null,
});
const SEGMENTS = [
	segment({ name: "orders", owner: "orders-team" }),
	segment({ name: "payments" }),
	segment({ name: "staged", environment: "staging" }),
	segment({ name: "gateway", domain: "partner" }),
];
const DOMAINS = [domain({ name: "internal" }), domain({ name: "partner" })];

const snapshot = (policies: Parameters<typeof policy>[0][], crossings: Parameters<typeof crossing>[0][] = []) =>
	snapshotOf(
		policySet({
			domains: DOMAINS,
			segments: SEGMENTS,
			policies: policies.map(policy),
			crossings: crossings.map(crossing),
		}),
	);
const READ = { name: "read", source: "orders", destination: "payments", scopes: ["payments:read"] };
const WRITE = {
	name: "write",
	source: "orders",
	destination: "payments",
	methods: ["POST"],
	scopes: ["payments:write"],
	scopes_any: ["gold", "silver"],
};

const of = (name: string) => SEGMENTS.find((row) => row.name === name)!;
function reach(policies = [READ, WRITE] as Parameters<typeof policy>[0][], to = "payments", lane: Lane | null = null) {
	return reachOf(snapshot(policies), lane, ORDERS, of("orders"), of(to), NOW);
}
function reachable(...given: Parameters<typeof reach>): Reach {
	const found = reach(...given);
	if (!("allows" in found)) throw new Error(found.reason);
	return found;
}

const facts = (changes: Partial<TokenFacts> = {}): TokenFacts => ({
	issuer: "https://id.example.org",
	id: "subject-1",
	subject: "alice",
	subjectKind: "user",
	scopes: ["payments:read", "payments:write", "gold", "profile"],
	allScopes: changes.scopes ?? ["payments:read", "payments:write", "gold", "profile"],
	issuedAt: SECONDS - 60,
	expiresAt: SECONDS + 3_600,
	keyThumbprint: "k",
	bound: null,
	owner: null,
	purpose: null,
	claims: {},
	...changes,
});
const subject = (changes: Partial<SubjectToken> = {}): SubjectToken => ({
	token: facts(),
	passport: null,
	expiresAt: SECONDS + 3_600,
	notBefore: null,
	...changes,
});
const input = (changes: Partial<ExchangeInput> = {}): ExchangeInput => ({
	subject: subject(),
	client: { principal: ORDERS, certificateHash: HASH },
	reach: reachable(),
	issuer: OWN,
	scopes: null,
	id: "x-1",
	now: NOW,
	...changes,
});
const isRefused = (plan: TokenClaims | ExchangeRefusal): plan is ExchangeRefusal => "error" in plan;
function exchanged(changes: Partial<ExchangeInput> = {}): TokenClaims {
	const plan = planExchange(input(changes));
	if (isRefused(plan)) throw new Error(`${plan.error} ${plan.detail}`);
	return plan;
}

describe("an exchanged token", () => {
	test("names a subject of another domain together with its issuer, but for a workload of that domain by its SPIFFE ID", () => {
		const joined = snapshot(
			[{ ...READ, destination: "gateway" }],
			[{ name: "over", source_domain: "internal", destination_domain: "partner", accepted: true }],
		);
		const over = reachOf(joined, null, ORDERS, of("orders"), of("gateway"), NOW) as Reach;
		const named = (changes: Partial<TokenFacts>) =>
			exchanged({ reach: over, subject: subject({ token: facts(changes) }) }).sub;
		expect(named({})).toBe("https://id.example.org|alice");
		expect(named({ subject: "batch", subjectKind: "client" })).toBe("https://id.example.org|batch");
		const workload = (name: string) => `spiffe://prod.example.org/ns/${name}/sa/${name}`;
		for (const theirs of [ORDERS, workload("payments"), workload("staged")]) {
			expect(named({ subject: theirs, subjectKind: "workload" })).toBe(theirs);
		}
		for (const subjectKind of ["user", "client"] as const) {
			expect(named({ subject: ORDERS, subjectKind })).toBe(`https://id.example.org|${ORDERS}`);
		}
		const longest = "s".repeat(LIMITS.subjectBytes - "https://id.example.org|".length);
		expect(named({ subject: longest })).toHaveLength(LIMITS.subjectBytes);
		expect(
			planExchange(input({ reach: over, subject: subject({ token: facts({ subject: `${longest}s` }) }) })),
		).toEqual({
			error: "invalid_target",
			detail: "size",
		});
		const pod = "system:serviceaccount:orders:orders";
		// Of the destination's domain, of no segment, and no workload at all.
		for (const other of [workload("gateway"), workload("nobody"), "spiffe://prod.example.org", pod]) {
			expect(named({ subject: other, subjectKind: "workload" })).toBe(`https://id.example.org|${other}`);
		}
	});

	test("is cut to the destination, the workload and its certificate, and carries who it is for and who acts", () => {
		expect(exchanged({ scopes: ["payments:read"] })).toEqual({
			iss: OWN.url,
			aud: "payments",
			sub: "alice",
			client_id: ORDERS,
			jti: "x-1",
			iat: SECONDS,
			exp: SECONDS + LIMITS.issuedTokenMs / 1_000,
			scope: "payments:read",
			cnf: { "x5t#S256": HASH },
			act: { sub: ORDERS },
			firebreak: {
				owner: "orders-team",
				purpose: "token exchange",
				sources: [ORDERS],
				destinations: ["payments"],
				environment: "prod",
				kind: "user",
				origin: { iss: "https://id.example.org", jti: "subject-1", sub: "alice", iat: SECONDS - 60, key: "k" },
			},
		});
	});

	test("says what it was exchanged for, and what that was exchanged for before", () => {
		const first = {
			issuer: "https://keys.example.org",
			id: null,
			subject: "batch",
			issuedAt: null,
			keyThumbprint: null,
		};
		expect(exchanged({ subject: subject({ token: facts({ origin: first }) }) }).firebreak.origin).toEqual({
			iss: "https://id.example.org",
			jti: "subject-1",
			sub: "alice",
			iat: SECONDS - 60,
			key: "k",
			origin: { iss: "https://keys.example.org", sub: "batch" },
		});
	});

	test("holds by itself what the policies ask for and the subject token has, and nothing else", () => {
		expect(exchanged().scope).toBe("payments:read payments:write gold");
	});

	test("keeps the scopes by which a deny knows the subject token, asked for or not", () => {
		const deny = { name: "no-guests", effect: "deny" as const, source: "orders", destination: "payments" };
		const token = facts({ scopes: ["payments:read", "guest", "trial", "profile"] });
		const from = (changes: object) => ({
			subject: subject({ token }),
			reach: reachable([READ, { ...deny, ...changes }]),
		});
		expect(exchanged(from({ scopes: ["guest"] })).scope).toBe("payments:read guest");
		expect(exchanged({ ...from({ scopes_any: ["guest", "trial"] }), scopes: ["payments:read"] }).scope).toBe(
			"payments:read guest trial",
		);
		for (const idle of [{ scopes: ["other"] }, { scopes: ["guest"], mode: "monitor" as const }]) {
			expect(exchanged(from(idle)).scope).toBe("payments:read");
		}
	});

	test("keeps a scope that its registration took away where a deny knows it by that, but never to pass by", () => {
		const deny = { name: "no-guests", effect: "deny" as const, source: "orders", destination: "payments" };
		const token = { ...facts({ scopes: ["payments:read"] }), allScopes: ["payments:read", "guest", "idle"] };
		const rules = [READ, { ...deny, scopes: ["guest"] }];
		const from = (...more: Parameters<typeof policy>[0][]) => ({
			subject: subject({ token }),
			reach: reachable([...rules, ...more]),
		});
		expect(exchanged(from()).scope).toBe("payments:read guest");
		for (const scopes of [{ scopes: ["guest"] }, { scopes_any: ["guest", "x"], valid_from: NOW + 1_000 }]) {
			expect(planExchange(input(from({ ...READ, name: "guests", ...scopes })))).toEqual({
				error: "invalid_target",
				detail: "scope",
			});
		}
	});

	test("needs no scope where no policy asks for one", () => {
		const open = reachable([{ ...READ, scopes: [] }]);
		expect(exchanged({ reach: open })).not.toHaveProperty("scope");
	});

	test("inherits every restriction", () => {
		const passport: PassportJson = {
			owner: "alice-team",
			purpose: "support",
			sources: ["orders", "web"],
			destinations: ["payments", "ledger"],
			networks: ["10.0.0.0/8"],
			environment: "prod",
			device: HASH,
			windows: [{ from: "08:00", until: "18:00", zone: "UTC" }],
		};
		const nbf = SECONDS + 20;
		expect(exchanged({ subject: subject({ passport, notBefore: nbf }) })).toMatchObject({
			nbf,
			firebreak: { ...passport, sources: [ORDERS], destinations: ["payments"] },
		});
	});

	test("ends with the subject token, and never later than the issuer lets it", () => {
		expect(exchanged({ subject: subject({ expiresAt: SECONDS + 10.9 }) }).exp).toBe(SECONDS + 10);
		expect(exchanged({ issuer: { ...OWN, max_lifetime: 30 } }).exp).toBe(SECONDS + 30);
	});

	test("names who acted before, up to a bounded depth", () => {
		const chain = (depth: number): Actor => (depth === 1 ? { sub: "w1" } : { sub: `w${depth}`, act: chain(depth - 1) });
		const from = (act: unknown, more: object = {}) => ({
			subject: subject({ token: facts({ claims: { act, ...more } }) }),
		});
		expect(exchanged(from({ sub: "web", act: { sub: "edge", iss: "x" } })).act).toEqual({
			sub: ORDERS,
			act: { sub: "web", act: { sub: "edge" } },
		});
		expect(exchanged(from(chain(LIMITS.actorDepth - 1))).act).toEqual({
			sub: ORDERS,
			act: chain(LIMITS.actorDepth - 1),
		});
		for (const act of [chain(LIMITS.actorDepth), "web", {}, { sub: 1 }, { sub: "" }, null, { sub: "a", act: "b" }]) {
			expect(planExchange(input(from(act)))).toEqual({ error: "invalid_request", detail: "actor" });
		}
		expect(exchanged({ subject: subject({ token: facts({ claims: { may_act: { sub: ORDERS } } }) }) }).act).toEqual({
			sub: ORDERS,
		});
		for (const may_act of [{ sub: "spiffe://prod.example.org/other" }, {}, "x", null]) {
			expect(planExchange(input({ subject: subject({ token: facts({ claims: { may_act } }) }) }))).toMatchObject({
				detail: "actor",
			});
		}
	});

	const refused: readonly (readonly [string, Partial<ExchangeInput>, string, string])[] = [
		[
			"a scope that the subject token lacks",
			{
				subject: subject({ token: facts({ scopes: ["payments:read"] }) }),
				scopes: ["payments:read", "payments:write"],
			},
			"invalid_scope",
			"beyond_subject",
		],
		[
			"a scope that no policy of the way asks for",
			{ scopes: ["payments:read", "profile"] },
			"invalid_scope",
			"beyond_policy",
		],
		["scopes that satisfy no policy", { scopes: ["payments:write"] }, "invalid_scope", "insufficient"],
		[
			"a subject token without scopes where some are due",
			{ subject: subject({ token: facts({ scopes: [] }) }) },
			"invalid_scope",
			"insufficient",
		],
		["a subject token that is over", { subject: subject({ expiresAt: SECONDS }) }, "invalid_request", "expired"],
		[
			"an issuer that takes other purposes",
			{ issuer: { ...OWN, options: { signer: "firebreak", purposes: ["x"] } } },
			"invalid_target",
			"purpose",
		],
		["an issuer that takes other bindings", { issuer: { ...OWN, binding: "dpop" } }, "invalid_target", "binding"],
	];
	test.each(refused)("is not given for %s", (_name, changes, error, detail) => {
		expect(planExchange(input(changes))).toEqual({ error, detail });
	});
});

describe("claims that conditions read", () => {
	const allow = (condition: string) => ({ ...READ, condition });
	const deny = (condition: string) => ({ ...READ, name: "deny", effect: "deny" as const, scopes: [], condition });
	const claims = { sub: "alice", iss: "https://id.example.org", contractor: true, team: "red", idle: "x", exp: 1 };
	const from = (token: Partial<TokenFacts> = {}) => subject({ token: facts({ claims, ...token }) });
	const within = (...rules: object[]) => reachable([READ, ...rules] as Parameters<typeof policy>[0][]);
	const over = (...rules: object[]) => {
		const rows = [READ, ...rules].map((row) => ({ ...row, destination: "gateway" })) as Parameters<typeof policy>[0][];
		const joined = { name: "over", source_domain: "internal", destination_domain: "partner", accepted: true };
		return reachOf(snapshot(rows, [joined]), null, ORDERS, of("orders"), of("gateway"), NOW) as Reach;
	};
	const bare = exchanged({ scopes: ["payments:read"] });
	const names = Object.keys(bare);

	const kept: readonly (readonly [string, object, readonly string[]])[] = [
		["a deny by it", deny("token.contractor == true"), ["contractor"]],
		["a deny that looks first", deny("has(token.contractor) && token.contractor == true"), ["contractor"]],
		["a deny by two", deny('token.contractor == true && token.team == "red"'), ["contractor", "team"]],
		["an allow", { ...allow("!has(token.contractor)"), name: "allow" }, ["contractor"]],
		["an allow by its name as a text", { ...allow('!("contractor" in token)'), name: "allow" }, ["contractor"]],
		["a deny by one that the token lacks", deny("has(token.absent)"), []],
		["a deny by the subject", deny('token.sub == "mallory"'), []],
		[
			"an allow by the new token's own",
			{ ...allow('token.client_id == "x" && has(token.firebreak)'), name: "allow" },
			[],
		],
		["a deny by none", deny('request.method == "PUT"'), []],
		["a deny that only watches", { ...deny("token.contractor == true && token.iss == 1"), mode: "monitor" }, []],
		["an allow that only watches", { ...allow("size(token) == 1"), name: "allow", mode: "monitor" }, []],
		["a deny that is to come", { ...deny("token.contractor == true"), valid_from: NOW + 60_000 }, ["contractor"]],
		["a deny of much later", { ...deny("size(token) > 5"), valid_from: NOW + 3_600_000 }, []],
	];
	test.each(kept)("stay for %s", (_name, rule, wanted) => {
		const plan = exchanged({ subject: from(), reach: within(rule), scopes: ["payments:read"] });
		const more = Object.entries(plan).filter(([name]) => !names.includes(name));
		expect(Object.fromEntries(more)).toEqual(
			Object.fromEntries(wanted.map((name) => [name, claims[name as keyof typeof claims]])),
		);
		// What it says for itself is what it always is.
		for (const name of names) expect(plan[name as keyof TokenClaims]).toEqual(bare[name as keyof TokenClaims]);
	});

	const own = "iss aud client_id jti iat nbf exp scope cnf act may_act firebreak".split(" ");
	test.each([
		...own.map((name) => `has(token.${name})`),
		'token.client_id == "web"',
		'token.team == "red" && token.iss == "https://id.example.org"',
		"token[request.method] == true",
		'token.exists(k, k == "contractor")',
		"size(token) > 5",
	])("of the new token's own: none is given where a deny reads %s", (condition) => {
		expect(planExchange(input({ subject: from(), reach: within(deny(condition)) }))).toEqual({
			error: "invalid_target",
			detail: "condition",
		});
	});

	/** What the exchange states anew, and what of it an allow may read: those are facts of the new token. */
	const stated = "iss aud client_id jti iat nbf exp cnf act firebreak".split(" ");
	const CONDITION = { error: "invalid_target", detail: "condition" };
	const asked = { subject: from(), scopes: ["payments:read"] };

	test.each(stated)("of the new token's own: an allow may read %s, within a domain and over its border", (name) => {
		for (const condition of [`has(token.${name})`, `!has(token.${name})`]) {
			const rule = { ...allow(condition), name: "allow" };
			for (const found of [within(rule), over(rule)])
				expect(isRefused(planExchange(input({ ...asked, reach: found })))).toBe(false);
		}
	});

	const lost = [
		'token.scope == "payments:read"',
		"!has(token.may_act)",
		"token[request.method] == true",
		"size(token) > 5",
	];
	test.each(lost)("that cannot stay: none is given that an allow by %s could let pass", (condition) => {
		for (const way of [within, over]) {
			const rule = { ...allow(condition), name: "allow" };
			expect(planExchange(input({ ...asked, reach: way(rule) }))).toEqual(CONDITION);
			expect(planExchange(input({ ...asked, reach: way({ ...rule, scopes: ["gold"] }) }))).not.toHaveProperty("error");
			expect(planExchange(input({ ...asked, scopes: ["gold"], reach: way({ ...rule, scopes: ["gold"] }) }))).toEqual({
				error: "invalid_scope",
				detail: "beyond_policy",
			});
			const soon = { ...rule, valid_from: NOW + LIMITS.issuedTokenMs };
			expect(planExchange(input({ ...asked, reach: way(soon) }))).toEqual(CONDITION);
			expect(
				planExchange(input({ ...asked, reach: way({ ...soon, valid_from: NOW + 3_600_000 }) })),
			).not.toHaveProperty("error");
		}
	});

	test("that cannot stay: none is given where no other allow is left", () => {
		const only = reachable([allow("!has(token.may_act)")]);
		expect(planExchange(input({ ...asked, reach: only }))).toEqual(CONDITION);
	});

	test("of the name `sub`: none is given where a rule reads it, and it is not what names the subject", () => {
		for (const rule of [deny('token.sub == "alice"'), { ...allow('token.sub == "oid-1"'), name: "allow" }]) {
			const renamed = { subject: from({ subject: "oid-1" }), reach: within(rule), scopes: ["payments:read"] };
			expect(planExchange(input(renamed))).toEqual(CONDITION);
			expect(isRefused(planExchange(input({ ...renamed, subject: from() })))).toBe(false);
		}
	});

	test("stay behind at a border, and none is given where a deny there reads them, or an allow that it could pass by", () => {
		const open = { ...allow("!has(token.contractor)"), name: "allow" };
		expect(planExchange(input({ ...asked, reach: over(open) }))).toEqual(CONDITION);
		expect(Object.keys(exchanged({ ...asked, reach: over({ ...open, scopes: ["gold"] }) }))).toEqual(names);
		const byName = { ...allow('token.sub == "https://id.example.org|alice"'), name: "allow" };
		expect(Object.keys(exchanged({ ...asked, reach: over(byName) }))).toEqual(names);
		const bySubject = deny('token.sub == "https://id.example.org|mallory"');
		expect(Object.keys(exchanged({ subject: from(), reach: over(bySubject) }))).toEqual(names);
		for (const condition of ["token.contractor == true", "has(token.absent)", "size(token) == 1", "has(token.iss)"]) {
			expect(planExchange(input({ subject: from(), reach: over(deny(condition)) }))).toEqual({
				error: "invalid_target",
				detail: "condition",
			});
		}
	});

	test("whatever they say: what the rules refuse of the subject token, they refuse of the new one", () => {
		const value = fc.constantFrom<unknown>(true, false, "red", 3, 0.5, null, ["a"], { level: 2 });
		const given = fc.record(
			{
				contractor: value,
				team: value,
				level: value,
				client_id: value,
				iss: value,
				sub: fc.constantFrom("alice", "bob"),
			},
			{ requiredKeys: [] },
		);
		const read = [
			'request.method == "GET"',
			"token.contractor == true",
			"has(token.contractor) && token.contractor == true",
			"!has(token.contractor)",
			'"team" in token && token["team"] == "red"',
			"token.level > 2",
			'token.team == "red" || token.level.level == 2',
		];
		const denying = [...read, 'token.sub == "alice"', 'token.client_id == "red"', "has(token.iss)", "size(token) > 3"];
		const allowing = [...read, '!token.exists(k, k == "team")', "!has(token.may_act)"];
		const some = (texts: string[], minLength: number) =>
			fc.uniqueArray(fc.constantFrom(...texts), { minLength, maxLength: 3 });
		const refuses = ({ allows, denies }: Reach, token: object) => {
			const say = (rule: Reach["allows"][number]) =>
				rule.condition?.evaluate(conditionScope({ token: token as TokenFacts["claims"] })) ?? "true";
			return denies.some((rule) => say(rule) !== "false") || !allows.some((rule) => say(rule) === "true");
		};
		const seen = { refused: 0, kept: 0, open: 0 };
		fc.assert(
			fc.property(given, some(allowing, 1), some(denying, 0), (told, allows, denies) => {
				const found = reachable([
					...allows.map((text, index) => ({ ...allow(text), name: `a${index}` })),
					...denies.map((text, index) => ({ ...deny(text), name: `d${index}` })),
				]);
				const plan = planExchange(input({ subject: from({ claims: told }), reach: found }));
				if (isRefused(plan)) {
					expect(plan.detail).toBe("condition");
					seen.refused++;
				} else if (refuses(found, told)) {
					expect(refuses(found, plan)).toBe(true);
					seen.kept++;
				} else seen.open++;
			}),
			{ numRuns: 1_000 },
		);
		expect(Math.min(seen.refused, seen.kept, seen.open)).toBeGreaterThan(20);
	});
});

describe("what a workload may reach", () => {
	const none = (found: Reach | NoReach) => ("allows" in found ? found.allows.map(({ name }) => name) : found);

	test("is what allow rules of its segment, or of any, let it do now", () => {
		expect(none(reach())).toEqual(["read", "write"]);
		expect(none(reach([{ ...READ, source: "*" }]))).toEqual(["read"]);
		for (const policies of [
			[],
			[{ ...READ, source: "gateway" }],
			[{ ...READ, source: "anonymous" }],
			[{ ...READ, valid_until: NOW }],
			[{ ...READ, valid_from: NOW + 1 }],
		]) {
			expect(none(reach(policies))).toEqual({ reason: "no_policy", detail: null });
		}
	});

	test("is nothing where a deny refuses everything", () => {
		const deny = { name: "stop", effect: "deny" as const, source: "*", destination: "payments", methods: ["*"] };
		expect(none(reach([READ, deny]))).toEqual({ reason: "policy_denied", detail: "stop" });
		for (const less of [
			{ methods: ["GET"] },
			{ paths: ["/v1/**"] },
			{ hosts: ["a.example.org"] },
			{ condition: "true" },
			{ mode: "monitor" as const },
			{ scopes: ["x"] },
		]) {
			expect(none(reach([READ, { ...deny, ...less }]))).toEqual(["read"]);
		}
	});

	test("is nothing in quarantine, nor over a border without a crossing", () => {
		const lane = new Lane();
		lane.apply({ seq: 1, kind: "quarantine", key: "", payload: { kind: "workload", name: ORDERS }, until: null });
		expect(none(reach([READ], "payments", lane))).toEqual({ reason: "source_quarantined", detail: "workload" });
		const call = { ...READ, destination: "gateway" };
		expect(none(reach([call], "gateway"))).toEqual({ reason: "crossing_missing", detail: "absent" });
		expect(none(reach([{ ...READ, destination: "staged" }], "staged"))).toEqual({
			reason: "environment_crossing",
			detail: "absent",
		});
		const joined = { name: "c", source_domain: "internal", destination_domain: "partner" };
		const over = (changes: object) =>
			none(reachOf(snapshot([call], [{ ...joined, ...changes }]), null, ORDERS, of("orders"), of("gateway"), NOW));
		expect(over({})).toEqual(["read"]);
		expect(over({ accepted: false })).toMatchObject({ reason: "crossing_missing" });
		expect(over({ expires: NOW })).toMatchObject({ reason: "crossing_expired" });
	});
});

describe("restrictions of a token", () => {
	const registered = (passport: object, more: object = {}) => {
		const lane = new Lane();
		const payload = {
			issuer: "https://id.example.org",
			token_id: "subject-1",
			expires: SECONDS + 100,
			scopes: [],
			passport: { owner: "a", purpose: "b", ...passport },
			...more,
		};
		lane.apply({ seq: 1, kind: "passport", key: "", payload, until: null });
		return lane;
	};

	test("are those that it carries and those that it is registered with, and the narrower times of both", () => {
		const own = { owner: "o", purpose: "p", networks: ["10.0.0.0/8"] };
		expect(restrictionsOf(facts(), null, new Lane(), NOW)).toEqual({
			passport: null,
			expiresAt: SECONDS + 3_600,
			notBefore: null,
		});
		const lane = registered({ environment: "prod" }, { not_before: SECONDS - 5 });
		expect(restrictionsOf(facts({ claims: { nbf: SECONDS - 9 } }), own, lane, NOW)).toEqual({
			passport: { ...own, environment: "prod" },
			expiresAt: SECONDS + 100 - LIMITS.clockSkewSeconds,
			notBefore: SECONDS - 5,
		});
		expect(restrictionsOf(facts(), null, lane, NOW)?.passport).toEqual({
			owner: "a",
			purpose: "b",
			environment: "prod",
		});
	});

	test("that say the same in two ways are none that one passport can hold", () => {
		const own = { owner: "o", purpose: "p", networks: ["10.0.0.0/8"] };
		expect(restrictionsOf(facts(), own, registered({ networks: ["10.0.0.0/8"] }), NOW)?.passport).toEqual(own);
		expect(restrictionsOf(facts(), own, registered({ networks: ["10.1.0.0/16"] }), NOW)).toBeNull();
	});
});

describe("whatever comes in", () => {
	const word = fc.constantFrom("a", "b", "c", "d", "e");
	const words = fc.uniqueArray(word);
	const rule = fc.record({ scopes: words, scopes_any: words });
	const list = (of: string[]) =>
		fc.option(fc.uniqueArray(fc.constantFrom(...of), { minLength: 1 }), { nil: undefined });
	const passports = fc.option(
		fc.record(
			{
				owner: fc.constant("o"),
				purpose: fc.constant("p"),
				sources: list(["orders", ORDERS, "web"]),
				destinations: list(["payments", "ledger"]),
				networks: list(["10.0.0.0/8", "192.168.0.0/16"]),
				environment: fc.option(fc.constant("prod"), { nil: undefined }),
				device: fc.option(fc.constant(HASH), { nil: undefined }),
			},
			{ requiredKeys: ["owner", "purpose"] },
		),
		{ nil: null },
	);

	test("the token is no wider than the subject token and the policies, against naive sets", () => {
		let given = 0;
		fc.assert(
			fc.property(
				fc.array(rule, { minLength: 1, maxLength: 4 }),
				words,
				fc.option(words, { nil: null }),
				passports,
				fc.integer({ min: -10, max: 10_000 }),
				(rules, held, wanted, passport, left) => {
					const policies = rules.map((scopes, index) => ({ ...READ, ...scopes, name: `p${index}` }));
					const restricted = passport as PassportJson | null;
					const from = subject({ token: facts({ scopes: held }), passport: restricted, expiresAt: SECONDS + left });
					const plan = planExchange(input({ subject: from, scopes: wanted, reach: reachable(policies) }));
					const asked = new Set(rules.flatMap(({ scopes, scopes_any }) => [...scopes, ...scopes_any]));
					const most = held.filter((scope) => asked.has(scope));
					const chosen = wanted ?? most;
					const enough = rules.some(
						({ scopes, scopes_any: any }) =>
							scopes.every((scope) => chosen.includes(scope)) &&
							(any.length === 0 || any.some((scope) => chosen.includes(scope))),
					);
					const possible = left > 0 && chosen.every((scope) => most.includes(scope)) && enough;
					expect(isRefused(plan)).toBe(!possible);
					if (isRefused(plan)) return;
					given++;
					const scopes = plan.scope?.split(" ") ?? [];
					expect(new Set(scopes)).toEqual(new Set(chosen));
					expect(plan.exp).toBeLessThanOrEqual(SECONDS + left);
					const { firebreak } = plan;
					expect(firebreak).toMatchObject({ sources: [ORDERS], destinations: ["payments"] });
					for (const field of ["networks", "environment", "device"] as const) {
						if (passport?.[field] !== undefined) expect(firebreak[field]).toEqual(passport[field]);
					}
				},
			),
			{ numRuns: 500 },
		);
		expect(given).toBeGreaterThan(20);
	});
});
