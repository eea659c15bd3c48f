import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { run } from "../../src/cli/program.ts";
import { register } from "../../src/cli/snapshot.ts";
import { packFrame } from "../../src/store/snapshot-file/frames.ts";
import { checkpointOf, laneOf, people, testFolder, WRITTEN, write } from "../store/support/checkpoints.ts";
import { fakeIo } from "../support/fake-io.ts";
import { segment } from "../support/policy-set.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const path = folder.path("policy.snapshot");

beforeAll(async () => {
	await write(path, checkpointOf(people(17, "p1", "p2"), laneOf("t1"), { policyConfirmedAt: WRITTEN - 90_000 }));
});

async function verify(file: string, ...argv: string[]) {
	const io = fakeIo({ clock: () => WRITTEN });
	const code = await run(["snapshot", "verify", file, ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

test("says what a sound file holds, and how old it is", async () => {
	const { code, out } = await verify(path);
	expect(code).toBe(0);
	expect(out.trimEnd().split("\n")).toEqual([
		"WHAT      VALUE",
		"epoch     test",
		"revision  17, confirmed 2026-01-31T11:58:30.000Z, 90s ago",
		"seq       1, confirmed 2026-01-31T11:59:59.000Z, 1s ago",
		"written   2026-01-31T12:00:00.000Z by Firebreak 1.2.3",
		"holds     1 domains, 0 issuers, 2 segments, 0 crossings, 0 rate limits, 2 policies, 1 revocations",
		`bytes     ${readFileSync(path).length}, format 1`,
		"OK: the checksums are right, and it compiles",
	]);
});

test("says it in JSON", async () => {
	const { code, out } = await verify(path, "--json");
	expect([code, JSON.parse(out)]).toEqual([
		0,
		{
			ok: true,
			file: path,
			format: 1,
			bytes: readFileSync(path).length,
			epoch: "test",
			revision: 17,
			seq: 1,
			policyConfirmedAt: "2026-01-31T11:58:30.000Z",
			policyAgeSeconds: 90,
			revocationsConfirmedAt: "2026-01-31T11:59:59.000Z",
			revocationAgeSeconds: 1,
			writtenAt: "2026-01-31T12:00:00.000Z",
			writtenBy: "1.2.3",
			counts: {
				domains: 1,
				issuers: 0,
				segments: 2,
				crossings: 0,
				rate_limits: 0,
				policies: 2,
				revocations: 1,
			},
		},
	]);
});

test("a damaged file is refused with cause and cure, exit 1", async () => {
	const bad = folder.path("damaged.snapshot");
	writeFileSync(bad, readFileSync(path).subarray(0, -1));
	const { code, out, err } = await verify(bad);
	expect([code, out]).toEqual([1, ""]);
	expect(err).toMatch(
		/^error: the snapshot file .* is refused: it was cut off: \d+ of \d+ bytes are there\n {2}snapshot .*\(delete it/,
	);
	expect(JSON.parse((await verify(bad, "--json")).out)).toMatchObject({
		error: { code: "snapshot_invalid", problems: [{ object: `snapshot ${bad}` }] },
	});
});

test("a file that is not there is told apart, exit 1", async () => {
	const { code, err } = await verify(folder.path("missing"));
	expect([code, err]).toEqual([1, `error: there is no snapshot file ${folder.path("missing")}\n`]);
});

test("one that was confirmed at a time to come is refused, as a server would", async () => {
	const ahead = folder.path("ahead.snapshot");
	await write(ahead, checkpointOf(people(1), laneOf(), { laneConfirmedAt: WRITTEN + 31_000 }));
	expect(await verify(ahead)).toMatchObject({ code: 1, err: expect.stringContaining("still to come") });
	await write(ahead, checkpointOf(people(1), laneOf(), { laneConfirmedAt: WRITTEN + 29_000 }));
	expect((await verify(ahead)).code).toBe(0);
});

test("one that does not compile is refused with its problems, exit 3", async () => {
	const bad = folder.path("uncompilable.snapshot");
	const checkpoint = checkpointOf(people(1, "p1"), laneOf());
	const segments = new Map(checkpoint.snapshot.segments);
	// What a program would write that knows something which this one refuses.
	segments.set("bad", segment({ name: "bad", members: ["no SPIFFE ID"] }));
	await write(bad, { ...checkpoint, snapshot: { ...checkpoint.snapshot, segments } });
	const { code, err } = await verify(bad);
	expect(code).toBe(3);
	expect(err).toContain('segment bad, members: "no SPIFFE ID" is no workload\'s SPIFFE ID');
});

test("usage and frames that a foreign hand wrote end with an exit code, not a crash", async () => {
	expect((await verify("", "--nonsense")).code).toBe(2);
	const bad = folder.path("foreign.snapshot");
	writeFileSync(bad, packFrame("{}"));
	expect((await verify(bad)).code).toBe(1);
});
