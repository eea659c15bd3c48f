/**
 * A server, and the parts that hang or are gone: every check is answered all the same and as before, while the part provably
 * does not answer. No time is measured. Where the server itself bounds a wait, it runs with that bound raised to an hour
 * (PATIENT), so that a check which waited would meet its client's deadline and fail. A check that asked a hanging Redis does
 * wait, for at most LIMITS.redisDeadlineMs: of that one it is shown that those after it do not ask.
 */
import { expect } from "@jest/globals";
import { makeSigningKey } from "../../../demo/tokens.ts";
import { createWorkspace, type Workspace } from "../../../demo/workspace.ts";
import { withBounds } from "../../support/bounds.ts";
import { checkRequest } from "../../support/check-requests.ts";
import { JwksServer } from "../../support/jwks-server.ts";
import type { TestDatabase } from "../../support/postgres.ts";
import { Relay } from "../../support/relay.ts";
import { createCompanyDatabase, ISSUER, key, type RealServer, startRealServer, tokenOf } from "../real-server.ts";

const CHECKS = 200;

/** Milliseconds; the client of these tests gives up long before. */
export const HOUR = 3_600_000;
/** Bounds of the server's waits for parts. And keys are fetched for each unknown key id, not one in a while. */
const PATIENT = {
	databaseConnectMs: HOUR,
	databaseStatementMs: HOUR,
	databaseSilenceMs: HOUR,
	redisDeadlineMs: HOUR,
	redisConnectMs: HOUR,
	jwksTimeoutMs: HOUR,
	jwksCooldownMs: 0,
};

/** A machine with other work would shed checks, and which of them would say nothing of the parts. */
const CALM: Readonly<Record<string, number>> = { shedDelayMs: HOUR };

/** Of one test file. */
export class Parts {
	readonly workspace: Workspace;
	readonly database: TestDatabase;
	/** Of the remote issuer. */
	readonly keys: JwksServer;
	readonly #running: (() => unknown)[] = [];

	private constructor(workspace: Workspace, database: TestDatabase, keys: JwksServer) {
		this.workspace = workspace;
		this.database = database;
		this.keys = keys;
	}

	static async open(): Promise<Parts> {
		const keys = await JwksServer.start();
		return new Parts(createWorkspace("dependencies"), await createCompanyDatabase(keys.uri), keys);
	}

	/** To be done at the end of the test, the last first. */
	defer(stop: () => unknown): void {
		this.#running.push(stop);
	}

	/** At the end of each test. */
	async stopAll(): Promise<void> {
		for (const stop of this.#running.splice(0).reverse()) await stop();
	}

	/** At the end of the file. */
	async close(): Promise<void> {
		await this.keys.stop();
		await this.database.drop();
		this.workspace.remove();
	}

	async start(settings: Readonly<Record<string, string>> = {}, bounds = CALM): Promise<RealServer> {
		const options = { ...withBounds(this.workspace, bounds), ...settings };
		const server = await startRealServer(this.database.url, options);
		this.defer(server.stop);
		return server;
	}

	startPatient(settings: Readonly<Record<string, string>> = {}): Promise<RealServer> {
		return this.start(settings, { ...CALM, ...PATIENT });
	}

	/** In front of a part on 127.0.0.1. */
	async relayed(port: number): Promise<Relay> {
		const relay = await Relay.start(port);
		this.defer(() => relay.stop());
		return relay;
	}
}

/** Allows, denials of policy and denials of tokens, new tokens each time; some at once and some one after the other. */
export async function expectAnswers({ client }: RealServer): Promise<void> {
	const kinds = [
		{ code: undefined, send: () => ({ path: "/v1/7", headers: { authorization: `Bearer ${tokenOf()}` } }) },
		{ code: 403, send: () => ({ path: "/v2/7", headers: { authorization: `Bearer ${tokenOf()}` } }) },
		{
			code: 403,
			send: () => ({ path: "/v1/7", headers: { authorization: `Bearer ${tokenOf(key, ISSUER, "other")}` } }),
		},
		{
			code: 401,
			send: () => ({
				path: "/v1/7",
				headers: { authorization: `Bearer ${tokenOf(makeSigningKey("ES256", "known"))}` },
			}),
		},
		{ code: 401, send: () => ({ path: "/v1/7" }) },
	];
	const ask = async (turn: number) => {
		const { code, send } = kinds[turn % kinds.length]!;
		const answer = await client.check(checkRequest({ from: "orders", to: "payments", ...send() }));
		expect(answer.deniedResponse?.status?.code).toBe(code);
		if (code === undefined) expect(answer.okResponse).toBeDefined();
	};
	await Promise.all(Array.from({ length: CHECKS / 2 }, (_, turn) => ask(turn)));
	for (let turn = 0; turn < CHECKS / 2; turn++) await ask(turn);
}

export async function expectAlive({ adminUrl, client }: RealServer): Promise<void> {
	expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
	expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
	expect(await client.health()).toBe(1);
}

export const read = () =>
	checkRequest({ from: "orders", to: "payments", path: "/v1/7", headers: { authorization: `Bearer ${tokenOf()}` } });
