/** The admin side over HTTP: health and metrics for everybody, the rest for who may look, and changes for operators. */
import { chmodSync } from "node:fs";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { RecordReader } from "../audit/reader.ts";
import { FirebreakError } from "../core/errors.ts";
import { type Explained, type ExplainQuery, viewExplanation } from "../core/explanation.ts";
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";
import { clearSocket } from "../socket-file.ts";
import { createGate, type Only } from "./auth.ts";
import { type ControlOptions, controlRoutes } from "./control.ts";
import { readDecisionId, readExplainQuery, readFlowQuery } from "./input.ts";
import { failure, HttpProblem, problemOf, sendProblem } from "./problem.ts";
import { readinessOf, type StatusSources, statusOf } from "./status.ts";

export type AdminAddress =
	| { readonly kind: "tcp"; readonly host: string; readonly port: number }
	| { readonly kind: "unix"; readonly path: string };

export interface AdminOptions {
	readonly address: AdminAddress;
	/** At once. Default: LIMITS.adminConnections. */
	readonly connections?: number;
	/** Null only where nobody else can connect: see config. */
	readonly tokenFile: string | null;
	/** Null: nothing can be changed. */
	readonly operatorTokenFile: string | null;
	readonly clock: Clock;
	readonly status: StatusSources;
	readonly metrics: { text(): Promise<string>; readonly contentType: string };
	/** Judges a made-up request by the policy in force. @throws FirebreakError usage, not_found */
	readonly explain: (query: ExplainQuery) => Promise<Explained>;
	readonly records: RecordReader;
	readonly control: ControlOptions;
	/** Told of bugs and outages; the client is told nothing of them. */
	readonly onError: (error: unknown) => void;
}

export interface AdminServer {
	/** With the port that it got. */
	readonly address: AdminAddress;
	/** Ends connections and resolves when all are closed. */
	stop(): Promise<void>;
}

const OBJECT = "FIREBREAK_ADMIN_ADDR";
/** Ids of tokens are as long as 1024 bytes. */
const MAX_PARAMETER = 1_024;
/** Owner and group may connect. */
const SOCKET_MODE = 0o660;

/** @throws FirebreakError config_invalid when the address or the token cannot be used. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
	const gate = createGate(options);
	const refuse = (error: unknown, reply: FastifyReply) => {
		const problem = problemOf(error);
		if (problem === null) options.onError(error);
		const told = problem ?? failure(error);
		if (told.status === 401) reply.header("www-authenticate", 'Bearer realm="firebreak"');
		return sendProblem(reply, told);
	};
	const server = fastify({
		logger: false,
		bodyLimit: LIMITS.adminBodyBytes,
		requestTimeout: LIMITS.adminRequestMs,
		http: { connectionsCheckingInterval: LIMITS.adminRequestMs / 2 },
		forceCloseConnections: true,
		routerOptions: { maxParamLength: MAX_PARAMETER },
		// What fastify refuses before it looks for a route.
		frameworkErrors: (error, _request, reply) => refuse(error, reply),
	});
	server.server.maxConnections = options.connections ?? LIMITS.adminConnections;
	server.addHook("onSend", async (_request, reply) => {
		reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
	});
	server.setNotFoundHandler((_request, reply) => sendProblem(reply, new HttpProblem(404, "There is nothing here")));
	server.setErrorHandler((error, _request, reply) => refuse(error, reply));
	openRoutes(server, options);
	const only: Only = (role) => ({ onRequest: async (request) => gate.require(role, request) });
	readerRoutes(server, options, only);
	controlRoutes(server, options.control, only);
	const address = await listen(server, options.address);
	return { address, stop: () => server.close() };
}

function openRoutes(server: FastifyInstance, { status, metrics }: AdminOptions): void {
	server.get("/livez", async () => ({ live: true }));
	server.get("/readyz", async (_request, reply) => {
		const readiness = readinessOf(status);
		return reply.code(readiness.ready ? 200 : 503).send(readiness);
	});
	server.get("/metrics", async (_request, reply) => {
		const text = await metrics.text();
		return reply.type(metrics.contentType).send(text);
	});
}

function readerRoutes(server: FastifyInstance, options: AdminOptions, only: Only): void {
	const { clock, status, explain, records } = options;
	server.get("/v1/status", only("reader"), async () => statusOf(status));
	server.post("/v1/explain", only("reader"), async ({ body }) =>
		viewExplanation(await explain(readExplainQuery(body))),
	);
	server.get<{ Params: { id: string } }>("/v1/decisions/:id", only("reader"), async ({ params }) => {
		const decision = await records.decision(readDecisionId(params.id));
		if (decision === null) throw new HttpProblem(404, "No decision has this id");
		return decision;
	});
	server.get("/v1/flows", only("reader"), async ({ query }) => ({
		flows: await records.flows(readFlowQuery(query, clock())),
	}));
	server.get("/v1/servers", only("reader"), async () => ({ servers: await records.servers() }));
}

async function listen(server: FastifyInstance, address: AdminAddress): Promise<AdminAddress> {
	try {
		if (address.kind === "unix") {
			await clearSocket(address.path, OBJECT);
			await server.listen({ path: address.path });
			chmodSync(address.path, SOCKET_MODE);
			return address;
		}
		await server.listen({ host: address.host, port: address.port });
		const bound = server.server.address();
		return typeof bound === "object" && bound !== null ? { ...address, port: bound.port } : address;
	} catch (cause) {
		await server.close();
		if (cause instanceof FirebreakError) throw cause;
		const message = `it cannot be listened on (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`;
		throw new FirebreakError("config_invalid", "the admin side cannot listen", {
			problems: [{ object: OBJECT, message, cure: "choose a free address of this machine" }],
			cause,
		});
	}
}
