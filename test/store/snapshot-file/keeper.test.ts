/** When the file is written; time is the test's, the files are real. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Checkpoint } from "../../../src/store/checkpoint.ts";
import { createKeeper, type Keeper } from "../../../src/store/snapshot-file/keeper.ts";
import { until } from "../../support/wait.ts";
import { checkpointOf, laneOf, people, read, taken, testFolder, WRITTEN } from "../support/checkpoints.ts";
import { fakeTime } from "../support/fake-time.ts";

const { snapshotRestMs: REST, snapshotRefreshMs: REFRESH } = LIMITS;

const folder = testFolder();
afterAll(() => folder.remove());

let files = 0;
let path: string;
let time: ReturnType<typeof fakeTime>;
let checkpoint: Checkpoint | null;
let said: string[];
let keeper: Keeper;

beforeEach(() => {
	path = folder.path(`${++files}/policy.snapshot`);
	mkdirSync(dirname(path));
	time = fakeTime(WRITTEN);
	checkpoint = checkpointOf(people(1, "p1"), laneOf("t1"));
	said = [];
	keeper = createKeeper({
		path,
		checkpoint: () => checkpoint,
		timers: time.timers,
		clock: time.clock,
		version: "1.2.3",
		events: {
			kept: ({ revision }) => said.push(`kept ${revision}`),
			lost: (error) => said.push(`lost ${(error as NodeJS.ErrnoException).code}`),
			back: () => said.push("back"),
		},
	});
});
afterEach(async () => {
	checkpoint = null;
	await keeper.stop();
	expect(time.pending()).toBe(0);
});

/** When this keeper last wrote, in milliseconds since the test began. */
const writtenAt = () => {
	const { writtenAt } = keeper.status();
	return writtenAt === null ? null : writtenAt - WRITTEN;
};
/** Its waits are the test's, its writes are not. */
const idle = () => until("it rests", () => time.pending() > 0);
const revision = async () => (await read(path)).header.revision;

function commit(number: number, ...names: string[]): void {
	const { policyConfirmedAt, laneConfirmedAt, lane } = checkpoint!;
	checkpoint = { ...checkpointOf(people(number, ...names), lane), policyConfirmedAt, laneConfirmedAt };
	keeper.note();
}

function confirm(): void {
	checkpoint = { ...checkpoint!, policyConfirmedAt: time.clock(), laneConfirmedAt: time.clock() };
}

async function pass(ms: number): Promise<void> {
	await time.advance(ms);
	await idle();
}

async function started(): Promise<void> {
	keeper.start();
	await idle();
}

describe("a keeper", () => {
	test("writes at once", async () => {
		await started();
		expect([writtenAt(), await revision(), said]).toEqual([0, 1, ["kept 1"]]);
		expect([...(await taken(path)).lane.rows()]).toHaveLength(1);
	});

	test("writes a change at once when it has rested", async () => {
		await started();
		await pass(REST);
		commit(2, "p2");
		await idle();
		expect([writtenAt(), await revision()]).toEqual([REST, 2]);
	});

	test("rests between writes: many changes become one", async () => {
		await started();
		for (let number = 2; number < 30; number++) {
			commit(number, `p${number}`);
			await time.advance(100);
		}
		expect([writtenAt(), await revision()]).toEqual([0, 1]);
		await pass(REST - 2_800);
		expect([writtenAt(), await revision()]).toEqual([REST, 29]);
	});

	test("writes now and then without a change, so that the times stay fresh", async () => {
		await started();
		confirm();
		await pass(REFRESH - 1);
		expect(writtenAt()).toBe(0);
		confirm();
		await pass(1);
		expect(writtenAt()).toBe(REFRESH);
		expect((await read(path)).header.policyConfirmedAt).toBe(WRITTEN + REFRESH - 1);
	});

	test("writes nothing while nothing is confirmed: the file keeps the age that it has", async () => {
		await started();
		await pass(10 * REFRESH);
		expect(writtenAt()).toBe(0);
		keeper.note();
		await idle();
		expect(writtenAt()).toBe(0);
	});

	test("writes nothing before there is something", async () => {
		const first = checkpoint;
		checkpoint = null;
		await started();
		await pass(REST);
		expect([writtenAt(), said]).toEqual([null, []]);
		checkpoint = first;
		keeper.note();
		await idle();
		expect([writtenAt(), said]).toEqual([REST, ["kept 1"]]);
	});

	test("writes the newest when it stops, and nothing behind that", async () => {
		await started();
		commit(2, "p2");
		await keeper.stop();
		expect(await revision()).toBe(2);
		rmSync(path);
		await time.advance(10 * REFRESH);
		expect(readdirSync(dirname(path))).toEqual([]);
	});

	test("never started, it stops without a file", async () => {
		await keeper.stop();
		expect(readdirSync(dirname(path))).toEqual([]);
	});
});

describe("a file that cannot be written", () => {
	test("is said once and tried again, until it can", async () => {
		rmSync(dirname(path), { recursive: true });
		await started();
		expect(said).toEqual(["lost ENOENT"]);
		expect(keeper.status()).toEqual({ path, writtenAt: null, error: expect.stringContaining("ENOENT") });
		keeper.note();
		await pass(REST);
		expect(said).toEqual(["lost ENOENT"]);
		mkdirSync(dirname(path));
		await pass(REFRESH);
		expect(said).toEqual(["lost ENOENT", "back"]);
		expect(keeper.status()).toEqual({ path, writtenAt: expect.any(Number), error: null });
		expect(await revision()).toBe(1);
	});
});
