/**
 * Checks from many proxies at once, cheap enough to press a server with: HTTP/2 written by hand, each answer read just far
 * enough to know what it is. Flow control and the server's limit on streams are kept as a proxy keeps them.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
	checkHeaders,
	FLAG,
	FRAME,
	type Frame,
	FrameReader,
	frame,
	grpcMessage,
	indexedHeaderBlocks,
	PREFACE,
	reset,
	SETTING,
	settings,
	windowUpdate,
} from "./http2-frames.ts";

export type Outcome = "allowed" | "shed" | "denied" | "failed" | "late";

export interface LoadOptions {
	/** On 127.0.0.1. */
	readonly port: number;
	readonly connections: number;
	/** One encoded CheckRequest, sent again and again. */
	readonly message: Uint8Array;
	/** Milliseconds that a proxy waits; then it resets the stream, and whatever would have come is late. */
	readonly deadlineMs: number;
	readonly onOutcome: (outcome: Outcome, milliseconds: number) => void;
}

const UNAVAILABLE = 14;
const WINDOW = 65_535;
const CANCEL = 8;
const NO_LIMIT = 0x7fff_ffff;

export class CheckLoad {
	readonly #proxies: Connection[] = [];
	#turn = 0;

	static async start(options: LoadOptions): Promise<CheckLoad> {
		const load = new CheckLoad();
		for (let index = 0; index < options.connections; index++) {
			const proxy = new Connection(options);
			load.#proxies.push(proxy);
			await proxy.ready;
		}
		return load;
	}

	/** Asks once, on the connections in turn. */
	ask(): void {
		const proxy = this.#proxies[this.#turn++ % this.#proxies.length]!;
		proxy.ask();
	}

