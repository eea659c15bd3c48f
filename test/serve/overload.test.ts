/** Twice as many checks as a real server can answer, from another process: each gets a known answer, and then all is as before. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { checkRequest } from "../support/check-requests.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";
import { createCompanyDatabase, metric, type RealServer, startRealServer, tokenOf } from "./real-server.ts";

jest.setTimeout(240_000);

const CONNECTIONS = 16;
/** So long that only what never comes is late. */
const DEADLINE_MS = 20_000;
const MEBIBYTE = 2 ** 20;

let database: TestDatabase;
let server: RealServer;
const request = checkRequest({
	from: "orders",
	to: "payments",
	path: "/v1/7",
	headers: { authorization: `Bearer ${tokenOf()}` },
});

beforeAll(async () => {
	database = await createCompanyDatabase("http://127.0.0.1:9/jwks");
	server = await startRealServer(database.url, { FIREBREAK_LOG_LEVEL: "info" });
	// Where they share a processor the load comes first, or there would never be too much of it.
	setPriority(server.process.pid, constants.priority.PRIORITY_LOW);
});
afterAll(async () => {
	await server?.stop();
	await database?.drop();
});

interface Loaded {
	readonly perSecond: Readonly<Record<"allowed" | "shed" | "denied" | "failed" | "late", number>>;
	readonly reconnects: number;
}

async function load(kind: "open" | "closed", pressure: number, seconds: number): Promise<Loaded> {
	const { serialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckRequest"] as unknown as {
		serialize(message: unknown): Buffer;
	};
	const script = fileURLToPath(new URL("../bench/load.ts", import.meta.url));
	const args = [script, kind, String(server.grpcPort), String(CONNECTIONS), String(pressure), String(seconds)];
	const env = {
		...process.env,
		LOAD_MESSAGE: serialize(request).toString("base64"),
		LOAD_DEADLINE_MS: String(DEADLINE_MS),
	};
	return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}

const memory = () =>
	Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.process.pid}/status`, "utf8"))?.[1]) * 1_024;
const shed = () => metric(server, "firebreak_checks_shed_total");

test("a server that gets too many checks sheds some, stays ready, keeps its memory, and recovers", async () => {
	const { perSecond: saturated } = await load("closed", 32, 3);
	expect(saturated.allowed).toBeGreaterThan(0);
	const [before, memoryBefore] = [await shed(), memory()];

	let over = false;
	const flood = load("open", 2.5 * (saturated.allowed + saturated.shed), 8).finally(() => {
		over = true;
	});
	const seen = new Set<number | undefined>();
	let most = 0;
	while (!over) {
		expect((await fetch(`${server.adminUrl}/livez`)).status).toBe(200);
		expect((await fetch(`${server.adminUrl}/readyz`)).status).toBe(200);
		expect(await server.client.health()).toBe(1);
		const { okResponse, deniedResponse } = await server.client.check(request);
		seen.add(okResponse ? 200 : deniedResponse?.status?.code);
		most = Math.max(most, memory());
	}
	const { perSecond, reconnects } = await flood;
	expect(perSecond).toMatchObject({ denied: 0, failed: 0, late: 0 });
	expect(perSecond.allowed).toBeGreaterThan(0);
	expect(perSecond.shed).toBeGreaterThan(0);
	expect(reconnects).toBe(0);
	for (const status of seen) expect([200, 503]).toContain(status);
	expect(most - memoryBefore).toBeLessThan(400 * MEBIBYTE);
	expect(await shed()).toBeGreaterThan(before);
	await until("the log tells of it", () => server.process.output().includes("more checks come than can be answered"));

	await until("a hundred checks on end are judged", async () => {
		for (let turn = 0; turn < 100; turn++) {
			if (!("okResponse" in (await server.client.check(request)))) return false;
		}
		return true;
	});
	await until("the log says so", () =>
		server.process
			.output()
			.trimEnd()
			.split("\n")
			.findLast((line) => /checks (?:come|are judged)/.test(line))
			?.includes("all checks are judged again"),
	);
});
