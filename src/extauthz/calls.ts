/** Calls of proxies while they are under way: how long they may take, what they may hold, and what is left of them. */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

export interface CallsOptions {
	/** Checks. */
	readonly path: string;
	/** The call that may stay open once its message is there. */
	readonly endless: string;
	/** Told when an admitted stream of `path` is gone, and whether it began. */
	readonly ended: (begun: boolean) => void;
	/** Milliseconds from any fixed instant. */
	readonly stopwatch: () => number;
}
export type CallLimits = Readonly<Record<"grpcCallMs" | "grpcPartialBytes", number>>;

/** What grpc-js makes of a unary call and hands to its handler. */
interface HandledCall {
	call: unknown;
	metadata: unknown;
	request: unknown;
	removeAllListeners(): void;
}

/** What is known of a call, kept at its stream. */
interface Watched {
	readonly arrivedAt: number;
	readonly path: string;
	/** Its connection. */
	readonly holder: Holder;
	/** That make no message yet. */
	bytes: number;
	/** Null until it begins. */
	call: HandledCall | null;
}
const WATCHED = Symbol("watched");
type WatchedStream = ServerHttp2Stream & { [WATCHED]?: Watched | undefined };

/** A connection. */
interface Holder {
	readonly session: ServerHttp2Session | null;
	/** Of all its calls. */
	bytes: number;
	/** What it holds counts no more: it was closed for it. */
	gone: boolean;
}
/** Of a call whose connection is closed already. */
const CLOSED: Holder = { session: null, bytes: 0, gone: true };

/** To be told once, when a call begins. @returns when its headers came, by the stopwatch; undefined when it is not watched. */
export function begin(call: object): number | undefined {
	const handled = call as HandledCall & { readonly call?: { readonly stream?: WatchedStream } };
	const watched = handled.call?.stream?.[WATCHED];
	if (watched === undefined) return undefined;
	watched.call = handled;
	return watched.arrivedAt;
}

/** Calls under way: each has a longest life, and all of them together a bound on bytes that make no message yet. */
export class Calls {
	readonly #options: CallsOptions;
	readonly #limits: CallLimits;
	/** When each came, the oldest first. */
	readonly #open = new Map<WatchedStream, number>();
	/** Of each connection that is open. */
	readonly #holders = new Map<ServerHttp2Session, Holder>();
	readonly #sweep: NodeJS.Timeout;
	#bytes = 0;
	/** Listeners, which all streams share. */
	readonly #onData: (this: WatchedStream, chunk: Buffer) => void;
	readonly #onEnd: (this: WatchedStream) => void;
	readonly #onClose: (this: WatchedStream) => void;

	constructor(options: CallsOptions, limits: CallLimits) {
		this.#options = options;
		this.#limits = limits;
		const calls = this;
		this.#onData = function (chunk) {
			calls.#received(this[WATCHED]!, chunk.length);
		};
		this.#onEnd = function () {
			calls.#ended(this);
		};
		this.#onClose = function () {
			calls.#closed(this);
		};
		this.#sweep = setInterval(() => this.#endOld(), Math.min(1_000, limits.grpcCallMs)).unref();
	}

	stop(): void {
		clearInterval(this.#sweep);
	}

	/** @param path null: it is answered already. */
	watch(stream: WatchedStream, path: string | null): void {
		const arrivedAt = this.#options.stopwatch();
		this.#open.set(stream, arrivedAt);
		stream.on("close", this.#onClose);
		if (path === null) return;
		const holder = this.#holders.get(stream.session as ServerHttp2Session) ?? CLOSED;
		stream[WATCHED] = { arrivedAt, path, holder, bytes: 0, call: null };
		stream.on("data", this.#onData);
		stream.on("end", this.#onEnd);
	}

	connected(session: ServerHttp2Session): void {
		this.#holders.set(session, { session, bytes: 0, gone: false });
		session.once("close", () => this.#holders.delete(session));
	}

	#received(watched: Watched, length: number): void {
		const { holder } = watched;
		watched.bytes += length;
		if (holder.gone) return;
		holder.bytes += length;
		this.#bytes += length;
		if (this.#bytes > this.#limits.grpcPartialBytes) this.#closeLargest();
	}

	/** Its bytes are a message now, or never will be. */
	#release(watched: Watched): void {
		this.#received(watched, -watched.bytes);
	}

	/** Whoever holds most is at fault, not whoever brings the last byte. */
	#closeLargest(): void {
		let largest: Holder | null = null;
		for (const holder of this.#holders.values()) {
			if (!holder.gone && (largest === null || holder.bytes > largest.bytes)) largest = holder;
		}
		if (largest === null) return;
		largest.gone = true;
		this.#bytes -= largest.bytes;
		largest.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
	}

	#ended(stream: WatchedStream): void {
		const watched = stream[WATCHED]!;
		this.#release(watched);
		if (watched.path === this.#options.endless) this.#open.delete(stream);
	}

	#closed(stream: WatchedStream): void {
		this.#open.delete(stream);
		const watched = stream[WATCHED];
		if (watched !== undefined) {
			this.#release(watched);
			if (watched.path === this.#options.path) this.#options.ended(watched.call !== null);
		}
		letGo(stream, watched?.call ?? null);
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
	stream[WATCHED] = undefined;
	stream.removeAllListeners();
	// Nothing comes after `close`; if it did, an error without a listener would end the process.
	stream.on("error", ignore);
	if (call === null) return;
	call.removeAllListeners();
	call.call = call.metadata = call.request = null;
}

/** A listener for errors that say nothing: the stream is over. */
export function ignore(): void {}
