import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jwksOf, makeSigningKey } from "../../../demo/tokens.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import type { LaneRow, PolicySet } from "../../../src/core/model.ts";
import { readSnapshotFile } from "../../../src/store/snapshot-file/reader.ts";
import { compileRows, crossing, domain, issuer, policy, policySet, segment } from "../../support/policy-set.ts";
import { decideOn } from "../../support/requests.ts";
import { credentials, requests, worlds } from "../../support/worlds.ts";
import {
	checkpointOf,
	laneOf,
	people,
	read,
	TIMERS,
	taken,
	testFolder,
	WRITTEN,
	write,
} from "../support/checkpoints.ts";

const folder = testFolder();
afterAll(() => folder.remove());
let files = 0;
let path: string;
const fresh = () => {
	path = folder.path(`${++files}.snapshot`);
	return path;
};

const HOUR = 3_600_000;

test("what is read judges as what was written, for any company and request", async () => {
	await fc.assert(
		fc.asyncProperty(worlds, fc.array(fc.tuple(requests, credentials), { maxLength: 20 }), async (set, asked) => {
			const path = folder.path("world.snapshot");
			const written = checkpointOf(set);
			await write(path, written);
			const { snapshot } = await taken(path);
			expect(snapshot).toEqual(written.snapshot);
			for (const [request, credential] of asked) {
				expect(decideOn(snapshot, request, { credential })).toEqual(
					decideOn(written.snapshot, request, { credential }),
				);
			}
		}),
		{ numRuns: 150 },
	);
});

const FULL: PolicySet = policySet(
	{
		domains: [domain({ name: "internal" }), domain({ name: "partner", hidden: true, on_stale: "bound_only" })],
		issuers: [
			issuer({ url: "https://id.example.org", domain: "internal", audiences: ["a", "b,c"] }),
			issuer({ url: "https://inline.example.org", domain: "partner", jwks: jwksOf(makeSigningKey("ES256", "k")) }),
		],
		segments: [segment({ name: "a", path_exceptions: ["semicolon", "utf8"] }), segment({ name: "b", probes: ["/up"] })],
		crossings: [crossing({ name: "c", source_domain: "partner", destination_domain: "internal", reason: 'ä "\u2028' })],
		policies: [
			policy({ name: "p", source: "a", destination: "b", condition: 'request.path == "/x"', valid_until: 5 }),
			policy({ name: "q", source: "*", destination: "a", grpc: ["a.B/C*"], upgrade: "websocket", effect: "deny" }),
		],
		rate_limits: [{ kind: "segment", name: "a", per_second: 0.5, burst: 2 }],
	},
	9_007_199_254_740_991,
);

test("registered tokens, API keys and keys of domains are kept, while they are not over", async () => {
	const passport = { owner: "o", purpose: "p", networks: ["10.0.0.0/8"] };
	const token = { issuer: "i", token_id: "t", expires: 5, scopes: ["a"], passport };
	const { kid } = KEY;
	const rows: [kind: string, payload: LaneRow["payload"], until: number | null][] = [
		["passport", token, WRITTEN + 1],
		["passport", { ...token, token_id: "over" }, WRITTEN],
		["api_key", { ...token, digest: "d", subject: "s", issued_at: 1 }, null],
		["domain_key", { domain: "internal", kid, jwk: KEY, from: 1 }, null],
		["domain_key", { domain: "internal", kid: "over", jwk: { ...KEY, kid: "over" }, from: 1 }, WRITTEN - 1],
		["revoke_token", { issuer: "i", token_id: "t", from: 7 }, null],
	];
	const lane = new Lane();
	for (const [index, [kind, payload, until]] of rows.entries()) {
		lane.apply({ seq: index + 1, kind, key: `${index}`, payload, until });
	}
	await write(fresh(), checkpointOf(FULL, lane));
	const { lane: read, seq } = await taken(path);
	expect(seq).toBe(6);
	expect([...read.rows()]).toEqual(
		rows
			.filter(([, , until]) => until === null || until > WRITTEN)
			.map(([kind, payload, until]) => ({ kind, payload, until }))
			.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)),
	);
	expect(read.registry.registrationOf("i", "t", WRITTEN)?.passport?.networks).toHaveLength(1);
	expect(read.registry.apiKey("d", WRITTEN)?.subject).toBe("s");
	expect(read.domainKeys.of("internal", WRITTEN).map((key) => key.kid)).toEqual([kid]);
});

