/** The gRPC server that proxies ask. It knows calls and connections; what is answered is check.ts's. */
import { setTimeout as sleep } from "node:timers/promises";
import {
	logVerbosity,
	type Metadata,
	Server,
	ServerCredentials,
	type ServerOptions,
	type ServerUnaryCall,
	type sendUnaryData,
	setLogVerbosity,
} from "@grpc/grpc-js";
import { LIMITS } from "../core/limits.ts";
import { begin } from "./calls.ts";
import type { Caller } from "./check.ts";
import type { ConnectionFigures, Drop } from "./connections.ts";
import { encodeCheckResponse } from "./encode.ts";
import { type ConnectedCall, EnforcerIdentities } from "./enforcer.ts";
import { Health } from "./health.ts";
import { type GuardLimits, guard } from "./http2-guard.ts";
import { bind, type ListenAddress, targetOf } from "./listen.ts";
import { AUTHORIZATION, CHECK_PATH, HEALTH, HEALTH_WATCH_PATH } from "./proto.ts";
import { FAILED, OVERLOADED } from "./respond.ts";
import { patienceOf, type ShedCause, Shedder, type ShedLimits } from "./shed.ts";
import { type OnReload, ReloadingCredentials, type TlsFiles } from "./tls.ts";
import type { CheckRequest, CheckResponse } from "./wire.ts";

export interface GrpcServerOptions {
	readonly address: ListenAddress;
	/** Null: anybody who can connect may call. */
	readonly tls: TlsFiles | null;
	/** Makes every answer. What it throws is answered with `internal_error`. */
	readonly check: (request: CheckRequest, caller: CallFacts) => CheckResponse | Promise<CheckResponse>;
	/** Told of what `check` throws. */
	readonly onError: (error: unknown) => void;
	readonly onTlsReload: OnReload;
	/** Told when more checks come than can be answered and some are shed, and when that is over. */
	readonly onShedding?: (shedding: boolean) => void;
	/** Told of each connection that was dropped because there were too many, or because it did not begin. Must not throw. */
	readonly onDrop?: (drop: Drop) => void;
	/** In place of LIMITS. */
	readonly limits?: Partial<GrpcLimits>;
}

export type GrpcLimits = GuardLimits &
	ShedLimits &
	Readonly<
		Record<
			| "grpcMessageBytes"
			| "grpcStreams"
			| "grpcConnectionMegabytes"
			| "grpcConnectionAgeMs"
			| "grpcConnectionAgeGraceMs"
			| "grpcKeepaliveMs"
			| "grpcKeepaliveTimeoutMs"
			| "healthWatchers"
			| "tlsReloadMs",
			number
		>
	>;

export interface DrainTimes {
	/** For proxies to see that the server is not serving and to choose another; checks are answered all the while. */
	readonly noticeMs: number;
	/** From the beginning, after which calls under way are cut off. */
	readonly timeoutMs: number;
}

/** A server that listens. */
export interface GrpcServer {
	/** With the port that it got. */
	readonly address: ListenAddress;
	connections(): ConnectionFigures;
	/** Checks that were answered `overloaded`, by cause, since the start. */
	shed(): Readonly<Record<ShedCause, number>>;
	/** What the health service says; at first, not serving. */
	setServing(serving: boolean): void;
	/**
	 * Stops: says that it is not serving, waits for the notice, takes no more calls, and lets those under way finish.
	 * True when they all did in time. Calling it again waits for the same end.
	 */
	drain(times: DrainTimes): Promise<boolean>;
}

/** What one call tells about itself. */
export class CallFacts implements Caller {
	readonly enforcer: string | null;
	readonly #metadata: Metadata;

	constructor(enforcer: string | null, metadata: Metadata) {
		this.enforcer = enforcer;
		this.#metadata = metadata;
	}

	get traceparent(): string | undefined {
		return this.#text("traceparent");
	}

	get tracestate(): string | undefined {
		return this.#text("tracestate");
	}

	#text(name: string): string | undefined {
		const value = this.#metadata.get(name)[0];
		return typeof value === "string" ? value : undefined;
	}
}

