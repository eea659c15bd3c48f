/**
 * What grpc-js gives no option for: HTTP/2's own bounds, bounds over all connections, and answers to calls that are shed
 * before grpc-js spends anything on them. It reaches into three members of its Server, which `guard` looks for at the start.
 */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import { constants } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { LIMITS } from "../core/limits.ts";

export type GuardLimits = Readonly<
	Record<
		| "grpcCallMs"
		| "grpcPartialBytes"
		| "grpcConnections"
		| "grpcControlFrames"
		| "grpcResetBurst"
		| "grpcResetsPerSecond"
		| "grpcInvalidFrames"
		| "grpcSettings",
		number
	>
>;

export interface GuardOptions {
	/** The call whose streams are watched and may be shed. */
	readonly path: string;
	/** Null: the call goes on. Otherwise its answer, with gRPC's prefix. */
	readonly admit: () => Buffer | null;
	/** Told when an admitted stream is gone, and whether its arrival was asked for before. */
	readonly ended: (begun: boolean) => void;
	/** Milliseconds from any fixed instant. */
	readonly stopwatch: () => number;
	readonly limits?: Partial<GuardLimits>;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Of grpc-js 1.14, not part of its interface. */
interface Internals {
	commonServerOptions: ServerOptions;
	_streamHandler: (interceptors: unknown, stream: ServerHttp2Stream, headers: Headers) => void;
	_setupHandlers: (server: Http2Server, interceptors: unknown) => void;
}

/** What grpc-js makes of a unary call and hands to its handler. */
interface HandledCall {
	call: unknown;
	metadata: unknown;
	request: unknown;
	removeAllListeners(): void;
}

/** An admitted call, kept at its stream. */
interface Admitted {
	readonly arrivedAt: number;
	/** Bytes that make no message yet. */
	bytes: number;
	/** Null until it begins. */
	call: HandledCall | null;
}
const ADMITTED = Symbol("admitted");
type WatchedStream = ServerHttp2Stream & { [ADMITTED]?: Admitted | undefined };

/** To be told once, when a call begins. @returns when its headers came, by the stopwatch; undefined when it is not watched. */
export function begin(call: object): number | undefined {
	const handled = call as HandledCall & { readonly call?: { readonly stream?: WatchedStream } };
	const admitted = handled.call?.stream?.[ADMITTED];
	if (admitted === undefined) return undefined;
	admitted.call = handled;
	return admitted.arrivedAt;
}

/**
 * Guards a server that listens nowhere yet. Channelz must be off.
 * @returns a function that stops what runs in the background.
 */
export function guard(server: Server, options: GuardOptions): () => void {
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
	internals._streamHandler = (interceptors, stream, headers) => {
		if (headers[":path"] !== options.path) {
			handle.call(server, interceptors, stream, headers);
			return;
		}
		const answer = options.admit();
		if (answer !== null) {
			answerAtOnce(stream, answer);
			calls.watch(stream, false);
			return;
		}
		handle.call(server, interceptors, stream, headers);
		// After grpc-js has paused it: a listener for data would start it otherwise.
		calls.watch(stream, true);
	};
	internals._setupHandlers = (http2Server, interceptors) => {
		http2Server.maxConnections = limits.grpcConnections;
		http2Server.on("session", (session) => boundControlFrames(session, limits.grpcControlFrames, options.stopwatch));
		setUp.call(server, http2Server, interceptors);
	};
	return () => calls.stop();
}

/** Calls under way: each has a longest life, and all of them together a bound on bytes that make no message yet. */
class Calls {
	readonly #options: GuardOptions;
	readonly #limits: GuardLimits;
	/** When each came, the oldest first. */
	readonly #open = new Map<WatchedStream, number>();
	readonly #sweep: NodeJS.Timeout;
	#bytes = 0;
	/** Listeners, which all streams share. */
	readonly #onData: (this: WatchedStream, chunk: Buffer) => void;
	readonly #onEnd: (this: WatchedStream) => void;
	readonly #onClose: (this: WatchedStream) => void;

	constructor(options: GuardOptions, limits: GuardLimits) {
		this.#options = options;
		this.#limits = limits;
		const calls = this;
		this.#onData = function (chunk) {
			calls.#received(this, chunk.length);
		};
		this.#onEnd = function () {
			calls.#received(this, 0);
		};
		this.#onClose = function () {
			calls.#closed(this);
		};
		this.#sweep = setInterval(() => this.#endOld(), Math.min(1_000, limits.grpcCallMs)).unref();
	}

	stop(): void {
		clearInterval(this.#sweep);
	}

	watch(stream: WatchedStream, admitted: boolean): void {
		const now = this.#options.stopwatch();
		this.#open.set(stream, now);
		stream.on("close", this.#onClose);
		if (!admitted) return;
		stream[ADMITTED] = { arrivedAt: now, bytes: 0, call: null };
		stream.on("data", this.#onData);
		stream.on("end", this.#onEnd);
	}

	/** @param length 0 at the end: the bytes are a message now, or never will be. */
	#received(stream: WatchedStream, length: number): void {
		const admitted = stream[ADMITTED]!;
		const more = length === 0 ? -admitted.bytes : length;
		admitted.bytes += more;
		this.#bytes += more;
		if (this.#bytes > this.#limits.grpcPartialBytes) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
	}

	#closed(stream: WatchedStream): void {
		this.#open.delete(stream);
		const admitted = stream[ADMITTED];
		if (admitted !== undefined) {
			this.#received(stream, 0);
			this.#options.ended(admitted.call !== null);
		}
		letGo(stream, admitted?.call ?? null);
	}

	#endOld(): void {
		const before = this.#options.stopwatch() - this.#limits.grpcCallMs;
		for (const [stream, arrived] of this.#open) {
			if (arrived > before) break;
			stream.close(constants.NGHTTP2_CANCEL);
		}
	}
}

/**
 * Cuts what is over off from all that it knew. In Node 24 every writable stream is kept until the next major collection:
 * its `onwrite` is a function literal assigned to a property, which V8 makes in old space. With the request, its metadata
 * and grpc-js's objects behind it, five times as much survived each scavenge, which took three times as long.
 */
function letGo(stream: WatchedStream, call: HandledCall | null): void {
	stream[ADMITTED] = undefined;
	stream.removeAllListeners();
	// Nothing comes after `close`; if it did, an error without a listener would end the process.
	stream.on("error", ignore);
	if (call === null) return;
	call.removeAllListeners();
	call.call = call.metadata = call.request = null;
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

/** What is still to come of the call is not read. */
function answerAtOnce(stream: ServerHttp2Stream, answer: Buffer): void {
	stream.on("error", ignore);
	if (stream.destroyed || stream.closed) return;
	stream.on("wantTrailers", sendTrailers);
	stream.respond([...HEADERS], WITH_TRAILERS);
	stream.end(answer);
}

function ignore(): void {}

function sendTrailers(this: ServerHttp2Stream): void {
	if (!this.destroyed && !this.closed) this.sendTrailers(TRAILERS);
}
