/**
 * What grpc-js gives no option for: HTTP/2's own bounds, bounds over all connections, and answers to calls that are shed
 * before grpc-js spends anything on them. It reaches into three members of its Server, which `guard` looks for at the start.
 */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import { constants } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { LIMITS } from "../core/limits.ts";
import { type CallLimits, Calls, type CallsOptions, ignore } from "./calls.ts";
import { type ConnectionFigures, type ConnectionLimits, Connections, type ConnectionsOptions } from "./connections.ts";

export type GuardLimits = CallLimits &
	ConnectionLimits &
	Readonly<
		Record<
			"grpcControlFrames" | "grpcResetBurst" | "grpcResetsPerSecond" | "grpcInvalidFrames" | "grpcSettings",
			number
		>
	>;

export interface GuardOptions extends CallsOptions, ConnectionsOptions {
	/** Null: the call goes on. Otherwise its answer, with gRPC's prefix. */
	readonly admit: () => Buffer | null;
	readonly limits?: Partial<GuardLimits>;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Of grpc-js 1.14, not part of its interface. */
interface Internals {
	commonServerOptions: ServerOptions;
	_streamHandler: (interceptors: unknown, stream: ServerHttp2Stream, headers: Headers) => void;
	_setupHandlers: (server: Http2Server, interceptors: unknown) => void;
}

export interface Guard {
	connections(): ConnectionFigures;
	/** Stops what runs in the background. */
	stop(): void;
}

/** Guards a server that listens nowhere yet. Channelz must be off. */
export function guard(server: Server, options: GuardOptions): Guard {
	const limits: GuardLimits = { ...LIMITS, ...options.limits };
	const internals = server as unknown as Internals;
	const { _streamHandler: handle, _setupHandlers: setUp, commonServerOptions } = internals;
	if (typeof handle !== "function" || typeof setUp !== "function" || typeof commonServerOptions !== "object") {
		throw new Error("this version of grpc-js is built another way; its streams cannot be guarded");
	}
	Object.assign(commonServerOptions, {
		maxSessionInvalidFrames: limits.grpcInvalidFrames,
		maxSettings: limits.grpcSettings,
		streamResetBurst: limits.grpcResetBurst,
		streamResetRate: limits.grpcResetsPerSecond,
	} satisfies ServerOptions);

	const calls = new Calls(options, limits);
	const connections = new Connections(options, limits);
	internals._streamHandler = (interceptors, stream, headers) => {
		const path = String(headers[":path"]);
		const encoding = headers["grpc-encoding"] ?? "identity";
		const answer = encoding !== "identity" ? COMPRESSED : path === options.path ? options.admit() : null;
		if (answer !== null) {
			answerAtOnce(stream, answer);
			calls.watch(stream, null);
			return;
		}
		handle.call(server, interceptors, stream, headers);
		// After grpc-js has paused it: a listener for data would start it otherwise.
		calls.watch(stream, path);
	};
	internals._setupHandlers = (http2Server, interceptors) => {
		connections.watch(http2Server);
		http2Server.on("session", (session) => {
			calls.connected(session);
			boundControlFrames(session, limits.grpcControlFrames, options.stopwatch);
		});
		setUp.call(server, http2Server, interceptors);
	};
	return {
		connections: () => connections.figures,
		stop() {
			calls.stop();
			connections.stop();
		},
	};
}

/** Some pings keep a connection alive, some SETTINGS begin it; a flood of them only costs (CVE-2019-9512, CVE-2019-9515). */
function boundControlFrames(session: ServerHttp2Session, perSecond: number, stopwatch: () => number): void {
	let since = stopwatch();
	let frames = 0;
	const count = () => {
		const now = stopwatch();
		if (now - since >= 1_000) {
			since = now;
			frames = 0;
		}
		if (++frames === perSecond + 1) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
	};
	session.on("ping", count);
	session.on("remoteSettings", count);
}

const HEADERS = [":status", "200", "content-type", "application/grpc+proto"];
const WITH_TRAILERS = { waitForTrailers: true };
const TRAILERS = { "grpc-status": "0" };
/**
 * No proxy compresses checks; a few kilobytes could become megabytes, of which nothing here would know. The answer is that of
 * gRPC's document on compression.
 */
const COMPRESSED = Object.freeze({
	":status": 200,
	"content-type": "application/grpc+proto",
	"grpc-status": "12",
	"grpc-message": "messages must not be compressed",
	"grpc-accept-encoding": "identity",
});

/** What is still to come of the call is not read. @param answer a message, or headers that end the call. */
function answerAtOnce(stream: ServerHttp2Stream, answer: Buffer | typeof COMPRESSED): void {
	stream.on("error", ignore);
	if (stream.destroyed || stream.closed) return;
	if (!Buffer.isBuffer(answer)) {
		stream.respond({ ...answer }, { endStream: true });
		return;
	}
	stream.on("wantTrailers", sendTrailers);
	stream.respond([...HEADERS], WITH_TRAILERS);
	stream.end(answer);
}

function sendTrailers(this: ServerHttp2Stream): void {
	if (!this.destroyed && !this.closed) this.sendTrailers(TRAILERS);
}
