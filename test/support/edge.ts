/** Firebreak's gRPC side with policies in memory, in this process: what real Envoys ask when no database is needed. */
import { randomUUID } from "node:crypto";
import type { Decision } from "../../src/core/decision.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { createCheck, type Observation } from "../../src/extauthz/check.ts";
import type { Rules } from "../../src/extauthz/evaluate.ts";
import type { ListenAddress } from "../../src/extauthz/listen.ts";
import { type GrpcLimits, startGrpcServer } from "../../src/extauthz/server.ts";
import type { TlsFiles } from "../../src/extauthz/tls.ts";
import type { CheckRequest, CheckResponse } from "../../src/extauthz/wire.ts";
import { type Rows, snapshotOf } from "./policy-set.ts";
import { NOW } from "./requests.ts";

/** One question, and what came of it. */
export interface Judged {
	readonly check: CheckRequest;
	/** Who asked. */
	readonly enforcer: string | null;
	readonly decision: Decision;
	readonly response: CheckResponse;
}

export interface EdgeOptions {
	readonly rows: Rows;
	/** On a free loopback port by default. */
	readonly address?: ListenAddress;
	/** With it, who asks must prove who it is. */
	readonly tls?: TlsFiles;
	readonly limits?: Partial<GrpcLimits>;
	/** Where flows need tokens; it gives values at once. */
	readonly authenticator?: Rules["authenticator"];
	readonly lane?: Lane;
}

export interface Edge {
	readonly address: ListenAddress;
	/** 0 for a socket. */
	readonly port: number;
	/** In order. */
	readonly judged: readonly Judged[];
	/** Bugs that were told of. */
	readonly errors: readonly unknown[];
	/** Certificate files that were taken. */
	readonly reloads: readonly (Error | null)[];
	/** Judges by these from now on. */
	adopt(rows: Rows): void;
	stop(): Promise<void>;
}

export async function startEdge(options: EdgeOptions): Promise<Edge> {
	let snapshot = snapshotOf(options.rows);
	const lane = options.lane ?? new Lane();
	const judged: Judged[] = [];
	const errors: unknown[] = [];
	const reloads: (Error | null)[] = [];
	let observation: Observation | null = null;
	const check = createCheck({
		view: () => ({ snapshot, lane, policyConfirmedAt: NOW, laneConfirmedAt: NOW }),
		authenticator: options.authenticator ?? {
			authenticate() {
				throw new Error("no flow here needs a token");
			},
		},
		limiter: { take: () => null, giveBack() {} },
		ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
		enforcerIdentity: options.tls ? "tls" : "none",
		clock: () => NOW,
		stopwatch: () => performance.now(),
		newId: randomUUID,
		observe: (told) => {
			observation = told;
		},
		onError: (error) => errors.push(error),
	});
	const server = await startGrpcServer({
		address: options.address ?? { kind: "tcp", host: "127.0.0.1", port: 0 },
		tls: options.tls ?? null,
		check: (request, caller) => {
			// Without tokens and shared budgets nothing waits: the observation is this call's.
			const response = check(request, caller) as CheckResponse;
			const { decision } = observation as unknown as Observation;
			judged.push({ check: request, enforcer: caller.enforcer, decision, response });
			return response;
		},
		onError: (error) => errors.push(error),
		onTlsReload: (error) => reloads.push(error),
		limits: {
			// The clients keep the same event loop busy.
			shedDelayMs: 3_600_000,
			...options.limits,
		},
	});
	server.setServing(true);
	return {
		address: server.address,
		port: server.address.kind === "tcp" ? server.address.port : 0,
		judged,
		errors,
		reloads,
		adopt: (rows) => {
			snapshot = snapshotOf(rows);
		},
		stop: async () => {
			await server.drain({ noticeMs: 0, timeoutMs: 0 });
		},
	};
}

/** `reason`, or `reason detail`. */
export function wordsOf({ reason, detail }: Pick<Decision, "reason" | "detail">): string {
	return detail === null ? reason : `${reason} ${detail}`;
}

/** A header as the proxy told it, in either form; undefined when it told of none. */
export function toldHeader({ attributes }: CheckRequest, name: string): string | undefined {
	const http = attributes?.request?.http;
	const line = http?.headerMap?.headers?.find(({ key }) => key === name);
	return line ? line.rawValue || line.value : http?.headers?.[name];
}
