/** What operators see and change over HTTP: tokens, revocations and quarantines, by the same orders as the command line. */
import type { FastifyInstance } from "fastify";
import { FirebreakError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import type { LaneReceipt } from "../store/order.ts";
import type { Database } from "../store/pool.ts";
import { addQuarantine, liftQuarantine, listQuarantines } from "../store/quarantine.ts";
import { findPassport, listPassports } from "../store/tokens/passports.ts";
import { listRevocations, revoke } from "../store/tokens/revoke.ts";
import { viewBefore, viewPassport } from "../store/tokens/view.ts";
import type { Only } from "./auth.ts";
import {
	readLiftQuery,
	readLimit,
	readQuarantine,
	readRevocation,
	readTokenName,
	readTokensQuery,
} from "./control-input.ts";
import { HttpProblem } from "./problem.ts";

export interface ControlOptions {
	readonly database: Database;
	readonly clock: Clock;
	/** Told of every change. Must not throw. */
	readonly onChange: (change: Change) => void;
}

export interface Change {
	readonly kind: "revoke" | "quarantine" | "lift";
	readonly seq: number;
	/** Of the client. */
	readonly address: string;
}

/** Looking is for readers, changing for operators. Each change states its reason, which is kept with it. */
export function controlRoutes(server: FastifyInstance, options: ControlOptions, only: Only): void {
	const { database, clock, onChange } = options;
	server.get("/v1/tokens", only("reader"), async ({ query }) => {
		const { filter, limit } = readTokensQuery(query, clock());
		const rows = await database.withClient((client) => listPassports(client, filter, limit));
		return { tokens: rows.map(viewPassport) };
	});
	server.get<{ Params: { id: string } }>("/v1/tokens/:id", only("reader"), async ({ params, query }) => {
		const { issuer, id } = readTokenName(params.id, query);
		const row = await database.withClient((client) => findPassport(client, issuer, id));
		if (row === null) throw new HttpProblem(404, "No token of this issuer and id is known");
		return viewPassport(row);
	});
	server.get("/v1/revocations", only("reader"), async ({ query }) => {
		const limit = readLimit(query);
		return { revocations: await database.withClient((client) => listRevocations(client, limit)) };
	});
	server.post("/v1/revocations", only("operator"), async ({ body, ip }, reply) => {
		const { order, reason } = readRevocation(body);
		const revoked = await change(() => database.withClient((client) => revoke(client, order, reason)));
		const { receipt, issuers } = revoked;
		const issued_before = viewBefore(revoked);
		const tokens = revoked.tokens.map(({ issuer, tokenId }) => ({ issuer, token_id: tokenId }));
		if (receipt === null) return { tokens, issuers, issued_before, reason, seq: null };
		onChange({ kind: "revoke", seq: receipt.seq, address: ip });
		return reply.code(201).send({ tokens, issuers, issued_before, reason, ...viewReceipt(receipt) });
	});
	server.get("/v1/quarantines", only("reader"), async () => ({
		quarantines: await database.withClient(listQuarantines),
	}));
	server.post("/v1/quarantines", only("operator"), async ({ body, ip }, reply) => {
		const { until, ...order } = readQuarantine(body, clock());
		const receipt = await change(() => database.withClient((client) => addQuarantine(client, order, until)));
		onChange({ kind: "quarantine", seq: receipt.seq, address: ip });
		return reply.code(201).send({ ...order, ...viewReceipt(receipt) });
	});
	server.delete("/v1/quarantines", only("operator"), async ({ query, ip }) => {
		const order = readLiftQuery(query);
		const receipt = await change(() => database.withClient((client) => liftQuarantine(client, order)));
		if (receipt === null) throw new HttpProblem(404, "It is not in quarantine");
		onChange({ kind: "lift", seq: receipt.seq, address: ip });
		return { ...order, ...viewReceipt(receipt) };
	});
}

/** What the database refuses is told: the fault is the order's, or the right that the server's login lacks. */
async function change<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof FirebreakError)) throw error;
		if (error.code === "usage") {
			const errors = error.problems.map(({ object, field, message }) => ({ field: field ?? object, message }));
			throw new HttpProblem(400, error.message, errors);
		}
		if (error.code === "not_found") throw new HttpProblem(404, error.message);
		if (error.code !== "store_unsuitable") throw error;
		throw new HttpProblem(403, "The server's database role may change nothing: grant firebreak_operator to its login");
	}
}

function viewReceipt({ epoch, seq, at, by, until, warnings }: LaneReceipt) {
	return { epoch, seq, at, by, until, warnings };
}
