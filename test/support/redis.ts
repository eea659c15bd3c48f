/** A real Redis or Valkey of Debian's, or whichever is on the PATH, for one test file. */
import { spawnSync } from "node:child_process";
import { onFreePorts } from "../../demo/ports.ts";
import { startProcess } from "../../demo/processes.ts";

export interface TestRedis {
	readonly url: string;
	/** On 127.0.0.1. */
	readonly port: number;
	/** Nothing is answered until `wake`; connections stay. */
	sleep(): void;
	wake(): void;
	stop(): Promise<void>;
}

const PROGRAM = ["redis-server", "valkey-server"].find(
	(name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);

/** Whether there is one; a test that needs it says that it is skipped when there is none. */
export function hasRedis(test: string): boolean {
	if (PROGRAM !== undefined) return true;
	process.stderr.write(`${test} is skipped: there is no redis-server here; Debian's package has that name.\n`);
	return false;
}

/** Starts one that keeps nothing on disk, on a free port. */
export async function startRedis({ args = [] }: { args?: readonly string[] } = {}): Promise<TestRedis> {
	const { running, port } = await onFreePorts(1, async ([port = 0]) => {
		const running = await startProcess({
			name: "Redis",
			command: PROGRAM!,
			args: [
				"--port",
				String(port),
				"--bind",
				"127.0.0.1",
				"--save",
				"",
				"--appendonly",
				"no",
				"--dir",
				"/tmp",
				...args,
			],
			ready: (output) => output.includes("Ready to accept connections"),
		});
		return { running, port };
	});
	return {
		url: `redis://127.0.0.1:${port}`,
		port,
		sleep: () => running.signal("SIGSTOP"),
		wake: () => running.signal("SIGCONT"),
		// Also while it sleeps, and without a last answer to what came meanwhile.
		stop: () => {
			running.signal("SIGKILL");
			return running.stop();
		},
	};
}
