/**
 * The whole way of a token, from its issue through exchange to the decision on its use: at whatever use and instant a request
 * passes with the exchanged token, under whatever rules, it would have passed with the one that was given for it, had that
 * said of itself what the exchange states anew; and it spends the same budget.
 */
import { hash } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { decodeJwt } from "jose";
import type { PolicyRow } from "../../src/core/model.ts";
import type { PassportJson, WindowJson } from "../../src/core/passport/passport.ts";
import type { CredentialVerdict, TokenFacts } from "../../src/core/request.ts";
import { OAuthError } from "../../src/public/oauth-error.ts";
import {
	companyOf,
	DESTINATIONS,
	type Given,
	issue,
	MAIN,
	NOW,
	type Order,
	OWN,
	Server,
	SOURCES,
	type Use,
} from "../support/exchanging.ts";
import { policy } from "../support/policy-set.ts";
import { spiffe } from "../support/requests.ts";

jest.setTimeout(120_000);

const SCOPES = ["read", "write", "audit", "guest"];
const HASH = hash("sha256", "certificate", "base64url");
const OTHER = hash("sha256", "another", "base64url");
const ADDRESSES = ["10.1.2.3", "10.1.2.3", "192.0.2.7", null];

const windows = fc.constantFrom<WindowJson[][]>(
	[{ from: "20:00", until: "20:28", zone: "UTC" }],
	[{ from: "20:27", until: "23:00", zone: "UTC" }],
);
/** Mostly absent, and mostly kept where it is there: else hardly any token would be exchanged. */
const seldom = <T>(values: fc.Arbitrary<T>) =>
	fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
const restrictions: fc.Arbitrary<Partial<PassportJson>> = fc
	.record({
		sources: seldom(fc.constantFrom(["orders"], [spiffe("orders")], ["orders", "web"])),
		destinations: seldom(fc.constantFrom(["payments"], ["payments", "reports"])),
		networks: seldom(fc.constantFrom(["10.0.0.0/8"], ["192.0.2.0/24"], ["0.0.0.0/0"])),
		environment: seldom(fc.constantFrom("prod", "prod", "prod", "dev")),
		device: seldom(fc.constantFrom(HASH, HASH, HASH, OTHER)),
		windows: seldom(windows),
	})
	.map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
const registration = fc.record({
	passport: restrictions,
	scopes: fc.oneof(fc.constant([]), fc.subarray(SCOPES)),
	life: fc.integer({ min: 35, max: 400 }),
});
const given: fc.Arbitrary<Given> = fc.record({
	issuer: fc.constantFrom(MAIN, OWN),
	carried: restrictions,
	registered: fc.option(registration, { freq: 2 }),
	scopes: fc.subarray(SCOPES, { minLength: 1 }),
	subject: fc.constantFrom("alice", spiffe("orders"), spiffe("billing"), spiffe("nobody")),
	life: fc.integer({ min: 5, max: 400 }),
	notBefore: seldom(fc.integer({ min: -120, max: 30 })),
	boundTo: fc.option(fc.constant(HASH)),
	told: fc.record(
		{
			contractor: fc.boolean(),
			team: fc.constantFrom("red", "blue"),
			auth_time: fc.constantFrom(NOW - 10, NOW - 1_000),
			may_act: fc.constantFrom(...["orders", "orders", "web"].map((name) => ({ sub: spiffe(name) }))),
			act: fc.constant({ sub: "edge" }),
		},
		{ requiredKeys: [] },
	),
});
const order: fc.Arbitrary<Order> = fc.record({
	source: fc.constantFrom("orders", ...SOURCES),
	destination: fc.constantFrom("payments", "payments", ...DESTINATIONS),
	address: fc.constantFrom(...ADDRESSES),
	certificateHash: fc.constant(HASH),
	scope: seldom(fc.subarray(SCOPES, { minLength: 1, maxLength: 2 })),
});
const use: fc.Arbitrary<Use> = fc.record({
	source: fc.constantFrom(...SOURCES),
	destination: fc.constantFrom(...DESTINATIONS),
	method: fc.constantFrom("GET", "POST"),
	address: fc.constantFrom(...ADDRESSES),
	certificateHash: fc.constantFrom(HASH, OTHER, null),
	after: fc.integer({ min: 0, max: 450 }),
});

/** By what stays, by what the exchange states, by what is lost, and by no claim. */
const CONDITIONS = [
	'request.method == "GET"',
	"!has(token.contractor)",
	"token.contractor == true",
	'"team" in token && token.team == "red"',
	"now - timestamp(token.auth_time) < duration('100s')",
	'token.sub == "alice"',
	`token.sub == "${spiffe("billing")}"`,
	`token.sub == "${MAIN}|alice"`,
	`token.sub != "${spiffe("orders")}"`,
	`token.client_id == "${spiffe("orders")}"`,
	`token.iss == "${OWN}"`,
	"token.exp - token.iat <= 300",
	"has(token.act)",
	"!has(token.nbf)",
	'has(token.firebreak) && token.firebreak.owner == "platform"',
	'token.scope == "read"',
	'!token.scope.contains("guest")',
	"!has(token.may_act)",
	"size(token) > 11",
	'!token.exists(k, k == "contractor")',
];
const instant = fc.option(fc.integer({ min: -50, max: 450 }), { freq: 2 });
const rule = (effect: PolicyRow["effect"]) =>
	fc.record({
		effect: fc.constant(effect),
		source: fc.constantFrom("*", "*", "orders", ...SOURCES),
		destination: fc.constantFrom("payments", "payments", "gateway", ...DESTINATIONS),
		methods: fc.constantFrom(["*"], ["GET"], ["POST"]),
		scopes: fc.oneof(fc.constant([]), fc.subarray(SCOPES, { maxLength: effect === "deny" ? 2 : 1 })),
		scopes_any: fc.oneof(fc.constant([]), fc.subarray(SCOPES, { maxLength: 3 })),
		condition: fc.option(fc.constantFrom(...CONDITIONS), { freq: effect === "deny" ? 3 : 8 }),
		validity: fc.tuple(instant, instant),
		mode: fc.constantFrom<PolicyRow["mode"]>("enforce", "enforce", "enforce", "monitor"),
	});
