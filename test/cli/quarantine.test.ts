import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { run } from "../../src/cli/program.ts";
import { register } from "../../src/cli/quarantine.ts";
import { type FollowingServer, startServer } from "../store/support/server.ts";
import { COMPANY } from "../store/support/workbench.ts";
import { fakeIo } from "../support/fake-io.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

let database: TestDatabase;
const servers: FollowingServer[] = [];

beforeAll(async () => {
	database = await createTestDatabase();
	await (await database.connect()).query(COMPANY);
});
afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
});
afterAll(() => database?.drop());

async function firebreak(argv: readonly string[], url = database.url) {
	const io = fakeIo({ env: { DATABASE_URL: url }, clock: Date.now });
	const code = await run(["quarantine", ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

async function json(...argv: string[]) {
	const { code, out } = await firebreak([...argv, "--json"]);
	return { code, ...JSON.parse(out) };
}

const start = async (id: string, options = {}) => {
	const server = await startServer(database.url, id, options);
	servers.push(server);
	return server;
};

const WORKLOAD = "spiffe://prod.example.org/orders";
const held = ({ follower }: FollowingServer, workload: string | null, segment: string | null) =>
	follower.current().lane.quarantined(workload, segment, null, Date.now());

describe("quarantine", () => {
	test("add holds on every live server when it returns, with a receipt; lift ends it", async () => {
		const both = [await start("one"), await start("two")];
		const added = await firebreak(["add", "workload", WORKLOAD, "--reason", "INC-1"]);
		expect(added.code).toBe(0);
		expect(both.map((server) => held(server, WORKLOAD, null))).toEqual(["workload", "workload"]);
		const lines = added.out.trimEnd().split("\n");
		expect(lines[0]).toMatch(
			/^workload spiffe:\/\/prod\.example\.org\/orders is in quarantine, until it is lifted: seq 1, by \S+, at \S+Z$/,
		);
		expect(lines.slice(1)).toEqual([
			expect.stringMatching(/^SERVER +STATE +CONFIRMED$/),
			expect.stringMatching(/^one +live +\d{4}-\S+Z +after \d+ ms$/),
			expect.stringMatching(/^two +live +\d{4}-\S+Z +after \d+ ms$/),
			"seq 1 is enforced by all 2 live servers",
		]);

		const lifted = await json("lift", "workload", WORKLOAD, "--reason", "INC-1 is closed");
		expect(lifted).toMatchObject({
			code: 0,
			kind: "workload",
			name: WORKLOAD,
			seq: 2,
			until: null,
			waited: {
				reached: true,
				servers: [
					{ id: "one", enforces: true },
					{ id: "two", enforces: true },
				],
			},
		});
		expect(both.map((server) => held(server, WORKLOAD, null))).toEqual([null, null]);
	});

	test("the same order again gives the same receipt; --until ends it by itself", async () => {
		const first = await json("add", "segment", "orders", "--reason", "INC-2", "--until", "2100-01-01T00:00:00Z");
		expect(first).toMatchObject({ code: 0, until: "2100-01-01T00:00:00.000Z", waited: { reached: true, servers: [] } });
		const again = await json("add", "segment", "orders", "--reason", "INC-2", "--until", "2100-01-01T00:00:00Z");
		expect(again.seq).toBe(first.seq);

		const before = Date.now();
		const shorter = await json("add", "segment", "orders", "--reason", "INC-2", "--until", "2h");
		expect(shorter.seq).toBe(first.seq + 1);
		expect(Date.parse(shorter.until) - before).toBeGreaterThanOrEqual(7_200_000);
		expect(Date.parse(shorter.until) - before).toBeLessThan(7_260_000);
		const server = await start("one");
		expect(held(server, null, "orders")).toBe("segment");
	});

	test("add does not end what is in force: an end that is past is refused, and nothing changes", async () => {
		const order = ["add", "domain", "internal", "--reason", "INC-3"];
		await json(...order, "--no-wait");
		const before = await json("list");
		for (const end of ["2025-12-01T00:00:00Z", "0s"]) {
			const { code, out, err } = await firebreak([...order, "--until", end, "--no-wait"]);
			expect({ code, out }).toEqual({ code: 2, out: "" });
			expect(err).toContain("It is past: firebreak quarantine lift ends a quarantine.");
		}
		expect(await json("list")).toEqual(before);
		await json("lift", "domain", "internal", "--reason", "over", "--no-wait");
	});

	test("list shows what is in force", async () => {
		await json("add", "issuer", "https://id.example.org", "--reason", "key leak", "--no-wait");
		const { quarantines } = await json("list");
		expect(quarantines).toMatchObject([
			{ kind: "issuer", name: "https://id.example.org", reason: "key leak", until: null },
			{ kind: "segment", name: "orders", reason: "INC-2", until: expect.stringMatching(/Z$/) },
		]);
		const { out } = await firebreak(["list"]);
		expect(out.split("\n")[1]).toMatch(/^issuer +https:\/\/id\.example\.org +\d+ +\S+Z +it is lifted +\S+ +key leak$/);
		await json("lift", "issuer", "https://id.example.org", "--reason", "rotated");
		await json("lift", "segment", "orders", "--reason", "over");
		expect((await firebreak(["list"])).out).toBe("nothing is in quarantine\n");
	});

	test("a server that does not confirm exits 6 and is named; the order holds all the same", async () => {
		await start("good");
		await start("deaf", { deaf: true });
		await until("the good one enforces it", async () => {
			const { waited } = await json("add", "key", KEY, "--reason", "leaked", "--timeout", "50ms");
			return waited.servers.some(({ id, enforces }: { id: string; enforces: boolean }) => id === "good" && enforces);
		});
		const { code, out, err } = await firebreak(["add", "key", KEY, "--reason", "leaked", "--timeout", "50ms"]);
		expect(code).toBe(6);
		expect(out).toMatch(/^deaf +live +not confirmed +heard of \S+ s ago$/m);
		expect(out).toMatch(/^good +live +\d{4}-\S+Z +after \d+ ms$/m);
		expect(err).toMatch(/error: seq \d+ is committed, but after 50ms 1 of 2 live servers do not enforce it/);
		expect(err).toContain("  server deaf: it is at seq ");
		const again = await json("add", "key", KEY, "--reason", "leaked", "--timeout", "50ms");
		expect(again).toMatchObject({ code: 6, waited: { reached: false, servers: [{ id: "deaf" }, { id: "good" }] } });
		expect((await json("list")).quarantines).toMatchObject([{ kind: "key", name: KEY }]);
		const unwatched = await json("lift", "key", KEY, "--reason", "over", "--no-wait");
		expect(unwatched).toMatchObject({ code: 0, waited: null });
	});

	test("names that no policy states are taken, with a warning", async () => {
		for (const argv of [
			["segment", "nobody"],
			["domain", "nowhere"],
			["issuer", "https://nobody.example.org"],
		]) {
			const { code, err } = await firebreak(["add", ...argv, "--reason", "in advance"]);
			expect({ code, err }).toEqual({
				code: 0,
				err: expect.stringMatching(/^warning: quarantine: no .+ is stated; it takes effect all the same\n$/),
			});
		}
		const key = "E".repeat(43);
		expect(await firebreak(["add", "key", key, "--reason", "in advance"])).toMatchObject({
			code: 0,
			err: `warning: quarantine: no published key and no jwks of an issuer has the thumbprint ${key}; it takes effect all the same\n`,
		});
		const unknown = await firebreak(["add", "workload", "spiffe://prod.example.org/nobody", "--reason", "in advance"]);
		expect(unknown).toMatchObject({ code: 0, err: "" });
	});

	test("a key that a domain or an issuer has is known by its thumbprint, whatever its id is", async () => {
		const kinds = await Promise.all(
			["ES256", "EdDSA", "RS256"].map(async (alg) => {
				const { publicKey } = await generateKeyPair(alg, { extractable: true });
				const jwk = await exportJWK(publicKey);
				return { jwk: { ...jwk, alg, use: "sig", kid: `k-${alg}` }, thumbprint: await calculateJwkThumbprint(jwk) };
			}),
		);
		const admin = await database.connect();
		const [own, ...others] = kinds;
		await admin.query("select firebreak.publish_key('internal', $1, $2, now(), 'first')", [own!.jwk.kid, own!.jwk]);
		await admin.query("select firebreak.issuer('https://keys.example.org', $1, audiences => '{a}', jwks => $2)", [
			(await admin.query("select name from firebreak.domain limit 1")).rows[0].name,
			{ keys: others.map(({ jwk }) => jwk) },
		]);
		for (const { thumbprint } of kinds) {
			expect(await firebreak(["add", "key", thumbprint, "--reason", "leaked"])).toMatchObject({ code: 0, err: "" });
		}
		const elsewhere = "E".repeat(43);
		await admin.query(
			`select firebreak.issuer('https://far.example.org', (select name from firebreak.domain limit 1), audiences => '{a}',
				jwks_uri => 'https://far.example.org/jwks')`,
		);
		const { err } = await firebreak(["add", "key", elsewhere, "--reason", "leaked"]);
		expect(err).toContain("(keys at a jwks_uri are not known here)");
	});

	test("lifting what is not in quarantine says so", async () => {
		const { code, out } = await firebreak(["lift", "segment", "payments", "--reason", "none"]);
		expect({ code, out }).toEqual({
			code: 0,
			out: "segment payments is not in quarantine; there is nothing to lift\n",
		});
		expect(await json("lift", "segment", "payments", "--reason", "none")).toMatchObject({ code: 0, seq: null });
	});

	test.each([
		[
			"a workload that is no SPIFFE ID",
			["add", "workload", "orders", "--reason", "x"],
			"is no SPIFFE ID of a workload",
		],
		["a key that is no thumbprint", ["add", "key", "k1", "--reason", "x"], "is no JWK thumbprint"],
		["an empty reason", ["add", "segment", "orders", "--reason", " "], "reason: is empty"],
		["no reason", ["add", "segment", "orders"], "required option '--reason <text>' not specified"],
		["an unknown kind", ["add", "token", "t", "--reason", "x"], "Allowed choices are workload, segment, domain"],
		["a time without a zone", ["add", "segment", "orders", "--reason", "x", "--until", "tomorrow"], "Write a time"],
	])("%s exits 2 and says why", async (_what, argv, message) => {
		const { code, err } = await firebreak(argv);
		expect(code).toBe(2);
		expect(err).toContain(message);
	});

	test("only operators may", async () => {
		const reader = await database.role("reader", "firebreak_reader");
		const url = `${database.url}?options=-c%20role%3D${reader}`;
		const { code, err } = await firebreak(["add", "segment", "orders", "--reason", "x"], url);
		expect(code).toBe(1);
		expect(err).toContain("(connect as a member of firebreak_operator)");
		expect((await firebreak(["list"], url)).code).toBe(0);
	});

	test("while another transaction holds the lane, it gives up and says so", async () => {
		const client = await database.connect();
		await client.query("begin; select firebreak.quarantine('segment', 'orders', 'slow')");
		try {
			const url = `${database.url}?statement_timeout=3000`;
			const { code, err } = await firebreak(["add", "segment", "payments", "--reason", "x"], url);
			expect(code).toBe(6);
			expect(err).toContain("the revocation lane is held by another transaction");
		} finally {
			await client.query("rollback");
		}
	});
});

const KEY = "A".repeat(43);
