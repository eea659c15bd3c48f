/**
 * The whole Check against a bare grpc-js server that answers OK and does nothing: same proto, same client, same message
 * with an ES256 token, in turns. Firebreak is the real program on a real Postgres: token cached, span not sampled,
 * decision recorded. Processor time is the server process's own, user and system.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
	type Client,
	credentials,
	type GrpcObject,
	loadPackageDefinition,
	Metadata,
	type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { migrateUp } from "../../demo/firebreak.ts";
import { freePort } from "../../demo/ports.ts";
import { startEmbeddedPostgres } from "../../demo/postgres.ts";
import { type RunningProcess, startProcess } from "../../demo/processes.ts";
import { accessTokenClaims, jwksOf, makeSigningKey, signToken } from "../../demo/tokens.ts";
import { createWorkspace } from "../../demo/workspace.ts";
import { AUTHORIZATION_SERVICE, PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { microseconds, printTable, quantile, TINY, times } from "./measure.ts";

const ROUNDS = TINY ? 1 : 7;
const WARM_UP = TINY ? 32 : 4_000;
const ALONE = TINY ? 32 : 2_000;
const TOGETHER = TINY ? 64 : 8_000;
const CALLERS = 32;

const ISSUER = "https://id.internal.example.org";
const key = makeSigningKey("ES256", "bench");
const MIGRATION = `
select firebreak.owner('platform');
select firebreak.domain('internal', owner => 'platform');
select firebreak.issuer('${ISSUER}', domain => 'internal', audiences => array['payments'], jwks => '${JSON.stringify(jwksOf(key))}');
select firebreak.segment('orders', domain => 'internal', environment => 'prod', owner => 'platform', members => array['spiffe://prod.example.org/ns/orders/sa/orders']);
select firebreak.segment('payments', domain => 'internal', environment => 'prod', owner => 'platform', members => array['spiffe://prod.example.org/ns/payments/sa/payments']);
select firebreak.allow('orders-reads-payments', source => 'orders', destination => 'payments', owner => 'platform', methods => array['GET'], paths => array['/v1/payments/{id}'], scopes => array['payments:read']);
`;

interface Contestant {
	readonly name: string;
	readonly process: RunningProcess;
	readonly client: Client & {
		Check(request: unknown, metadata: unknown, done: (error: Error | null, answer: Answer) => void): void;
	};
	readonly cpu: number[];
	readonly latency: number[];
	readonly worst: number[];
}
interface Answer {
	readonly status?: { readonly code?: number };
}

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
/** The proxy traces, and did not sample this request. */
const METADATA = new Metadata();
METADATA.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");

await using resources = new AsyncDisposableStack();
const workspace = createWorkspace("bench");
resources.defer(() => workspace.remove());
process.stderr.write("check: starting Postgres, Firebreak and the bare servers ...\n");
const postgres = await startEmbeddedPostgres();
resources.defer(() => postgres.stop());
mkdirSync(`${workspace.path}/policy/platform`, { recursive: true });
workspace.write("policy/platform/20260101000000_bench.sql", MIGRATION);
await migrateUp(postgres.url, `${workspace.path}/policy`);

const contestants = [
	await start("bare grpc-js", (port) => [script("./bare-server.ts"), "plain", port]),
	await start("bare, our codec and options", (port) => [script("./bare-server.ts"), "lean", port]),
	await start("firebreak serve", () => [script("../../src/main.ts"), "serve"]),
];
const token = signToken(
	key,
	accessTokenClaims({
		issuer: ISSUER,
		audience: "payments",
		subject: "orders",
		scope: "payments:read",
		now: Date.now() / 1_000,
		lifetime: 3_600,
	}),
);
const message = checkMessage(token);

for (const contestant of contestants) await run(contestant, WARM_UP, CALLERS);
for (let round = 0; round < ROUNDS; round++) {
	process.stderr.write(`check: round ${round + 1} of ${ROUNDS} ...\n`);
	for (const contestant of contestants) {
		const before = cpuSeconds(contestant.process.pid);
		await run(contestant, TOGETHER, CALLERS);
		contestant.cpu.push(((cpuSeconds(contestant.process.pid) - before) / TOGETHER) * 1e9);
		const samples = await run(contestant, ALONE, 1);
		contestant.latency.push(quantile(samples, 0.5));
		contestant.worst.push(quantile(samples, 0.99));
	}
}