const KEY = jwksOf(makeSigningKey("ES256", "k")).keys[0] as unknown as { readonly kid: string };
const ORDER = ["revoke_token", "passport", "api_key", "domain_key"];

describe("a file", () => {
	beforeAll(async () => {
		await write(fresh(), checkpointOf(FULL, laneOf("t1", "t2"), { seq: 7 }));
	});

	test("says by its header what it holds", async () => {
		const { header, bytes } = await read(path);
		expect(header).toEqual({
			writtenBy: "1.2.3",
			writtenAt: WRITTEN,
			epoch: "test",
			revision: 9_007_199_254_740_991,
			seq: 7,
			policyConfirmedAt: WRITTEN - 2_000,
			laneConfirmedAt: WRITTEN - 1_000,
			counts: { domains: 2, issuers: 2, segments: 2, crossings: 1, rate_limits: 1, policies: 2, revocations: 2 },
			sections: header.sections,
		});
		expect(bytes).toBe(statSync(path).size);
	});

	test("can be looked at without Firebreak", () => {
		const [first, , json] = readFileSync(path, "latin1").split("\n");
		expect(first).toBe("firebreak-snapshot 1");
		expect(JSON.parse(json!)).toMatchObject({ epoch: "test", policy_confirmed_at: "2026-01-31T11:59:58.000Z" });
	});

	test("holds every column of every kind", async () => {
		const { set } = await read(path);
		const byName = <T extends { name: string }>(rows: Iterable<T>) =>
			[...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
		expect({ ...set, policies: byName(set.policies) }).toEqual({
			...FULL,
			owners: [],
			policies: byName(FULL.policies),
		});
		expect([...set.policies]).toEqual([...set.policies]);
	});

	test("is for its owner alone", () => {
		expect(statSync(path).mode & 0o777).toBe(0o600);
	});

	test("is alone: nothing else is left in the folder", () => {
		expect(readdirSync(dirname(path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
	});
});

test("revocations in force are there, and the numbers go on behind them", async () => {
	const lane = new Lane();
	const rows: Omit<LaneRow, "seq" | "key">[] = [
		{ kind: "revoke_token", payload: { issuer: "i", token_id: "for ever" }, until: null },
		{ kind: "revoke_token", payload: { issuer: "i", token_id: "over" }, until: WRITTEN },
		{ kind: "revoke_token", payload: { issuer: "i", token_id: "later" }, until: WRITTEN + HOUR },
		{ kind: "revoke_before", payload: { issuer: "j", issued_before: 17.5, subject: null }, until: null },
		{ kind: "quarantine", payload: { kind: "workload", name: "spiffe://x/y" }, until: null },
		{ kind: "quarantine", payload: { kind: "domain", name: "partner" }, until: null },
		{ kind: "lift", payload: { kind: "domain", name: "partner" }, until: null },
	];
	for (const [index, row] of rows.entries()) lane.apply({ ...row, key: "k", seq: index + 1 });
	await write(fresh(), checkpointOf(people(1), lane));
	const { lane: again, seq } = await taken(path);
	const revoked = (issuer: string, id: string, now = WRITTEN) =>
		again.revocationOf({ issuer, id, subject: "s", issuedAt: 10, keyThumbprint: null }, now);
	expect([revoked("i", "for ever"), revoked("i", "over"), revoked("i", "other")]).toEqual(["token", null, null]);
	expect([revoked("i", "later"), revoked("i", "later", WRITTEN + HOUR)]).toEqual(["token", null]);
	expect(revoked("j", "any")).toBe("before");
	expect(again.quarantined("spiffe://x/y", null, "partner", WRITTEN)).toBe("workload");
	expect(again.quarantined(null, null, "partner", WRITTEN)).toBeNull();
	expect([seq, again.seq, (await read(path)).header.counts.revocations]).toEqual([7, 7, 4]);
});

test("a lane that met an unknown kind is as stale when it comes back", async () => {
	const lane = laneOf("t1");
	lane.apply({ seq: 2, kind: "banish", key: "x", payload: {}, until: null });
	await write(fresh(), checkpointOf(people(1), lane));
	expect((await taken(path)).lane.unknownKind).toBe("banish");
});

test("many policies, revocations and members take many frames", async () => {
	const names = Array.from({ length: 3_000 }, (_, index) => `policy-${index}`);
	const members = names.map((name) => `spiffe://prod.example.org/${name}`);
	const set = { ...people(1, ...names), segments: [segment({ name: "a", members }), segment({ name: "b" })] };
	const written = checkpointOf(set, laneOf(...names));
	const progress: number[] = [];
	await write(fresh(), written);
	expect((await taken(path)).snapshot).toEqual(written.snapshot);
	const { set: lazy } = await readSnapshotFile(path, { timers: TIMERS, progress: (count) => progress.push(count) });
	expect([...lazy.policies]).toHaveLength(3_000);
	expect(progress.length).toBeGreaterThan(1);
	expect(progress.at(-1)).toBe(3_000);
	expect([...(await taken(path)).lane.rows()]).toHaveLength(3_000);
});

test("no database, no set of owners' roles and no private key is in it", async () => {
	const set = { ...FULL, owners: [{ name: "platform", role: "role-s3cret" }] };
	await write(fresh(), checkpointOf(set, laneOf("t1")));
	const texts = framesOf(readFileSync(path));
	expect(texts.join()).toContain('"crv":"P-256"');
	// `d` is what a private JWK has more than a public one (RFC 7518, 6.2.2 and 6.3.2).
	for (const absent of ["role-s3cret", '"d":', '"k":']) expect(texts.join()).not.toContain(absent);
	const jwks = { keys: [{ ...jwksOf(makeSigningKey("ES256", "k")).keys[0], d: "s3cret" }] };
	const refused = compileRows({ issuers: [issuer({ url: "https://id.example.org", domain: "internal", jwks })] });
	expect(refused).toMatchObject({ ok: false, problems: [{ object: "issuer https://id.example.org" }] });
});

/** Every JSON text of a file, header and frames. */
function framesOf(file: Buffer): string[] {
	const texts = [file.toString("utf8", 0, 4_096)];
	for (let at = 4_096; at < file.length; ) {
		const length = file.readUInt32LE(at);
		texts.push(inflateRawSync(file.subarray(at + 4, at + 4 + length)).toString());
		at += 4 + length;
	}
	return texts;
}

describe("written again", () => {
	const first = checkpointOf(people(3, "p1", "p2"), laneOf("t1"));
	const headerOf = async () => (await read(path)).header;

	test("for its times alone, it is the same but for them", async () => {
		const previous = await write(fresh(), first);
		const before = readFileSync(path);
		await write(path, { ...first, policyConfirmedAt: WRITTEN, laneConfirmedAt: WRITTEN }, { previous });
		const after = readFileSync(path);
		expect(after.subarray(4_096)).toEqual(before.subarray(4_096));
		expect(await headerOf()).toMatchObject({ policyConfirmedAt: WRITTEN, laneConfirmedAt: WRITTEN, revision: 3 });
		expect((await taken(path)).snapshot).toEqual(first.snapshot);
	});

	test("with another lane, the policies are taken over and the lane is new", async () => {
		const lane = laneOf("t1");
		const previous = await write(fresh(), { ...first, lane });
		lane.apply({ ...rowOf("t2"), seq: 2 });
		const now = await write(path, { ...first, lane, seq: 2 }, { previous });
		expect(now.header.sections.policies).toEqual(previous.header.sections.policies);
		expect(now.header.counts).toMatchObject({ policies: 2, revocations: 2 });
		expect([...(await taken(path)).lane.rows()].map(({ payload }) => payload.token_id)).toEqual(["t1", "t2"]);
	});

	test("with other policies of the same numbers, they are written anew", async () => {
		const previous = await write(fresh(), first);
		const other = checkpointOf(people(3, "p9"), first.lane);
		await write(path, other, { previous });
		expect((await taken(path)).snapshot).toEqual(other.snapshot);
		expect((await headerOf()).counts).toMatchObject({ policies: 1, revocations: 1 });
	});

	test.each<[string, (path: string) => void]>([
		["was damaged meanwhile", (file) => flip(file, 4_096 + 20)],
		["was cut off meanwhile", (file) => writeFileSync(file, readFileSync(file).subarray(0, 4_100))],
		["was replaced meanwhile", (file) => writeFileSync(file, "something else")],
	])("over one that %s, it is whole again", async (_title, damage) => {
		const previous = await write(fresh(), first);
		damage(path);
		await write(path, first, { previous });
		expect((await taken(path)).snapshot).toEqual(first.snapshot);
		expect((await headerOf()).counts).toMatchObject({ policies: 2, revocations: 1 });
	});

	test("over one that was removed meanwhile, it is there again", async () => {
		const previous = await write(fresh(), first);
		rmSync(path);
		await write(path, first, { previous });
		expect((await taken(path)).snapshot).toEqual(first.snapshot);
	});
});

describe("what interrupted writes left", () => {
	const name = (file: string) => `${file}.0123456789abcdef.tmp`;
	const exists = (file: string) => readdirSync(dirname(file)).some((entry) => file.endsWith(entry));

	test("is removed once it is old; what is young, or another's, stays", async () => {
		const old = name(fresh());
		const young = `${path}.fedcba9876543210.tmp`;
		const other = name(folder.path("other.snapshot"));
		for (const file of [old, young, other]) writeFileSync(file, "half");
		for (const file of [old, other]) utimesSync(file, new Date(WRITTEN - HOUR), new Date(WRITTEN - HOUR));
		utimesSync(young, new Date(WRITTEN - 1_000), new Date(WRITTEN - 1_000));
		await write(path, checkpointOf(people(1)));
		expect([exists(old), exists(young), exists(other)]).toEqual([false, true, true]);
	});

	test("a write that is ended leaves the old file, and nothing else", async () => {
		const first = checkpointOf(people(1, "p1"));
		await write(fresh(), first);
		const ending = new AbortController();
		let turns = 0;
		const timers = {
			breathe: async () => {
				if (++turns === 2) ending.abort(new Error("enough"));
			},
		};
		const second = checkpointOf(people(2, "p2"));
		await expect(write(path, second, { timers, signal: ending.signal })).rejects.toThrow("enough");
		expect((await taken(path)).snapshot).toEqual(first.snapshot);
		expect(readdirSync(dirname(path)).filter((entry) => entry.startsWith(`${files}.snapshot.`))).toEqual([]);
	});

	test("a folder that is gone is an error, and no file", async () => {
		await expect(write(folder.path("nowhere/x"), checkpointOf(people(1)))).rejects.toMatchObject({ code: "ENOENT" });
	});
});

const rowOf = (token_id: string) => ({
	kind: "revoke_token",
	key: token_id,
	payload: { issuer: "https://id.example.org", token_id },
	until: null,
});

function flip(file: string, at: number): void {
	const bytes = readFileSync(file);
	bytes[at]! ^= 1;
	writeFileSync(file, bytes);
}
