/** Case 38 of tokens that were given in exchange: what revokes the one that they were given for revokes them. */
import { signToken } from "../../../demo/tokens.ts";
import type { LaneEffect } from "../../../src/core/lane/entries.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { OriginJson } from "../../../src/core/token-origin.ts";
import { OWN_KEY, type TokenWorld } from "../../support/tokens.ts";
import type { TokenCase } from "./case.ts";

const PARTNER = "https://partner.example.org";
const NOW = 1_780_000_000;
const ORIGIN: OriginJson = { iss: PARTNER, jti: "given-1", sub: "alice", iat: NOW - 600, key: "its-key" };
const KEYS = "https://keys.example.org";

const own = (origin: unknown) => (world: TokenWorld) =>
	signToken(
		OWN_KEY,
		world.claims({
			iss: "https://own.example.org",
			firebreak: { kind: "user", owner: "orders", purpose: "export", origin },
		}),
	);

type Row = readonly [kind: LaneEffect["kind"], payload: LaneEffect["payload"]];

const laneOf = (...rows: readonly Row[]) => {
	const lane = new Lane();
	const domainKey = { domain: "internal", kid: OWN_KEY.kid, jwk: OWN_KEY.jwk, from: 1 };
	for (const [kind, payload] of [...rows, ["domain_key", domainKey] as const])
		lane.restore({ kind, payload, until: null });
	return lane;
};

const token = (token_id: string, issuer = PARTNER) => ["revoke_token", { issuer, token_id }] as const;
const before = (issued_before: number, subject: string | null, issuer = PARTNER) =>
	["revoke_before", { issuer, issued_before, subject }] as const;
const quarantine = (kind: string, name: string) => ["quarantine", { kind, name }] as const;

const passes = (name: string, origin: unknown, ...rows: readonly Row[]): TokenCase => ({
	no: 38,
	name: `given in exchange: ${name}`,
	present: own(origin),
	demand: { lane: laneOf(...rows) },
	expect: { subjectKind: "user" },
});
const fails = (name: string, origin: unknown, ...rows: readonly Row[]): TokenCase => ({
	...passes(name, origin, ...rows),
	expect: ["token_revoked", "origin"],
});

/** One behind the other. */
const chain = (depth: number): OriginJson =>
	depth === 1 ? { iss: KEYS, sub: "batch" } : { ...ORIGIN, jti: `given-${depth}`, origin: chain(depth - 1) };

export const exchanged: readonly TokenCase[] = [
	fails("the other is revoked by its id", ORIGIN, token("given-1")),
	fails("everything of the other's subject is", ORIGIN, before(NOW - 599, "alice")),
	fails("everything of the other's issuer is", ORIGIN, before(NOW - 599, null)),
	fails("the other's issuer is in quarantine", ORIGIN, quarantine("issuer", PARTNER)),
	fails("the key that signed the other is", ORIGIN, quarantine("key", "its-key")),
	fails("the other, of unknown age", { iss: PARTNER, sub: "alice" }, before(1, "alice")),
	fails("the one behind the other", chain(3), before(1, "batch", KEYS)),
	fails("the one between", chain(3), token("given-2")),
	fails("as many as may be behind each other", chain(LIMITS.actorDepth), quarantine("issuer", KEYS)),
	passes("nothing is revoked", ORIGIN),
	passes(
		"other tokens, subjects, issuers and keys are revoked",
		ORIGIN,
		token("given-2"),
		token("given-1", "https://id.example.org"),
		before(NOW, "bob"),
		before(NOW - 600, "alice"),
		before(NOW - 600, null),
		quarantine("issuer", KEYS),
		quarantine("key", "another"),
	),
	...[
		null,
		[],
		"x",
		{},
		{ iss: PARTNER },
		{ ...ORIGIN, iss: "" },
		{ ...ORIGIN, jti: 1 },
		{ ...ORIGIN, iat: "1" },
		{ ...ORIGIN, key: null },
		{ ...ORIGIN, origin: null },
		{ ...ORIGIN, origin: { iss: PARTNER } },
		{ ...ORIGIN, moon: 1 },
		chain(LIMITS.actorDepth + 1),
	].map(
		(origin): TokenCase => ({
			...passes(`for ${JSON.stringify(origin).slice(0, 60)}, which cannot be read`, origin),
			expect: ["token_invalid", "claims"],
		}),
	),
	{
		no: 38,
		name: "a claim firebreak of another issuer was given in exchange for nothing",
		present: (world) => world.token({ firebreak: { origin: ORIGIN } }),
		demand: { lane: laneOf(token("given-1")) },
		expect: { owner: null },
	},
];
