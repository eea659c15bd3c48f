/** A writer that is killed at any moment leaves the old file or the new one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { until } from "../../support/wait.ts";
import { taken, testFolder, write, writerCheckpoint } from "../support/checkpoints.ts";

const KILLS = 12;
const WRITER = fileURLToPath(new URL("../support/snapshot-writer.ts", import.meta.url));

const folder = testFolder();
const running = new Set<ChildProcess>();
afterAll(() => {
	for (const child of running) child.kill("SIGKILL");
	folder.remove();
});

async function startWriter(path: string): Promise<ChildProcess> {
	const child = spawn(process.execPath, [WRITER, path], { stdio: ["pipe", "pipe", "inherit"] });
	running.add(child);
	child.once("exit", () => running.delete(child));
	await once(child.stdout!, "data");
	return child;
}

test("kill -9 at any moment leaves a whole file", async () => {
	const path = folder.path("killed.snapshot");
	const wanted = new Map([1, 2].map((revision) => [revision, writerCheckpoint(revision).snapshot]));
	for (let kill = 0; kill < KILLS; kill++) {
		const child = await startWriter(path);
		await until("a first file", () => existsSync(path));
		await sleep(kill * 13);
		child.kill("SIGKILL");
		const [code, signal] = await once(child, "exit");
		expect([code, signal]).toEqual([null, "SIGKILL"]);
		const { snapshot, lane } = await taken(path);
		expect(snapshot).toEqual(wanted.get(snapshot.revision));
		expect([...lane.rows()]).toHaveLength(1_000);
	}
	// They were in the middle of it.
	expect(readdirSync(dirname(path)).filter((name) => name.endsWith(".tmp")).length).toBeGreaterThan(0);
	await write(path, writerCheckpoint(3));
	expect((await taken(path)).snapshot.revision).toBe(3);
});
