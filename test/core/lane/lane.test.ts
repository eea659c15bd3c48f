import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { LaneEffect } from "../../../src/core/lane/entries.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { LaneRow } from "../../../src/core/model.ts";

const NOW = Date.UTC(2026, 0, 1);
const ISSUERS = ["https://a.example.org", "https://b.example.org"];
const NAMES = ["x", "y", ""];
/** A token that is never revoked at once. */
const RETIRED = "z";
const KINDS = ["workload", "segment", "domain", "issuer", "key"];

const jwk = (kid: string) => ({
	kty: "OKP",
	crv: "Ed25519",
	x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	use: "sig",
	alg: "EdDSA",
	kid,
});

const until = fc.constantFrom(null, NOW - 1, NOW, NOW + 1, NOW + 1_000);
const issuer = fc.constantFrom(...ISSUERS);
const name = fc.constantFrom(...NAMES);
const effects: fc.Arbitrary<LaneEffect> = fc.oneof(
	fc.record({ kind: fc.constant("revoke_token"), payload: fc.record({ issuer, token_id: name }), until }),
	fc.record({
		kind: fc.constant("revoke_token"),
		payload: fc.record({
			issuer,
			token_id: fc.constant(RETIRED),
			from: fc.constantFrom(NOW / 1_000, NOW / 1_000 + 2),
		}),
		until: fc.constant(null),
	}),
	// A revocation of more outlives one of less, as the database has it.
	fc.record({ issuer, issued_before: fc.integer({ min: 0, max: 5 }), subject: fc.option(name) }).map((payload) => ({
		kind: "revoke_before",
		payload,
		until: [NOW - 1, NOW, NOW + 1, NOW + 1_000, null, null][payload.issued_before]!,
	})),
	fc.record({
		kind: fc.constant("passport"),
		payload: fc.record({
			issuer,
			token_id: name,
			expires: fc.constantFrom(5, NOW / 1_000),
			scopes: fc.constantFrom([], ["a"]),
			passport: fc.constantFrom({ owner: "o", purpose: "p" }, { owner: "q", purpose: "p", environment: "prod" }, {}),
		}),
		until,
	}),
	fc.record({
		kind: fc.constant("api_key"),
		payload: fc.record({
			issuer,
			token_id: name,
			digest: name,
			subject: fc.constantFrom("s", 5),
			issued_at: fc.constant(1),
			expires: fc.constant(5),
			scopes: fc.constant([]),
			passport: fc.constant({ owner: "o", purpose: "p" }),
		}),
		until,
	}),
	fc.record({
		kind: fc.constant("domain_key"),
		payload: fc.record({
			domain: name,
			kid: fc.constantFrom("k1", "k2"),
			jwk: fc.constantFrom("k1", "k2").map(jwk),
			from: fc.constant(1),
		}),
		until,
	}),
	fc.record({
		kind: fc.constantFrom("quarantine", "quarantine", "lift"),
		payload: fc.record({ kind: fc.constantFrom(...KINDS), name: fc.oneof(name, issuer) }),
		until,
	}),
);

function laneOf(rows: readonly LaneEffect[]): Lane {
	const lane = new Lane();
	for (const [index, row] of rows.entries()) lane.apply({ ...row, key: "", seq: index + 1 } as LaneRow);
	return lane;
}

function restored(rows: Iterable<LaneEffect>): Lane {
	const lane = new Lane();
	for (const row of rows) lane.restore(row);
	return lane;
}

/** Every answer that the lane can give about the names of this test. */
function answers(lane: Lane, now: number): unknown[] {
	const all: unknown[] = [lane.unknownKind];
	for (const issuer of ISSUERS) {
		for (const id of [...NAMES, RETIRED, null]) {
			const registration = lane.registry.registrationOf(issuer, id, now);
			all.push(registration && { ...registration, passport: registration.passport?.owner ?? null });
			for (const subject of NAMES) {
				for (const issuedAt of [0, 2, 5, null]) {
					all.push(lane.revocationOf({ issuer, id, subject, issuedAt, keyThumbprint: "x" }, now));
				}
			}
		}
	}
	for (const one of NAMES) {
		all.push(lane.registry.apiKey(one, now)?.id ?? null);
		all.push(
			lane.domainKeys
				.of(one, now)
				.map(({ kid, until }) => [kid, until])
				.sort(),
		);
	}
	for (const one of [...NAMES, ...ISSUERS]) all.push(lane.quarantined(one, one, one, now));
	return all;
}

