/**
 * A flood of distinct forged tokens from one source, over gRPC: what another source's requests take meanwhile, beside what
 * they take in quiet. Server, attacker and the honest source are processes of their own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { accessToken, accessTokenClaims, jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import { startGrpcServer } from "../../src/extauthz/server.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { connect } from "../extauthz/client.ts";
import { checkRequest } from "../support/check-requests.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { AUDIENCE, issuerRow, proofMemory } from "../support/tokens.ts";
import { microseconds, printTable, quantile, TINY } from "./measure.ts";
import { reach } from "./reach.ts";

const ISSUER = "https://id.example.org";
const FORGED_PER_SECOND = 500;
const HONEST_PER_SECOND = 100;
const SECONDS = TINY ? 0.2 : 1.5;
const ROUNDS = TINY ? 1 : 7;

interface Site {
	readonly port: number;
	/** Good tokens of the honest source. */
	readonly tokens: readonly string[];
}

/** Runs as the child that serves. */
async function serve(): Promise<void> {
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
	const view = () => ({ snapshot, lane: new Lane(), policyConfirmedAt: Date.now(), laneConfirmedAt: Date.now() });
	const onError = (error: unknown) => {
		throw error;
	};
	const { address } = await startGrpcServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tls: null,
		check: createCheck({
			view,
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

/** Runs as the child that attacks, for as many seconds as it is told: each token is another one, its signature nobody's. */
async function attack(port: number): Promise<void> {
	const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: Date.now() / 1000, scope: "x" };
	const header = encode({ alg: "ES256", typ: "at+jwt", kid: "k" });
	const forge = () => {
		const token = `${header}.${encode(accessTokenClaims(options))}.${randomBytes(64).toString("base64url")}`;
		return checkRequest({ from: "orders", headers: { authorization: `Bearer ${token}` } });
	};
	process.on("message", async (seconds: number) => {
		process.send!((await press(port, FORGED_PER_SECOND, seconds, forge)).statuses);
	});
	process.send!("ready");
}

export async function measureFlood(): Promise<void> {
	const child = (...args: string[]) => fork(new URL(import.meta.url), args);
	const children = [child("serve")];
	try {
		const [{ port, tokens }] = (await once(children[0]!, "message")) as [Site];
		const attacker = child("attack", String(port));
		children.push(attacker);
		await once(attacker, "message");
		let turn = 0;
		const next = () => checkRequest({ from: "reports", headers: { authorization: `Bearer ${tokens[turn++ % 100]}` } });
		const ask = () => press(port, HONEST_PER_SECOND, SECONDS, next);
		await ask();
		// In turns, so that both see the same machine.
		const quiet: Answers[] = [];
		const flooded: Answers[] = [];
		const spent = { quiet: 0, flooded: 0 };
		const forged: Answers["statuses"][] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const before = await processorTime(children[0]!);
			quiet.push(await ask());
			const between = await processorTime(children[0]!);
			attacker.send(SECONDS);
			const answered = once(attacker, "message");
			flooded.push(await ask());
			forged.push(((await answered) as [Answers["statuses"]])[0]);
			spent.quiet += between - before;
			spent.flooded += (await processorTime(children[0]!)) - between;
		}
		const median = (answers: readonly Answers[], q: number) =>
			quantile(
				answers.map(({ latency }) => quantile(latency, q)),
				0.5,
			);
		const row = (name: string, answers: readonly Answers[]) => [
			name,
			...[0.5, 0.99].map((q) => `${median(answers, q).toFixed(2)} ms`),
			told(answers.map(({ statuses }) => statuses)),
		];
		printTable(
			`${FORGED_PER_SECOND} distinct forgeries a second from one source, ${HONEST_PER_SECOND} requests from another: medians of ${ROUNDS} rounds`,
			["", "median", "p99", "answers"],
			[
				row("the other source in quiet", quiet),
				row("in the flood", flooded),
				["the flood itself", "", "", told(forged)],
			],
		);
		const all = (answers: readonly { readonly statuses: Answers["statuses"] }[]) =>
			answers.flatMap(({ statuses }) => Object.values(statuses)).reduce((sum, count) => sum + count, 0);
		const flood = forged.map((statuses) => ({ statuses }));
		process.stdout.write(
			`  the server's processor time for each request: ${microseconds((spent.quiet * 1e3) / all(quiet))} in quiet, ` +
				`${microseconds((spent.flooded * 1e3) / (all(flooded) + all(flood)))} in the flood\n`,
		);
		const floor = median(quiet, 0.99);
		const beside = `its p99 in quiet, ${floor.toFixed(2)} ms`;
		const measured = [median(flooded, 0.99) / floor];
		reach({ what: "others' p99 in a flood of forgeries", measured, most: [2], unit: "x", beside });
	} finally {
		for (const one of children) one.kill();
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

const [role, port] = process.argv.slice(2);
if (process.send) {
	if (role === "serve") await serve();
	else if (role === "attack") await attack(Number(port));
}
