/**
 * COMMIT to enforced: from sending COMMIT, of one policy changed in a set, to the answer that a caller of each of five servers
 * gets by it; beside five bare clients of pg that are notified and select the changed row.
 */
import { fileURLToPath } from "node:url";
import { startProcess } from "../../../demo/processes.ts";
import { printTable, quantile, TINY, times } from "../measure.ts";
import { reach } from "../reach.ts";
import { changeOne, Site, say, until, withClient } from "./site.ts";

const POLICIES = TINY ? 400 : 10_000;
const SERVERS = TINY ? 2 : 5;
const COMMITS = TINY ? 3 : 100;
const WARMUP = TINY ? 1 : 20;

await using site = await Site.open();
const url = await site.database("commit", POLICIES);
const bare = await measureBare();
const enforced = await measureServers();

const ms = (value: number) => `${value.toFixed(1)} ms`;
const row = (name: string, q: number, limit: string) => [
	name,
	ms(quantile(enforced, q)),
	limit,
	ms(quantile(bare, q)),
	toBare(q),
];
const toBare = (q: number) => times(quantile(enforced, q) / quantile(bare, q));
printTable(
	`from sending COMMIT to a check answered by it, ${SERVERS} servers, one policy in ${POLICIES.toLocaleString("en")}, ${COMMITS} times`,
	["", "measured", "reach", "bare LISTEN and select", "to bare"],
	[row("p50", 0.5, "20 ms"), row("p99", 0.99, "100 ms")],
);
reach({
	what: `COMMIT to enforced, one policy in ${POLICIES.toLocaleString("en")}, ${SERVERS} servers`,
	measured: [quantile(enforced, 0.5), quantile(enforced, 0.99)],
	most: [20, 100],
	unit: "ms",
	beside: `p50 and p99; ${toBare(0.5)} and ${toBare(0.99)} of five bare LISTEN and select`,
});

/** Milliseconds from COMMIT to each client's having the row. */
async function measureBare(): Promise<readonly number[]> {
	say(`${COMMITS} commits, ${SERVERS} bare clients`);
	const seen = new Map<string, bigint[]>();
	const script = fileURLToPath(new URL("./bare-listener.ts", import.meta.url));
	const listeners = await Promise.all(
		Array.from({ length: SERVERS }, () =>
			startProcess({
				name: "bare client",
				command: process.execPath,
				args: [script, url],
				ready: (output) => output.includes("listening"),
				onOutput(text) {
					for (const [, path, at] of text.matchAll(/^(\/\S+) (\d+)$/gm)) {
						seen.set(path!, [...(seen.get(path!) ?? []), BigInt(at!)]);
					}
				},
			}),
		),
	);
	const samples: number[] = [];
	await commits("bare", async ({ path, committed, counts }) => {
		await until(() => seen.get(path)?.length === SERVERS);
		if (counts) samples.push(...seen.get(path)!.map((at) => Number(at - committed) / 1e6));
	});
	await Promise.all(listeners.map((listener) => listener.stop()));
	return samples;
}

/**
 * Nobody asks before it is enforced: polling checks would take the processor that the servers need. When a server's log says
 * that the revision is enforced, one check is sent, which must be allowed; its answer ends the time.
 */
async function measureServers(): Promise<readonly number[]> {
	say(`${COMMITS} commits, ${SERVERS} servers`);
	const servers = await Promise.all(Array.from({ length: SERVERS }, () => site.serve(url)));
	const samples: number[] = [];
	await commits("enforced", async ({ path, revision, committed, counts }) => {
		await Promise.all(
			servers.map(async (server) => {
				await server.enforces(revision);
				if (!(await server.isAllowed(path))) throw new Error(`revision ${revision} is said to be enforced, and is not`);
				if (counts) samples.push(Number(process.hrtime.bigint() - committed) / 1e6);
			}),
		);
	});
	await Promise.all(servers.map((server) => server.stop()));
	return samples;
}

interface Commit {
	readonly path: string;
	readonly revision: number;
	/** When COMMIT was sent. */
	readonly committed: bigint;
	/** Not those that warm up. */
	readonly counts: boolean;
}

async function commits(name: string, after: (commit: Commit) => Promise<void>): Promise<void> {
	await withClient(url, async (client) => {
		for (let turn = -WARMUP; turn < COMMITS; turn++) {
			const path = `/${name}/${turn + WARMUP}`;
			await after({ path, ...(await changeOne(client, path)), counts: turn >= 0 });
		}
	});
}
