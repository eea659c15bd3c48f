import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import {
	type Arguments,
	andRollBack,
	call,
	headOf,
	inTransaction,
	refusalOf,
	stateExample,
	untilBlocked,
} from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());

type Call = readonly [name: string, args: Arguments];
const remove = (kind: string, name: string): Call => ["remove", { kind, name }];
const policy = (name: string, change: Arguments): Call => [
	"allow",
	{ name, source: "orders", destination: "payments", owner: "payments", methods: ["GET"], paths: ["/"], ...change },
];
const segment = (name: string, change: Arguments): Call => [
	"segment",
	{ name, domain: "internal", environment: "prod", owner: "orders", members: [], ...change },
];
const crossing = (name: string, change: Arguments): Call => [
	"crossing",
	{
		name,
		owner: "orders",
		reason: "r",
		expires: "2036-01-01",
		source_domain: "internal",
		destination_domain: "public",
		...change,
	},
];
const DROP_POLICIES = [remove("policy", "no-cards"), remove("policy", "orders-reads-payments")];

/** What holds between objects, and the words at the end of a transaction that breaks it. */
const BROKEN: readonly (readonly [what: string, calls: readonly Call[], message: string, code?: string])[] = [
	[
		"a policy's unknown destination",
		[policy("p", { destination: "nix" })],
		'policy p, destination: "nix" is no segment',
	],
	["a policy's unknown source", [policy("p", { source: "nix" })], 'policy p, source: "nix" is no segment'],
	[
		"a policy of someone who does not own the destination",
		[policy("p", { owner: "orders" })],
		'policy p, owner: "orders" does not own destination payments, payments does',
	],
	["a domain's unknown owner", [["domain", { name: "d", owner: "nix" }]], 'domain d, owner: "nix" is no owner'],
	["a segment's unknown domain", [segment("s", { domain: "nix" })], 'segment s, domain: "nix" is no domain'],
	["a segment's unknown owner", [segment("s", { owner: "nix" })], 'segment s, owner: "nix" is no owner'],
	[
		"an issuer's unknown domain",
		[["issuer", { url: "https://i", domain: "nix", audiences: ["a"], jwks_uri: "https://k" }]],
		'issuer https://i, domain: "nix" is no domain',
	],
	["a crossing's unknown owner", [crossing("c", { owner: "nix" })], 'crossing c, owner: "nix" is no owner'],
	[
		"a crossing's unknown source",
		[crossing("c", { source_domain: "nix" })],
		'crossing c, source_domain: "nix" is no domain',
	],
	[
		"a crossing's unknown destination",
		[crossing("c", { destination_domain: "nix" })],
		'crossing c, destination_domain: "nix" is no domain',
	],
	...(["source", "segment"] as const).map((kind): [string, Call[], string] => [
		`the unknown segment of a rate limit of kind ${kind}`,
		[["rate_limit", { kind, name: "nix", per_second: 1, burst: 1 }]],
		`rate_limit ${kind}:nix, name: "nix" is no segment`,
	]),
	[
		"the unknown domain of a rate limit",
		[["rate_limit", { kind: "domain", name: "nix", per_second: 1, burst: 1 }]],
		'rate_limit domain:nix, name: "nix" is no domain',
	],
	[
		"the unknown issuer of a rate limit",
		[["rate_limit", { kind: "token", name: "https://nix", per_second: 1, burst: 1 }]],
		'rate_limit token:https://nix, name: "https://nix" is no issuer',
	],
	[
		"removing an owner that owns",
		[remove("owner", "platform")],
		"owner platform, name: is removed, but still referred to by domain internal",
	],
	[
		"removing a domain with segments",
		[remove("domain", "public")],
		"domain public, name: is removed, but still referred to by crossing web-to-internal, segment web",
	],
	[
		"removing a source and destination",
		[remove("segment", "payments")],
		"segment payments, name: is removed, but still referred to by policy no-cards, policy orders-reads-payments, rate_limit segment:payments",
	],
	[
		"removing a segment with a rate limit",
		[...DROP_POLICIES, remove("segment", "payments")],
		"segment payments, name: is removed, but still referred to by rate_limit segment:payments",
	],
	[
		"removing a segment with very many policies",
		[
			...Array.from({ length: 9 }, (_, i) => policy(`p${i}`, { source: "web" })),
			remove("segment", "web"),
			segment("other", {}),
		],
		'policy p0, source: "web" is no segment',
	],
	[
		"a segment's new owner while the policies stay",
		[segment("payments", { owner: "orders", members: ["spiffe://prod.example.org/ns/payments/sa/payments"] })],
		"segment payments, owner: is now orders, but policies of the former owner stay: no-cards, orders-reads-payments",
	],
	[
		"one workload in two segments",
		[segment("s", { members: ["spiffe://prod.example.org/ns/orders/*"] })],
		'segment s, members: "spiffe://prod.example.org/ns/orders/*" is a member of segment orders too',
		"23505",
	],
	[
		"one pair in two crossings",
		[crossing("c", { source_domain: "public", destination_domain: "internal" })],
		"crossing c, destination_domain: crossing web-to-internal joins the same pair",
		"23505",
	],
	[
		"one pair of environments in two crossings",
		["a", "b"].map((name) => crossing(name, { source_environment: "prod", destination_environment: "prod" })),
		"crossing a, destination_domain: crossing b joins the same pair",
		"23505",
	],
];