describe("rows", () => {
	test("say all that is in force, at any time", () => {
		fc.assert(
			fc.property(fc.array(effects, { maxLength: 60 }), (rows) => {
				const lane = laneOf(rows);
				const again = restored(lane.rows());
				for (const now of [0, NOW, NOW + 1, NOW + 2_000]) expect(answers(again, now)).toEqual(answers(lane, now));
			}),
			{ numRuns: 300 },
		);
	});

	test("applied again behind them, later ones and those that are in them alike, change nothing but what is new", () => {
		fc.assert(
			fc.property(fc.array(effects, { maxLength: 40 }), fc.nat(), fc.nat(), (rows, one, two) => {
				const [from, to] = [one % (rows.length + 1), two % (rows.length + 1)].sort((a, b) => a - b) as [number, number];
				const again = restored(laneOf(rows.slice(0, to)).rows());
				again.seq = from;
				for (const [index, row] of rows.entries()) again.apply({ ...row, key: "", seq: index + 1 } as LaneRow);
				expect(answers(again, NOW)).toEqual(answers(laneOf(rows), NOW));
				expect(again.seq).toBe(Math.max(from, rows.length));
			}),
			{ numRuns: 300 },
		);
	});

	test("leave out what was lifted, and what another row outdid", () => {
		const about = { kind: "workload", name: "x" };
		const before = (issued_before: number) => ({ issuer: "i", issued_before, subject: null });
		const lane = laneOf([
			{ kind: "quarantine", payload: about, until: null },
			{ kind: "revoke_before", payload: before(7), until: null },
			{ kind: "revoke_before", payload: before(5), until: null },
			{ kind: "lift", payload: about, until: null },
		]);
		expect([...lane.rows()]).toEqual([{ kind: "revoke_before", payload: before(7), until: null }]);
	});

	test("of a lane that met an unknown kind make a lane that is as stale", () => {
		const lane = laneOf([{ kind: "banish", payload: { name: "x" }, until: null }]);
		expect(restored(lane.rows()).unknownKind).toBe("banish");
		const malformed = laneOf([{ kind: "revoke_token", payload: { nobody: 1 }, until: null }]);
		expect(restored(malformed.rows()).unknownKind).toBe("revoke_token");
	});

	test("of a new lane are none", () => {
		expect([...new Lane().rows()]).toEqual([]);
	});
});

describe("forgetting", () => {
	test("what is over changes no answer, then or later, whatever comes between its passes", () => {
		fc.assert(
			fc.property(
				fc.array(fc.tuple(effects, fc.nat({ max: 3 })), { maxLength: 60 }),
				fc.constantFrom(NOW - 1, NOW, NOW + 2_000),
				(rows, now) => {
					const pruned = new Lane();
					for (const [index, [row, entries]] of rows.entries()) {
						pruned.apply({ ...row, key: "", seq: index + 1 } as LaneRow);
						pruned.prune(now, entries);
					}
					pruned.prune(now, 1_000);
					pruned.prune(now, 1_000);
					const whole = laneOf(rows.map(([row]) => row));
					for (const later of [now, now + 1, now + 5_000])
						expect(answers(pruned, later)).toEqual(answers(whole, later));
					for (const { kind, until } of pruned.rows()) {
						// One of an unknown kind stays for ever: what it revokes is not known.
						if (kind !== pruned.unknownKind && until !== null) expect(until).toBeGreaterThan(now);
					}
				},
			),
			{ numRuns: 300 },
		);
	});

	test("looks at no more entries at once than it may, and goes on where it stopped", () => {
		const lane = laneOf(
			Array.from({ length: 100 }, (_, index) => ({
				kind: "revoke_token",
				payload: { issuer: "i", token_id: `t${index}` },
				until: index % 2 === 0 ? NOW : NOW + 1_000,
			})),
		);
		const left = () => [...lane.rows()].length;
		const seen = [left()];
		for (let pass = 0; pass < 11; pass++) {
			lane.prune(NOW, 10);
			seen.push(left());
		}
		expect(seen).toEqual([100, 95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 50]);
	});

	test("revocations that are over are gone after so many confirmations", () => {
		const lane = new Lane();
		for (let index = 0; index < 100_000; index++) {
			lane.restore({ kind: "revoke_token", payload: { issuer: "i", token_id: `t${index}` }, until: NOW });
		}
		for (let pass = 0; pass < 100_000 / LIMITS.lanePruneEntries + 1; pass++) lane.prune(NOW, LIMITS.lanePruneEntries);
		expect([...lane.rows()]).toEqual([]);
	});
});