/** Some way is open, so that there are exchanges at all. */
const open = SOURCES.flatMap((source) =>
	DESTINATIONS.map((destination) =>
		policy({ name: `${source}-${destination}`, source, destination, scopes: [], scopes_any: SCOPES.slice(0, 3) }),
	),
);
const policies = fc
	.tuple(
		fc.array(rule("allow"), { minLength: 1, maxLength: 6 }),
		fc.array(rule("deny"), { maxLength: 2 }),
		fc.constantFrom(true, true, false),
	)
	.map(([allows, denies, more]) => [
		...(more ? open : []),
		...[...allows, ...denies].map(({ validity: [one, two], ...row }, index) => {
			const [from, until] = one !== null && two !== null && one > two ? [two, one] : [one, two];
			const at = (after: number | null) => (after === null ? null : (NOW + after) * 1_000);
			const times = from === until ? {} : { valid_from: at(from), valid_until: at(until) };
			return policy({ name: `rule-${index}`, ...row, ...times });
		}),
	]);

/** What the exchange states anew about the new token, by design: docs/how-to/issue-tokens.md. */
const STATED = ["iss", "aud", "client_id", "jti", "iat", "nbf", "exp", "cnf", "act", "firebreak"];

/** The facts of the token that was given, as if it said of itself what the new one does. */
function asStated(before: TokenFacts, after: TokenFacts, over: boolean): CredentialVerdict {
	const kept = Object.entries(before.claims).filter(([name]) => !STATED.includes(name));
	const names = over ? [...STATED, "sub"] : STATED;
	const stated = names.filter((name) => name in after.claims).map((name) => [name, after.claims[name]]);
	return { kind: "token", token: { ...before, claims: Object.fromEntries([...kept, ...stated]) } };
}

test("exchange never widens what a token may do", async () => {
	const seen = { refused: 0, condition: 0, exchanged: 0, over: 0, passed: 0, denied: 0, again: 0 };
	const limits = [MAIN, OWN].map((name) => ({ kind: "token" as const, name, per_second: 1, burst: 2 }));
	const uses = fc.array(use, { minLength: 4, maxLength: 8 });
	await fc.assert(
		fc.asyncProperty(given, order, policies, uses, fc.boolean(), async (from, asked, rules, others, again) => {
			const issued = issue(from);
			// An order that the policies do not grant is refused before there is any token.
			fc.pre(issued !== null);
			const { lane, token } = issued;
			const server = new Server(companyOf(rules, limits), lane);
			try {
				const over = asked.destination === "gateway";
				let exchanged: string;
				try {
					exchanged = await server.exchange(token, asked, "x-1");
				} catch (error) {
					expect(error).toBeInstanceOf(OAuthError);
					seen.refused++;
					if ((error as OAuthError).detail === "condition") seen.condition++;
					return;
				}
				// Once more, for the same place: no wider either.
				if (again && !over) {
					exchanged = await server.exchange(exchanged, { ...asked, scope: undefined }, "x-2").catch(() => exchanged);
					if (decodeJwt(exchanged).jti === "x-2") seen.again++;
				}
				seen.exchanged++;
				if (over) seen.over++;
				expect(decodeJwt(exchanged).exp).toBeLessThanOrEqual(decodeJwt(token).exp!);
				const { source, destination, address } = asked;
				const known = rules
					.filter(({ effect }) => effect === "deny")
					.flatMap((rule) => [...rule.scopes, ...rule.scopes_any]);
				// At the very place that it was asked for, and at others.
				const there: Use = { source, destination, address, certificateHash: HASH, method: "GET", after: 0 };
				const places = [there, { ...there, method: "POST" }, { ...there, after: 30 }, { ...there, after: 200 }];
				for (const place of [...places, ...others]) {
					const { decision, credential, budgets } = await server.check(exchanged, place);
					if (credential.kind !== "token") continue;
					expect([place.source, place.destination, place.certificateHash]).toEqual([source, destination, HASH]);
					const before = await server.authenticate(token, place, "internal");
					if (before.kind !== "token")
						throw new Error(`the token that was given is refused: ${JSON.stringify(before)}`);
					expect(before.token.allScopes).toEqual(expect.arrayContaining([...credential.token.scopes]));
					expect([...(asked.scope ?? SCOPES), ...known]).toEqual(expect.arrayContaining([...credential.token.scopes]));
					const would = server.decide(place, asStated(before.token, credential.token, over));
					if (!decision.allow) {
						seen.denied++;
						continue;
					}
					seen.passed++;
					expect({ place, allow: would.decision.allow, policy: would.decision.policy }).toMatchObject({ allow: true });
					expect(would.budgets).toHaveLength(1);
					expect(budgets).toEqual(expect.arrayContaining([...would.budgets]));
				}
			} finally {
				server.stop();
			}
		}),
		{ numRuns: 1_200 },
	);
	// All sides, so that the property says something.
	for (const [side, times] of Object.entries(seen)) expect([side, times >= 10]).toEqual([side, true]);
});