const [bare] = contestants;
const median = (samples: readonly number[]) => quantile(samples, 0.5);
printTable(
	`one Check, ${token.length}-byte ES256 token, medians of ${ROUNDS} rounds (reach: at most 1.5 times bare)`,
	["server", "cpu a check", "to bare", "one caller p50", "to bare", "p99"],
	contestants.map((each) => [
		each.name,
		microseconds(median(each.cpu)),
		times(median(each.cpu) / median(bare!.cpu)),
		microseconds(median(each.latency)),
		times(median(each.latency) / median(bare!.latency)),
		microseconds(median(each.worst)),
	]),
);
for (const { client } of contestants) client.close();

async function start(name: string, args: (port: string) => string[]): Promise<Contestant> {
	const port = String(await freePort());
	const address = `127.0.0.1:${port}`;
	const env = {
		PATH: process.env.PATH,
		DATABASE_URL: postgres.url,
		FIREBREAK_GRPC_ADDR: address,
		FIREBREAK_ADMIN_ADDR: "off",
		FIREBREAK_LOG_LEVEL: "error",
		OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
	};
	const Authorization = AUTHORIZATION_SERVICE.split(".").reduce<unknown>(
		(scope, part) => (scope as GrpcObject)[part],
		loadPackageDefinition(PACKAGE_DEFINITION),
	) as ServiceClientConstructor;
	const client = new Authorization(address, credentials.createInsecure()) as unknown as Contestant["client"];
	const process_ = await startProcess({
		name,
		command: process.execPath,
		args: args(port),
		env,
		ready: async () => (await ask(client, checkMessage("none")).catch(() => null)) !== null,
	});
	resources.defer(() => process_.stop());
	return { name, process: process_, client, cpu: [], latency: [], worst: [] };
}

function ask(client: Contestant["client"], request: unknown): Promise<Answer> {
	return new Promise((resolve, reject) => {
		client.Check(request, METADATA, (error, answer) => (error ? reject(error) : resolve(answer)));
	});
}

/** Nanoseconds of each call. */
async function run({ client, name }: Contestant, calls: number, callers: number): Promise<number[]> {
	const samples: number[] = [];
	let left = calls;
	const caller = async () => {
		while (left-- > 0) {
			const start = process.hrtime.bigint();
			const answer = await ask(client, message);
			samples.push(Number(process.hrtime.bigint() - start));
			if ((answer.status?.code ?? 0) !== 0) throw new Error(`${name} denied: ${JSON.stringify(answer)}`);
		}
	};
	await Promise.all(Array.from({ length: callers }, caller));
	return samples;
}

/** What Envoy sends, with its usual headers. */
function checkMessage(bearer: string) {
	const headers = {
		":authority": "payments.internal.example.org",
		":method": "GET",
		":path": "/v1/payments/8f14e45f",
		":scheme": "https",
		accept: "application/json",
		authorization: `Bearer ${bearer}`,
		"user-agent": "orders/2.4",
		"x-forwarded-proto": "https",
		"x-request-id": "5b0c7d7e-3f1e-4a53-9f0b-0f5d2a2c1a11",
	};
	const address = (port: number) => ({ address: { socketAddress: { address: "10.4.7.21", portValue: port } } });
	return {
		attributes: {
			source: { ...address(41_712), principal: "spiffe://prod.example.org/ns/orders/sa/orders" },
			destination: { ...address(8_443), principal: "spiffe://prod.example.org/ns/payments/sa/payments" },
			request: {
				http: {
					id: "1234567890",
					method: "GET",
					path: "/v1/payments/8f14e45f",
					host: headers[":authority"],
					scheme: "https",
					protocol: "HTTP/2",
					headers,
				},
			},
		},
	};
}

function script(path: string): string {
	return fileURLToPath(new URL(path, import.meta.url));
}

/** User and system time of one process, all its threads: proc(5), fields 14 and 15. */
function cpuSeconds(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
		.replace(/^.*\) /s, "")
		.split(" ");
	return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
