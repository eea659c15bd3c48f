/** grpc.health.v1.Health: proxies and orchestrators ask it whether to send checks here. */
import {
	type ServerUnaryCall,
	type ServerWritableStream,
	type sendUnaryData,
	status,
	type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { AUTHORIZATION_SERVICE } from "./proto.ts";

interface Question {
	readonly service?: string;
}
interface Answer {
	readonly status: number;
}

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
const KNOWN: ReadonlySet<string> = new Set(["", AUTHORIZATION_SERVICE]);

type Watcher = ServerWritableStream<Question, Answer>;

/** The server as a whole and its one service share one state. Not serving until told. */
export class Health {
	#status = NOT_SERVING;
	#closed = false;
	readonly #watchers = new Map<Watcher, string>();
	readonly #maxWatchers: number;

	constructor(maxWatchers: number) {
		this.#maxWatchers = maxWatchers;
	}

	readonly implementation: UntypedServiceImplementation = {
		Check: (call: ServerUnaryCall<Question, Answer>, callback: sendUnaryData<Answer>) => {
			const service = call.request.service ?? "";
			if (KNOWN.has(service)) callback(null, { status: this.#status });
			else callback({ code: status.NOT_FOUND, details: "unknown service" });
		},
		Watch: (call: Watcher) => this.#watch(call),
	};

	setServing(serving: boolean): void {
		const next = serving ? SERVING : NOT_SERVING;
		if (next === this.#status) return;
		this.#status = next;
		for (const [watcher, service] of this.#watchers) {
			if (KNOWN.has(service)) watcher.write({ status: next });
		}
	}

	/** Ends every Watch, which would otherwise keep a server that drains from ever being done. */
	close(): void {
		this.#closed = true;
		for (const watcher of this.#watchers.keys()) watcher.end();
		this.#watchers.clear();
	}

	#watch(call: Watcher): void {
		if (this.#watchers.size >= this.#maxWatchers) {
			call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "too many watchers" });
			return;
		}
		const service = call.request.service ?? "";
		call.write({ status: KNOWN.has(service) ? this.#status : SERVICE_UNKNOWN });
		if (this.#closed) {
			call.end();
			return;
		}
		this.#watchers.set(call, service);
		const forget = () => this.#watchers.delete(call);
		call.once("cancelled", forget);
		call.once("close", forget);
	}
}