	/** Sends what was asked, and gives up what waited too long. */
	flush(): void {
		for (const proxy of this.#proxies) proxy.flush();
	}

	/** Connections that the server closed, each of which was made anew. */
	get reconnects(): number {
		return this.#proxies.reduce((sum, { reconnects }) => sum + reconnects, 0);
	}

	get underWay(): number {
		return this.#proxies.reduce((sum, { underWay }) => sum + underWay, 0);
	}

	stop(): void {
		for (const proxy of this.#proxies) proxy.stop();
	}
}

interface Asked {
	readonly at: number;
	outcome: Outcome;
}

class Connection {
	readonly #options: LoadOptions;
	readonly #headers;
	readonly #data: Buffer;
	readonly #asked = new Map<number, Asked>();
	/** Streams whose headers are sent and whose message waits for the window. */
	readonly #dataDue: number[] = [];
	/** When those were asked for that no stream may be opened for yet. */
	readonly #waiting: number[] = [];
	#socket: Socket;
	#out: Buffer[] = [];
	#nextStream = 1;
	#window = WINDOW;
	#maxStreams = NO_LIMIT;
	#stopped = false;
	reconnects = 0;
	ready: Promise<unknown>;

	constructor(options: LoadOptions) {
		this.#options = options;
		const { deadlineMs, message } = options;
		this.#headers = indexedHeaderBlocks(
			checkHeaders([
				["grpc-timeout", `${deadlineMs}m`],
				["x-envoy-expected-rq-timeout-ms", String(deadlineMs)],
				["x-forwarded-for", "10.4.7.21"],
				["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"],
			]),
		);
		this.#data = frame(FRAME.DATA, FLAG.END_STREAM, 0, grpcMessage(message));
		this.#socket = this.#connect();
		this.ready = once(this.#socket, "connect");
	}

	get underWay(): number {
		return this.#asked.size + this.#waiting.length;
	}

	ask(): void {
		this.#waiting.push(performance.now());
		this.#open();
	}

	flush(): void {
		this.#giveUp();
		this.#open();
		if (this.#out.length === 0) return;
		this.#socket.write(Buffer.concat(this.#out));
		this.#out = [];
	}

	stop(): void {
		this.#stopped = true;
		this.#socket.destroy();
	}

	#connect(): Socket {
		const socket = connect({ port: this.#options.port, host: "127.0.0.1", noDelay: true });
		const reader = new FrameReader();
		this.#nextStream = 1;
		this.#window = WINDOW;
		this.#out = [];
		socket.on("data", (chunk: Buffer) => {
			for (const one of reader.read(chunk)) this.#take(one);
			this.flush();
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			if (this.#stopped || this.#socket !== socket) return;
			for (const stream of [...this.#asked.keys()]) this.#end(stream, "failed");
			this.#dataDue.length = 0;
			this.reconnects++;
			this.#socket = this.#connect();
		});
		socket.write(PREFACE);
		socket.write(settings([[SETTING.ENABLE_PUSH, 0]]));
		socket.write(windowUpdate(0, NO_LIMIT - WINDOW));
		return socket;
	}

	#open(): void {
		while (this.#waiting.length > 0 && this.#asked.size < this.#maxStreams) {
			const stream = this.#nextStream;
			this.#nextStream += 2;
			this.#asked.set(stream, { at: this.#waiting.shift()!, outcome: "failed" });
			const block = stream === 1 ? this.#headers.first : this.#headers.next;
			this.#out.push(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block));
			this.#dataDue.push(stream);
		}
		this.#sendData();
	}

	#sendData(): void {
		const size = this.#data.length - 9;
		while (this.#dataDue.length > 0 && this.#window >= size) {
			const stream = this.#dataDue.shift()!;
			if (!this.#asked.has(stream)) continue;
			const bytes = Buffer.from(this.#data);
			bytes.writeUInt32BE(stream, 5);
			this.#out.push(bytes);
			this.#window -= size;
		}
	}

	#take({ type, flags, stream, payload }: Frame): void {
		if (type === FRAME.WINDOW_UPDATE) {
			if (stream === 0) this.#window += payload.readUInt32BE(0);
		} else if (type === FRAME.SETTINGS && !(flags & FLAG.ACK)) {
			for (let at = 0; at < payload.length; at += 6) {
				if (payload.readUInt16BE(at) === SETTING.MAX_CONCURRENT_STREAMS)
					this.#maxStreams = payload.readUInt32BE(at + 2);
			}
			this.#out.push(frame(FRAME.SETTINGS, FLAG.ACK, 0));
		} else if (type === FRAME.PING && !(flags & FLAG.ACK)) {
			this.#out.push(frame(FRAME.PING, FLAG.ACK, 0, payload));
		} else if (type === FRAME.RST_STREAM) {
			this.#end(stream);
		} else if (type === FRAME.GOAWAY) {
			this.#socket.end();
		} else if (type === FRAME.DATA) {
			const asked = this.#asked.get(stream);
			if (asked && payload.length > 5) asked.outcome = outcomeOf(payload.subarray(5));
			if (flags & FLAG.END_STREAM) this.#end(stream);
		} else if (type === FRAME.HEADERS && flags & FLAG.END_STREAM) {
			this.#end(stream);
		}
	}

	#end(stream: number, outcome?: Outcome): void {
		const asked = this.#asked.get(stream);
		if (!asked) return;
		this.#asked.delete(stream);
		const milliseconds = performance.now() - asked.at;
		const late = milliseconds > this.#options.deadlineMs;
		this.#options.onOutcome(outcome ?? (late ? "late" : asked.outcome), milliseconds);
	}

	#giveUp(): void {
		const before = performance.now() - this.#options.deadlineMs;
		for (const [stream, { at }] of this.#asked) {
			if (at > before) break;
			this.#out.push(reset(stream, CANCEL));
			this.#end(stream, "late");
		}
		while (this.#waiting.length > 0 && this.#waiting[0]! <= before) {
			this.#options.onOutcome("late", performance.now() - this.#waiting.shift()!);
		}
	}
}

/** From the first field of a CheckResponse, `status {code}`; no code is OK. */
function outcomeOf(response: Buffer): Outcome {
	if (response[0] !== 0x0a) return "failed";
	const code = response[1] === 0 ? 0 : response[3];
	return code === 0 ? "allowed" : code === UNAVAILABLE ? "shed" : "denied";
}