describe("what cannot be read", () => {
	const unknownKindOf = (kind: string, payload: LaneEffect["payload"]) =>
		laneOf([{ kind, payload, until: null }]).unknownKind;

	test.each<[string, LaneEffect["payload"]]>([
		["revoke_token", { issuer: "i" }],
		["revoke_token", { issuer: "i", token_id: "t", from: "later" }],
		["revoke_before", { issuer: "i", issued_before: "now" }],
		["quarantine", { kind: "planet", name: "x" }],
		["lift", { kind: "workload" }],
		["passport", { token_id: "t" }],
		["api_key", { issuer: "i", token_id: "t" }],
		["domain_key", { domain: "d" }],
		["decree", {}],
	])("of a %s that %j makes the lane stale, since nobody knows what it takes away", (kind, payload) => {
		expect(unknownKindOf(kind, payload)).toBe(kind);
	});

	test("of what grants something grants nothing, and stops nothing else", () => {
		const passport = { owner: "o", purpose: "p" };
		const token = { issuer: "i", token_id: "t", expires: NOW / 1_000 + 9, scopes: [], passport };
		const key = { ...token, digest: "d", subject: "s", issued_at: 1 };
		const lane = laneOf([
			{ kind: "passport", payload: token, until: null },
			{ kind: "api_key", payload: key, until: null },
			{ kind: "domain_key", payload: { domain: "d", kid: "k", jwk: jwk("k"), from: 1 }, until: null },
		]);
		expect(lane.registry.registrationOf("i", "t", NOW)?.passport?.owner).toBe("o");
		expect(lane.registry.apiKey("d", NOW)?.id).toBe("t");
		expect(lane.domainKeys.of("d", NOW)).toHaveLength(1);
		const strange = { ...passport, moon: "full" };
		for (const [kind, payload] of [
			["passport", { ...token, passport: strange }],
			["api_key", { ...key, passport: strange }],
			["domain_key", { domain: "d", kid: "k", jwk: { ...jwk("k"), crv: "Ed999" }, from: 1 }],
		] as const) {
			lane.restore({ kind, payload, until: null });
		}
		expect(lane.unknownKind).toBeNull();
		expect(lane.registry.registrationOf("i", "t", NOW)).toMatchObject({ passport: null });
		expect(lane.registry.apiKey("d", NOW)).toBeNull();
		expect(lane.domainKeys.of("d", NOW)).toEqual([]);
	});

	test.each<[string, LaneEffect["payload"]]>([
		["expires", { expires: "never" }],
		["not_before", { not_before: "soon" }],
		["scopes", { scopes: "a b" }],
		["passport", { passport: null }],
	])("%s of a token or of a key is a restriction that nobody can keep", (_, change) => {
		const token = { issuer: "i", token_id: "t", expires: NOW, scopes: [], passport: { owner: "o", purpose: "p" } };
		const lane = laneOf([
			{ kind: "passport", payload: { ...token, ...change }, until: null },
			{ kind: "api_key", payload: { ...token, digest: "d", subject: "s", issued_at: 1, ...change }, until: null },
		]);
		expect(lane.unknownKind).toBeNull();
		expect(lane.registry.registrationOf("i", "t", NOW)).toMatchObject({ passport: null });
		expect(lane.registry.apiKey("d", NOW)).toBeNull();
	});
});

