/**
 * `make bench`: every benchmark in a process of its own, or those that are named: `make bench ARGS="decide check"`. Those of
 * the store take minutes and run only when they are named, as `make bench-store` does, which names `store`: all of them. With BENCH=tiny each runs just long
 * enough to show that it runs; its figures mean nothing then.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { printReaches, REACHES_FILE } from "./reach.ts";

/** In the order of their importance. */
const BENCHES = ["decide", "check", "saturation", "authn", "condition", "telemetry", "limiter"] as const;

/** `make bench-store`, or some of them: `make bench-store ARGS="commit revocations"`. */
const OF_THE_STORE = ["commit", "large", "snapshot-file", "revocations", "revoke", "migrating"] as const;
const FOLDERS: Readonly<Record<string, string>> = Object.fromEntries(OF_THE_STORE.map((name) => [name, "store/"]));
/** What a benchmark needs of Node. */
const FLAGS: Readonly<Record<string, readonly string[]>> = { revocations: ["--expose-gc"] };
const ALL: readonly string[] = [...BENCHES, ...OF_THE_STORE];

const [first, ...rest] = process.argv.slice(2);
/** `store` alone is all of them. */
const asked = first === undefined ? [] : first === "store" ? (rest.length > 0 ? rest : OF_THE_STORE) : [first, ...rest];
const unknown = asked.filter((name) => !ALL.includes(name));
if (unknown.length > 0) {
	process.stderr.write(`there is no benchmark ${unknown.join(", ")}; there are ${ALL.join(", ")}\n`);
	process.exitCode = 2;
} else {
	const folder = mkdtempSync(join(tmpdir(), "firebreak-bench-"));
	const reaches = join(folder, "reaches");
	const env = { ...process.env, [REACHES_FILE]: reaches };
	for (const name of asked.length > 0 ? asked : BENCHES) {
		process.stderr.write(`== ${name}\n`);
		const script = fileURLToPath(new URL(`./${FOLDERS[name] ?? ""}${name}.ts`, import.meta.url));
		const { status } = spawnSync(process.execPath, [...(FLAGS[name] ?? []), script], { stdio: "inherit", env });
		if (status !== 0) process.exitCode = 1;
	}
	if (existsSync(reaches)) printReaches(readFileSync(reaches, "utf8"));
	rmSync(folder, { recursive: true });
}
