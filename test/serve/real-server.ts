/** `firebreak serve` as it is, on a database of the test's own, with one company that all tests here know. */
import { mkdirSync } from "node:fs";
import { firebreakProgram, migrateUp } from "../../demo/firebreak.ts";
import { onFreePorts } from "../../demo/ports.ts";
import { type ProgramSpec, type RunningProcess, startProcess } from "../../demo/processes.ts";
import { accessToken, jwksOf, makeSigningKey, type SigningKey } from "../../demo/tokens.ts";
import { createWorkspace } from "../../demo/workspace.ts";
import { connect, type TestClient } from "../extauthz/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

export const ISSUER = "https://id.example.org";
/** Its keys are fetched. */
export const REMOTE = "https://remote.example.org";
export const key = makeSigningKey("ES256", "known");
export const remoteKey = makeSigningKey("ES256", "remote");

export const tokenOf = (signer: SigningKey = key, issuer = ISSUER, scope = "read"): string =>
	accessToken(signer, { issuer, audience: "api", subject: "orders", scope, now: Date.now() / 1_000 });

/** A database with the company in it. @param jwksUri where the remote issuer's keys are. */
export async function createCompanyDatabase(jwksUri: string): Promise<TestDatabase> {
	const workspace = createWorkspace("company");
	const database = await createTestDatabase({ schema: false });
	try {
		mkdirSync(`${workspace.path}/policy/platform`, { recursive: true });
		workspace.write("policy/platform/20260101000000_all.sql", policies(jwksUri));
		await migrateUp(database.url, `${workspace.path}/policy`);
		return database;
	} finally {
		workspace.remove();
	}
}

function policies(jwksUri: string): string {
	const segment = (name: string, domain: string) =>
		`select firebreak.segment('${name}', domain => '${domain}', environment => 'prod', owner => 'platform', members => array['spiffe://prod.example.org/ns/${name}/sa/${name}']);`;
	return `
		select firebreak.owner('platform');
		select firebreak.domain('internal', owner => 'platform');
		select firebreak.domain('remote', owner => 'platform');
		select firebreak.issuer('${ISSUER}', domain => 'internal', audiences => array['api'], jwks => '${JSON.stringify(jwksOf(key))}');
		select firebreak.issuer('${REMOTE}', domain => 'remote', audiences => array['api'], jwks_uri => '${jwksUri}');
		${segment("orders", "internal")} ${segment("payments", "internal")}
		${segment("near", "remote")} ${segment("far", "remote")}
		select firebreak.allow('reads', source => 'orders', destination => 'payments', owner => 'platform', methods => array['GET'], paths => array['/v1/{id}'], scopes => array['read']);
		select firebreak.allow('reaches', source => 'near', destination => 'far', owner => 'platform', methods => array['GET'], paths => array['/v1/{id}']);
		select firebreak.rate_limit(kind => 'source', name => 'orders', per_second => 1000000, burst => 1000000);
		select firebreak.rate_limit(kind => 'segment', name => 'payments', per_second => 1000000, burst => 1000000);`;
}

export interface RealServer {
	readonly client: TestClient;
	readonly process: RunningProcess;
	readonly grpcPort: number;
	readonly adminUrl: string;
	stop(): Promise<void>;
}

/** Starts one and waits until it is ready. @param openFiles how many files it may have open, when not as many as we. */
export async function startRealServer(
	databaseUrl: string,
	settings: Readonly<Record<string, string>> = {},
	openFiles: number | null = null,
): Promise<RealServer> {
	return onFreePorts(2, async ([grpcPort = 0, admin = 0]) => {
		const adminUrl = `http://127.0.0.1:${admin}`;
		const program = firebreakProgram(["serve"], {
			PATH: process.env.PATH,
			DATABASE_URL: databaseUrl,
			FIREBREAK_GRPC_ADDR: `127.0.0.1:${grpcPort}`,
			FIREBREAK_ADMIN_ADDR: `127.0.0.1:${admin}`,
			...settings,
		});
		const running = await startProcess({
			...(openFiles === null ? program : limited(program, openFiles)),
			ready: async () => (await fetch(`${adminUrl}/readyz`)).ok,
		});
		const client = connect({ kind: "tcp", host: "127.0.0.1", port: grpcPort });
		const stop = async () => {
			client.close();
			await running.stop();
		};
		return { client, process: running, grpcPort, adminUrl, stop };
	});
}

function limited(program: ProgramSpec, openFiles: number): ProgramSpec {
	const script = `ulimit -n ${openFiles} && exec "$@"`;
	return { ...program, command: "sh", args: ["-c", script, "sh", program.command, ...program.args] };
}

/** The sum over all labels. */
export async function metric({ adminUrl }: RealServer, name: string): Promise<number> {
	const text = await (await fetch(`${adminUrl}/metrics`)).text();
	return [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
		(sum, [, value]) => sum + Number(value),
		0,
	);
}
