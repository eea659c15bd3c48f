/** The servers that one Check is measured on: the real program on a real Postgres, and bare grpc-js servers beside it. */
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
/** The one source of these figures asks more than a server grants a source by itself. */
const WITHOUT_LIMIT =
	"select firebreak.rate_limit(kind => 'source', name => 'orders', per_second => 1000000, burst => 1000000);\n";

export interface Contestant {
	readonly name: string;
	readonly port: number;
	readonly process: RunningProcess;
	ask(request: unknown): Promise<Answer>;
}
export interface Answer {
	readonly status?: { readonly code?: number };
}

type CheckClient = Client & {
	Check(request: unknown, metadata: unknown, done: (error: Error | null, answer: Answer) => void): void;
};
const Authorization = AUTHORIZATION_SERVICE.split(".").reduce<unknown>(
	(scope, part) => (scope as GrpcObject)[part],
	loadPackageDefinition(PACKAGE_DEFINITION),
) as ServiceClientConstructor;

/** The proxy traces, and did not sample this request. */
const METADATA = new Metadata();
METADATA.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");

/** Starts them; what is started is released with `resources`. */
export async function startContestants(resources: AsyncDisposableStack): Promise<Contestant[]> {
	const workspace = createWorkspace("bench");
	resources.defer(() => workspace.remove());
	process.stderr.write("starting Postgres, Firebreak and the bare servers ...\n");
	const postgres = await startEmbeddedPostgres();
	resources.defer(() => postgres.stop());
	mkdirSync(`${workspace.path}/policy/platform`, { recursive: true });
	workspace.write("policy/platform/20260101000000_bench.sql", MIGRATION + WITHOUT_LIMIT);
	await migrateUp(postgres.url, `${workspace.path}/policy`);
	const bare = script("./bare-server.ts");
	return [
		await start("bare grpc-js", postgres.url, resources, (port) => [bare, "plain", port]),
		await start("bare, our codec and options", postgres.url, resources, (port) => [bare, "lean", port]),
		await start("firebreak serve", postgres.url, resources, () => [script("../../src/main.ts"), "serve"]),
	];
}

async function start(
	name: string,
	databaseUrl: string,
	resources: AsyncDisposableStack,
	args: (port: string) => string[],
): Promise<Contestant> {
	const port = await freePort();
	const address = `127.0.0.1:${port}`;
	const env = {
		PATH: process.env.PATH,
		DATABASE_URL: databaseUrl,
		FIREBREAK_GRPC_ADDR: address,
		FIREBREAK_ADMIN_ADDR: "off",
		FIREBREAK_LOG_LEVEL: "error",
		OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
	};
	const client = new Authorization(address, credentials.createInsecure()) as unknown as CheckClient;
	resources.defer(() => client.close());
	const ask = (request: unknown) =>
		new Promise<Answer>((resolve, reject) => {
			client.Check(request, METADATA, (error, answer) => (error ? reject(error) : resolve(answer)));
		});
	const running = await startProcess({
		name,
		command: process.execPath,
		args: args(String(port)),
		env,
		ready: async () => isAllowed(await ask(checkMessage(makeToken()))),
	});
	resources.defer(() => running.stop());
	return { name, port, process: running, ask };
}

export const isAllowed = ({ status }: Answer): boolean => (status?.code ?? 0) === 0;

/** Not judged, since more came than can be answered: the one denial here with this code. */
export const isShed = ({ status }: Answer): boolean => status?.code === UNAVAILABLE;
const UNAVAILABLE = 14;

export const makeToken = (): string =>
	signToken(
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

/** What Envoy sends, with its usual headers. */
export function checkMessage(bearer: string) {
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

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time of one process, all its threads: proc(5), fields 14 and 15. */
export function cpuSeconds(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
		.replace(/^.*\) /s, "")
		.split(" ");
	return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
