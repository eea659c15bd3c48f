/**
 * A flood of distinct forged tokens from one source, over gRPC: what another source's requests take meanwhile, beside what
 * they take in quiet. Server, attacker and the honest source are processes of their own; the latter two would have machines
 * of their own, so they collect their garbage in small pieces on one thread, and the attacker gets what processor is left.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { accessToken, accessTokenClaims, jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import { startGrpcServer } from "../../src/extauthz/server.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { keepYoungObjectsYoung } from "../../src/serve/collector.ts";
import { connect } from "../extauthz/client.ts";
import { checkRequest } from "../support/check-requests.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { AUDIENCE, issuerRow, proofMemory } from "../support/tokens.ts";
import { microseconds, printTable, quantile, TINY, times } from "./measure.ts";
import { reach } from "./reach.ts";

const ISSUER = "https://id.example.org";
const FORGED_PER_SECOND = 500;
const HONEST_PER_SECOND = 200;
const SECONDS = TINY ? 0.2 : 1.5;
const ROUNDS = TINY ? 1 : 15;
/** A server that has just been started is slow by itself: many requests of each kind, and rounds that are not measured. */
const WARM_UP = TINY ? { perSecond: 100, seconds: 0.2 } : { perSecond: 2_000, seconds: 5 };
const WARM_UP_ROUNDS = TINY ? 0 : 5;
const CLIENT_FLAGS = ["--max-semi-space-size=1", "--single-threaded-gc"];
const LOWEST_PRIORITY = 19;

interface Site {
	readonly port: number;
	/** Good tokens of the honest source. */
	readonly tokens: readonly string[];
}

/** Runs as the child that serves. */
async function serve(): Promise<void> {
	keepYoungObjectsYoung();
	const key = makeSigningKey("ES256", "k");
	const snapshot = snapshotOf({
		domains: [domain({ name: "internal" })],
		issuers: [issuerRow({ url: ISSUER, jwks: jwksOf(key) })],
		segments: [segment({ name: "orders" }), segment({ name: "reports" }), segment({ name: "payments" })],
		policies: [policy({ name: "read", source: "*", destination: "payments" })],
	});
	const authenticator = createAuthenticator({
		clock: Date.now,
		keys: new KeyRing({ clock: Date.now }),
		replay: proofMemory(),
	});
	const view = { snapshot, lane: new Lane(), policyConfirmedAt: Date.now(), laneConfirmedAt: Date.now() };
	const onError = (error: unknown) => {
		throw error;
	};
	const { address } = await startGrpcServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tls: null,
		check: createCheck({
			view: () => view,
			authenticator,
			limiter: new MemoryLimiter({ stopwatch: () => performance.now(), liveServers: () => 1 }),
			ages: { maxPolicyAge: 1e9, maxRevocationAge: 1e9 },
			enforcerIdentity: "none",
			clock: Date.now,
			stopwatch: () => performance.now(),
			newId: () => "id",
			observe: () => {},
			onError,
		}),
		onError,
		onTlsReload: () => {},
	});
	const now = Date.now() / 1000;
	const options = { issuer: ISSUER, audience: AUDIENCE, now, scope: "x" };
	const tokens = Array.from({ length: 100 }, (_, index) => accessToken(key, { ...options, subject: `r-${index}` }));
	process.on("message", () => process.send!(process.cpuUsage()));
	process.send!({ port: (address as { port: number }).port, tokens } satisfies Site);
}

/** Asks at its own pace; milliseconds of each answer. */
async function press(port: number, perSecond: number, seconds: number, next: () => unknown): Promise<Answers> {
	const client = connect({ kind: "tcp", host: "127.0.0.1", port });
	const latency: number[] = [];
	const statuses: Record<number, number> = {};
	const started = performance.now();
	const under: Promise<unknown>[] = [];
	for (let asked = 0; performance.now() < started + seconds * 1_000; await sleep(1)) {
		for (const due = ((performance.now() - started) / 1_000) * perSecond; asked < due; asked++) {
			const at = performance.now();
			under.push(
				client.check(next()).then(({ deniedResponse }) => {
					latency.push(performance.now() - at);
					const status = deniedResponse?.status?.code ?? 200;
					statuses[status] = (statuses[status] ?? 0) + 1;
				}),
			);
		}
	}
	await Promise.all(under);
	client.close();
	return { latency, statuses };
}

interface Answers {
	readonly latency: readonly number[];
	readonly statuses: Readonly<Record<number, number>>;
}

/** What a child that asks is told: for how long, and how often. */
interface Order {
	readonly perSecond: number;
	readonly seconds: number;
}

/** Runs as a child that asks when it is told to. */
function asker(port: number, next: () => unknown): void {
	process.on("message", async ({ perSecond, seconds }: Order) => {
		process.send!(await press(port, perSecond, seconds, next));
	});
	process.send!("ready");
}

/** Each token is another one, its signature nobody's. */
function forge(): unknown {
	const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: Date.now() / 1000, scope: "x" };
	const text = `${encode({ alg: "ES256", typ: "at+jwt", kid: "k" })}.${encode(accessTokenClaims(options))}`;
	const token = `${text}.${randomBytes(64).toString("base64url")}`;
	return checkRequest({ from: "orders", headers: { authorization: `Bearer ${token}` } });
}