test.each(BROKEN)("refuses %s at the end of the transaction", async (_, calls, message, code = "23503") => {
	const before = await headOf(client);
	await client.query("begin");
	await client.query("insert into firebreak.running (migration) values ('orders/20260101000000_x')");
	// Not before: the rest of the transaction may mend it.
	for (const [name, args] of calls) await call(client, name, args);
	const refusal = await refusalOf(() => client.query("commit"));
	expect(refusal).toMatchObject({ message, code });
	expect(refusal.hint).toMatch(/\(written by migration orders\/20260101000000_x\)$/);
	expect(await headOf(client)).toEqual(before);
});

/** Broken for a moment, whole at the end. */
const MENDED: readonly (readonly [what: string, calls: readonly Call[]])[] = [
	["references to what is stated later", [policy("p", { source: "late" }), segment("late", {})]],
	["a segment removed and stated again", [remove("segment", "web"), segment("web", { domain: "public" })]],
	[
		"a removal whose referrers go too",
		[remove("segment", "payments"), remove("rate_limit", "segment:payments"), ...DROP_POLICIES],
	],
	[
		"a member that moves, taken before it is given",
		[
			segment("jobs", { members: ["spiffe://prod.example.org/ns/jobs/sa/orders"] }),
			segment("orders", { members: ["spiffe://prod.example.org/ns/orders/*"] }),
		],
	],
	[
		"a crossing that takes another's place",
		[
			crossing("next", { source_domain: "public", destination_domain: "internal" }),
			remove("crossing", "web-to-internal"),
		],
	],
	[
		"a segment that changes hands with its policies",
		[
			segment("payments", { owner: "orders" }),
			policy("orders-reads-payments", { owner: "orders" }),
			policy("no-cards", { owner: "orders" }),
		],
	],
	[
		"crossings general and specific",
		[crossing("a", {}), crossing("b", { source_environment: "prod", destination_environment: "prod" })],
	],
	[
		"an overlap of prefixes",
		[segment("s", { members: ["spiffe://prod.example.org/ns/orders/sa/*", "spiffe://prod.example.org/*"] })],
	],
	["a past expiry", [crossing("old", { expires: "2001-01-01" })]],
];

test.each(MENDED)("accepts %s", async (_, calls) => {
	await andRollBack(client, async () => {
		for (const [name, args] of calls) await call(client, name, args);
		await client.query("set constraints all immediate");
	});
});

describe("acceptance of a crossing", () => {
	const accepted = async (name = "web-to-internal") =>
		(
			await client.query(
				"select spec -> 'accepted' as yes from firebreak.object where kind = 'crossing' and name = $1",
				[name],
			)
		).rows[0]?.yes;
	const offer = {
		source_domain: "public",
		destination_domain: "internal",
		reason: "check-out",
		expires: "2036-01-01T00:00:00Z",
	};
	const settle = () => client.query("set constraints all immediate");

	test.each<[string, Arguments]>([
		["reason", { reason: "other" }],
		["expires", { expires: "2036-01-01T00:00:01Z" }],
		["flow", { flow: "mtls" }],
		["owner", { owner: "platform" }],
		["environments", { source_environment: "prod", destination_environment: "prod" }],
	])("is void once the %s changes", async (_, change) => {
		await andRollBack(client, async () => {
			expect(await accepted()).toBe(true);
			await call(client, ...crossing("web-to-internal", { ...offer, ...change }));
			await settle();
			expect(await accepted()).toBe(false);
			// What was accepted comes back only by a new acceptance.
			await call(client, ...crossing("web-to-internal", offer));
			await settle();
			expect(await accepted()).toBe(false);
			await call(client, "accept_crossing", { name: "web-to-internal", owner: "platform" });
			await settle();
			expect(await accepted()).toBe(true);
		});
	});

	test("outlives a change that is changed back in the same transaction, and a removal that is", async () => {
		const before = await headOf(client);
		await inTransaction(client, async () => {
			await call(client, ...crossing("web-to-internal", { ...offer, reason: "other" }));
			await call(client, "remove", { kind: "crossing", name: "web-to-internal" });
			await call(client, ...crossing("web-to-internal", offer));
		});
		expect(await accepted()).toBe(true);
		expect(await headOf(client)).toEqual(before);
	});

	test("does not outlive a removal", async () => {
		await andRollBack(client, async () => {
			await call(client, "remove", { kind: "crossing", name: "web-to-internal" });
			await settle();
			await call(client, ...crossing("web-to-internal", offer));
			await settle();
			expect(await accepted()).toBe(false);
		});
	});
});

test("foreign keys hold what two transactions do at once", async () => {
	const other = await database.connect();
	await inTransaction(client, () => call(client, ...segment("contested", {})));
	await client.query("begin");
	await call(client, "remove", { kind: "segment", name: "contested" });
	await client.query("set constraints all immediate");
	const racing = refusalOf(() => inTransaction(other, () => call(other, ...policy("racer", { source: "contested" }))));
	await untilBlocked(await database.connect());
	await client.query("commit");
	expect(await racing).toMatchObject({ code: "23503" });
});

test("of two transactions that state a new policy at once, the second is refused and overwrites nothing", async () => {
	const other = await database.connect();
	await client.query("begin");
	await call(client, ...policy("contested", { reason: "first" }));
	const racing = refusalOf(() => call(other, ...policy("contested", { reason: "second" })));
	await untilBlocked(await database.connect());
	await client.query("commit");
	expect(await racing).toMatchObject({ code: "23505" });
	expect((await client.query("select reason from firebreak.policy where name = 'contested'")).rows).toEqual([
		{ reason: "first" },
	]);
});