describe("a token that is being replaced", () => {
	const token = { issuer: "i", id: "t", subject: "s", issuedAt: 1, keyThumbprint: null };
	const retire = (from: number | null): LaneEffect => ({
		kind: "revoke_token",
		payload: { issuer: "i", token_id: "t", ...(from !== null && { from: from / 1_000 }) },
		until: null,
	});
	const at = (lane: Lane, now: number) => lane.revocationOf(token, now);

	test("counts until the instant, half-open", () => {
		const lane = laneOf([retire(NOW)]);
		expect([at(lane, NOW - 1), at(lane, NOW)]).toEqual([null, "token"]);
	});

	test.each([[[NOW + 5, null]], [[null, NOW + 5]], [[NOW + 9, NOW]], [[NOW, NOW + 9]]])(
		"the earliest instant holds, in whatever order: %j",
		(instants) => {
			const lane = laneOf(instants.map(retire));
			expect(at(lane, NOW)).toBe("token");
			expect(at(restored(lane.rows()), NOW)).toBe("token");
		},
	);
});

describe("a token that was given in exchange", () => {
	const origin = { issuer: "foreign", id: "f", subject: "alice", issuedAt: 1_000, keyThumbprint: "key" };
	const token = { issuer: "own", id: "x", subject: "foreign|alice", issuedAt: 2_000, keyThumbprint: "ours", origin };
	const before = (issuer: string, issued_before: number, subject: string | null = null): LaneEffect => ({
		kind: "revoke_before",
		payload: { issuer, issued_before, subject },
		until: null,
	});
	const of = (...rows: LaneEffect[]) => laneOf(rows).revocationOf(token, NOW);

	test("is revoked with the one that it was given for, however long ago that was", () => {
		expect(of()).toBeNull();
		expect(of(before("foreign", 1_000.001, "alice"))).toBe("origin");
		expect(of(before("foreign", 1_000, "alice"), before("foreign", 1_001, "bob"))).toBeNull();
		expect(of({ kind: "quarantine", payload: { kind: "key", name: "key" }, until: null })).toBe("origin");
		expect(of({ kind: "quarantine", payload: { kind: "key", name: "ours" }, until: null })).toBe("key");
		const bare = { ...token, origin: null };
		expect(laneOf([before("foreign", 1_001)]).revocationOf(bare, NOW)).toBeNull();
	});

	test("was dated by a server, whose clock may be ahead of the one that dates revocations", () => {
		const { clockSkewSeconds: skew } = LIMITS;
		for (const subject of [null, "foreign|alice"]) {
			expect(of(before("own", 2_000 - skew, subject))).toBeNull();
			expect(of(before("own", 2_000 - skew + 0.001, subject))).toBe("before");
			const bare = { ...token, origin: null };
			expect(laneOf([before("own", 2_000, subject)]).revocationOf(bare, NOW)).toBeNull();
		}
	});
});

test("keys of domains: announced ones verify, over they are gone, and each change has a number", () => {
	const key = (kid: string, from: number, until: number | null): LaneEffect => ({
		kind: "domain_key",
		payload: { domain: "d", kid, jwk: jwk(kid), from },
		until,
	});
	const lane = new Lane();
	const { domainKeys } = lane;
	const versions = [domainKeys.version];
	const step = (effect: LaneEffect) => {
		lane.restore(effect);
		versions.push(domainKeys.version);
	};
	step(key("k1", 1, null));
	step(key("k2", NOW / 1_000 + 60, null));
	expect(domainKeys.of("d", NOW).map(({ kid }) => kid)).toEqual(["k1", "k2"]);
	step(key("k1", 1, NOW + 100));
	expect(domainKeys.of("d", NOW + 99).map(({ kid }) => kid)).toEqual(["k1", "k2"]);
	expect(domainKeys.of("d", NOW + 100).map(({ kid }) => kid)).toEqual(["k2"]);
	expect(domainKeys.of("other", NOW)).toEqual([]);
	expect([...domainKeys.domains()]).toEqual(["d"]);
	lane.prune(NOW + 100, 10);
	versions.push(domainKeys.version);
	expect(new Set(versions).size).toBe(versions.length);
});