export async function measureFlood(): Promise<void> {
	const children: ChildProcess[] = [];
	const child = (flags: readonly string[], ...args: string[]) => {
		const one = fork(new URL(import.meta.url), args, { execArgv: [...flags] });
		children.push(one);
		return one;
	};
	const asking = async (...args: string[]) => {
		const one = child(CLIENT_FLAGS, ...args);
		await once(one, "message");
		const ask = async (order: Order) => {
			one.send(order);
			return ((await once(one, "message")) as [Answers])[0];
		};
		return { pid: one.pid!, ask };
	};
	try {
		const server = child([], "serve");
		const [{ port, tokens }] = (await once(server, "message")) as [Site];
		const honest = await asking("ask", String(port), tokens.join(" "));
		const attacker = await asking("attack", String(port));
		yieldToOthers(attacker.pid);
		const ask = () => honest.ask({ perSecond: HONEST_PER_SECOND, seconds: SECONDS });
		const attack = () => attacker.ask({ perSecond: FORGED_PER_SECOND, seconds: SECONDS });
		await honest.ask(WARM_UP);
		await attacker.ask(WARM_UP);
		// In turns, so that both see the same machine.
		const quiet: Answers[] = [];
		const flooded: Answers[] = [];
		const forged: Answers[] = [];
		const spent = { quiet: 0, flooded: 0 };
		for (let round = 0; round < WARM_UP_ROUNDS; round++) {
			await ask();
			await Promise.all([attack(), ask()]);
		}
		for (let round = 0; round < ROUNDS; round++) {
			const before = await processorTime(server);
			quiet.push(await ask());
			const between = await processorTime(server);
			const flood = attack();
			flooded.push(await ask());
			forged.push(await flood);
			spent.quiet += between - before;
			spent.flooded += (await processorTime(server)) - between;
		}
		const all = (answers: readonly Answers[], q: number) =>
			quantile(
				answers.flatMap(({ latency }) => latency),
				q,
			);
		const ms = (answers: readonly Answers[], q: number) => `${all(answers, q).toFixed(2)} ms`;
		const row = (name: string, answers: readonly Answers[]) => [
			name,
			...[0.5, 0.9, 0.99].map((q) => ms(answers, q)),
			told(answers.map(({ statuses }) => statuses)),
		];
		printTable(
			`${FORGED_PER_SECOND} distinct forgeries a second from one source, ${HONEST_PER_SECOND} requests from another: all of ${ROUNDS} rounds`,
			["", "median", "p90", "p99", "answers"],
			[
				row("the other source in quiet", quiet),
				row("in the flood", flooded),
				["the flood itself", "", "", "", told(forged.map(({ statuses }) => statuses))],
			],
		);
		const count = (answers: readonly Answers[]) => answers.reduce((sum, { latency }) => sum + latency.length, 0);
		process.stdout.write(
			`  the server's processor time for each request: ${microseconds((spent.quiet * 1e3) / count(quiet))} in quiet, ` +
				`${microseconds((spent.flooded * 1e3) / (count(flooded) + count(forged)))} in the flood\n`,
		);
		const floor = all(quiet, 0.99);
		const beside = `its p99 in quiet, ${floor.toFixed(2)} ms; ${times(all(flooded, 0.5) / all(quiet, 0.5))} at the median`;
		const measured = [all(flooded, 0.99) / floor];
		reach({ what: "others' p99 in a flood of forgeries", measured, most: [2], unit: "x", beside });
	} finally {
		for (const one of children) one.kill();
	}
}

/** Has a process run only where no other one wants the processor: by Linux' policy for that, or nearly so by its priority. */
function yieldToOthers(pid: number): void {
	try {
		execFileSync("chrt", ["--idle", "--all-tasks", "--pid", "0", String(pid)], { stdio: "ignore" });
	} catch {
		setPriority(pid, LOWEST_PRIORITY);
	}
}

/** Microseconds, user and system. */
async function processorTime(server: ChildProcess): Promise<number> {
	server.send("");
	const [{ user, system }] = (await once(server, "message")) as [NodeJS.CpuUsage];
	return user + system;
}

/** How often each status was answered. */
function told(statuses: readonly Answers["statuses"][]): string {
	const sum: Record<string, number> = {};
	for (const [status, count] of statuses.flatMap((one) => Object.entries(one)))
		sum[status] = (sum[status] ?? 0) + count;
	return Object.entries(sum)
		.map(([status, count]) => `${status}: ${count}`)
		.join(", ");
}

const [role, port, tokens = ""] = process.argv.slice(2);
if (process.send) {
	if (role === "serve") await serve();
	else if (role === "attack") asker(Number(port), forge);
	else if (role === "ask") {
		const headers = tokens.split(" ").map((token) => ({ authorization: `Bearer ${token}` }));
		let turn = 0;
		asker(Number(port), () => checkRequest({ from: "reports", headers: headers[turn++ % headers.length]! }));
	}
}
