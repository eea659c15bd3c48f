import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, type IpcNetConnectOpts, type Socket, type TcpNetConnectOpts } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runProcess } from "../../demo/processes.ts";
import { createWorkspace } from "../../demo/workspace.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { connectionBounds, openFileLimit, openFilesShort } from "../../src/serve/open-files.ts";
import { checkOf } from "../extauthz/fixtures.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { until } from "../support/wait.ts";
import { createCompanyDatabase, metric, type RealServer, startRealServer } from "./real-server.ts";

const { grpcConnections, publicConnections, adminConnections, otherFiles } = LIMITS;
const ALL = { grpc: grpcConnections, public: publicConnections, admin: adminConnections };
const WANTED = grpcConnections + publicConnections + adminConnections + otherFiles;

describe("connectionBounds", () => {
	test.each([null, WANTED, 1_048_576])("%j open files: as the limits say", (openFiles) => {
		expect(connectionBounds(openFiles)).toEqual(ALL);
		expect(openFilesShort(openFiles)).toBeNull();
	});

	test.each([WANTED - 1, 4_096, 1_024, 300, 256, 20])(
		"%j open files: fewer, and a warning with the cure",
		(openFiles) => {
			const bounds = connectionBounds(openFiles);
			expect(bounds.grpc + bounds.public + bounds.admin).toBeLessThanOrEqual(Math.max(openFiles - otherFiles, 3));
			expect(Math.min(bounds.grpc, bounds.public, bounds.admin)).toBeGreaterThanOrEqual(1);
			expect(bounds.grpc).toBeGreaterThanOrEqual(bounds.public);
			expect(openFilesShort(openFiles)?.problems).toEqual([
				{
					object: "limit of open files",
					message: `it is ${openFiles}, so that ${bounds.grpc} connections of proxies are taken at once, in place of 8192`,
					cure: `raise it to ${WANTED} or more: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container`,
				},
			]);
		},
	);
});

test("openFileLimit is what the system allows this process", async () => {
	const source = new URL("../../src/serve/open-files.ts", import.meta.url).href;
	const code = `import("${source}").then(({ openFileLimit }) => console.log(openFileLimit()))`;
	const script = `ulimit -n 321 && exec "$0" -e '${code}'`;
	const { stdout } = await runProcess({ name: "node", command: "sh", args: ["-c", script, process.execPath] });
	expect(stdout).toBe("321\n");
	expect(openFileLimit()).toBeGreaterThan(0);
});

describe("a server that may open 300 files, to which 500 silent connections are made", () => {
	let database: TestDatabase;
	let server: RealServer;
	const workspace = createWorkspace("open-files");
	const publicSide = join(workspace.path, "public.sock");
	const crowds: Crowd[] = [];
	const crowd = (place: TcpNetConnectOpts | IpcNetConnectOpts, count: number) => {
		const made = new Crowd(place, count);
		crowds.push(made);
		return made;
	};
	beforeAll(async () => {
		database = await createCompanyDatabase("https://127.0.0.1:9/none");
		server = await startRealServer(database.url, { FIREBREAK_PUBLIC_ADDR: `unix:${publicSide}` }, 300);
	});
	afterAll(async () => {
		for (const one of crowds) one.leave();
		await server?.stop();
		await database?.drop();
		workspace.remove();
	});

	test("warns at its start, stays ready, answers proxies, and counts what it drops", async () => {
		const says = (words: string) => until(words, () => server.process.output().includes(words));
		await says("it is 300, so that 27 connections of proxies are taken at once");
		crowd({ port: server.grpcPort, host: "127.0.0.1" }, 500);
		await until(
			"they are dropped",
			async () => (await metric(server, "firebreak_grpc_connections_dropped_total")) > 470,
		);
		// On a connection of its own, as probes come: one that is open already is no file more.
		const [answer] = await once(get(`${server.adminUrl}/readyz`, { agent: false }), "response");
		expect((answer as IncomingMessage).statusCode).toBe(200);
		expect((await server.client.check(checkOf())).status).toBeDefined();
		expect(await metric(server, "firebreak_grpc_connections")).toBeLessThanOrEqual(27);
		await says("connections that had not begun were closed");
		const lines = server.process.output().split("\n");
		expect(lines.filter((line) => line.includes("connections that had not begun were closed"))).toHaveLength(1);
	});
	test("takes fewer on its other sides, too", async () => {
		const visitors = crowd({ path: publicSide }, 20);
		await until("all but 13 are refused", () => visitors.closed >= 7);
		const operators = crowd({ port: Number(new URL(server.adminUrl).port), host: "127.0.0.1" }, 10);
		// Of its 3, earlier requests may still have some.
		await until("all but 3 at most are refused", () => operators.closed >= 7);
		operators.leave();
		await until("there is room again", () =>
			fetch(`${server.adminUrl}/readyz`).then(
				({ ok }) => ok,
				() => false,
			),
		);
	});
});

/** Connections that say nothing. */
class Crowd {
	closed = 0;
	readonly #sockets: Socket[];

	constructor(place: TcpNetConnectOpts | IpcNetConnectOpts, count: number) {
		this.#sockets = Array.from({ length: count }, () => {
			const socket = connect(place);
			socket.on("error", () => {});
			socket.on("close", () => this.closed++);
			return socket.resume();
		});
	}

	leave(): void {
		for (const socket of this.#sockets) socket.destroy();
	}
}