/**
 * Starts the server: Authorization and Health on one address.
 *
 * @throws FirebreakError `config_invalid` when the address or the certificates cannot be used.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
	// What matters is thrown or told of; grpc-js would write past the log to stderr.
	setLogVerbosity(logVerbosity.NONE);
	const limits: GrpcLimits = { ...LIMITS, ...options.limits };
	const health = new Health(limits.healthWatchers);
	const server = new Server(serverOptions(limits));
	const stopwatch = () => performance.now();
	const shedder = new Shedder({
		stopwatch,
		idle: () => performance.eventLoopUtilization().idle,
		random: Math.random,
		afterTurn: setImmediate,
		onChange: options.onShedding ?? (() => {}),
		limits,
	});
	const guarded = guard(server, {
		path: CHECK_PATH,
		endless: HEALTH_WATCH_PATH,
		admit: () => (shedder.admit() ? null : SHED),
		ended: (begun) => shedder.ended(begun),
		stopwatch,
		onDrop: options.onDrop ?? (() => {}),
		limits,
	});
	server.addService(AUTHORIZATION, { Check: checkHandler(options, shedder, stopwatch) });
	server.addService(HEALTH, health.implementation);

	const credentials = options.tls
		? new ReloadingCredentials(options.tls, options.onTlsReload, limits)
		: ServerCredentials.createInsecure();
	const release = () => {
		guarded.stop();
		if (credentials instanceof ReloadingCredentials) credentials.close();
	};
	let address: ListenAddress;
	try {
		address = await bind(server, options.address, credentials);
	} catch (error) {
		release();
		server.forceShutdown();
		throw error;
	}

	let draining: Promise<boolean> | null = null;
	return {
		address,
		connections: guarded.connections,
		shed: () => ({ ...shedder.counts }),
		setServing: (serving) => {
			if (draining === null) health.setServing(serving);
		},
		drain: (times) => {
			draining ??= drain(server, targetOf(address), health, times).finally(release);
			return draining;
		},
	};
}

async function drain(
	server: Server,
	target: string,
	health: Health,
	{ noticeMs, timeoutMs }: DrainTimes,
): Promise<boolean> {
	const notice = Math.min(noticeMs, timeoutMs);
	health.setServing(false);
	await sleep(notice);
	health.close();
	const grace = timeoutMs - notice;
	return new Promise((resolve) => {
		// Without channelz forceShutdown knows no connections, so it is drain that cuts them off after the grace.
		server.drain(target, grace);
		const deadline = setTimeout(() => {
			server.forceShutdown();
			resolve(false);
		}, grace);
		server.tryShutdown(() => {
			clearTimeout(deadline);
			resolve(true);
		});
	});
}

function serverOptions(limits: GrpcLimits): ServerOptions {
	return {
		// Its bookkeeping took a quarter of the time of a check.
		"grpc.enable_channelz": 0,
		"grpc.max_receive_message_length": limits.grpcMessageBytes,
		"grpc.max_concurrent_streams": limits.grpcStreams,
		"grpc-node.max_session_memory": limits.grpcConnectionMegabytes,
		"grpc.max_connection_age_ms": limits.grpcConnectionAgeMs,
		"grpc.max_connection_age_grace_ms": limits.grpcConnectionAgeGraceMs,
		"grpc.keepalive_time_ms": limits.grpcKeepaliveMs,
		"grpc.keepalive_timeout_ms": limits.grpcKeepaliveTimeoutMs,
	};
}

type CheckCall = ServerUnaryCall<CheckRequest, CheckResponse>;

/** `OVERLOADED` as it goes over the wire, with gRPC's prefix. */
const SHED = withPrefix(encodeCheckResponse(OVERLOADED));

function withPrefix(message: Buffer): Buffer {
	const bytes = Buffer.alloc(5 + message.length);
	bytes.writeUInt32BE(message.length, 1);
	message.copy(bytes, 5);
	return bytes;
}

/** Every call that gets this far is answered with a CheckResponse: a call that failed would leave it to the proxy. */
function checkHandler({ check, tls, onError }: GrpcServerOptions, shedder: Shedder, stopwatch: () => number) {
	const identities = tls === null ? null : new EnforcerIdentities();
	return (call: CheckCall, respond: sendUnaryData<CheckResponse>): void => {
		const fail = (error: unknown) => {
			onError(error);
			respond(null, FAILED);
		};
		let answer: CheckResponse | Promise<CheckResponse>;
		try {
			const connected = call as unknown as ConnectedCall;
			const now = stopwatch();
			const waited = now - (begin(call) ?? now);
			if (!shedder.begin(waited, patienceOf(call.metadata.get("x-envoy-expected-rq-timeout-ms")[0]))) {
				respond(null, OVERLOADED);
				return;
			}
			const enforcer = identities === null ? null : identities.of(connected);
			answer = check(call.request, new CallFacts(enforcer, call.metadata));
		} catch (error) {
			fail(error);
			return;
		}
		if (answer instanceof Promise) answer.then((response) => respond(null, response), fail);
		else respond(null, answer);
	};
}
