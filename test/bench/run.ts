/**
 * `make bench`: every benchmark in a process of its own, or those that are named: `make bench ARGS="decide check"`. Those of
 * the store take minutes and run only when they are named, as `make bench-store` does. With BENCH=tiny each runs just long
 * enough to show that it runs; its figures mean nothing then.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** In the order of their importance. */
const BENCHES = ["decide", "check", "authn", "condition", "telemetry", "limiter"] as const;

const OF_THE_STORE = ["store", "snapshot-file"] as const;
const ALL: readonly string[] = [...BENCHES, ...OF_THE_STORE];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !ALL.includes(name));
if (unknown.length > 0) {
	process.stderr.write(`there is no benchmark ${unknown.join(", ")}; there are ${ALL.join(", ")}\n`);
	process.exitCode = 2;
} else {
	for (const name of asked.length > 0 ? asked : BENCHES) {
		process.stderr.write(`== ${name}\n`);
		const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
		const { status } = spawnSync(process.execPath, [script], { stdio: "inherit" });
		if (status !== 0) process.exitCode = 1;
	}
}
