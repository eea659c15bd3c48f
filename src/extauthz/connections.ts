/**
 * Connections of proxies: how many there may be, and how long one may take to say that it speaks HTTP/2. What has not said
 * so has proven nothing, and must not keep out those that have.
 */
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { DropArgument, Socket } from "node:net";

export interface ConnectionsOptions {
	/** Milliseconds from any fixed instant. */
	readonly stopwatch: () => number;
	/** Told of each connection that was dropped. Must not throw. */
	readonly onDrop: (drop: Drop) => void;
}
export type ConnectionLimits = Readonly<Record<"grpcConnections" | "tlsHandshakeMs", number>>;

/**
 * `limit`: refused as it came, since proxies have all places. `displaced`: it had not begun, and its place was needed.
 * `handshake`: it took too long for its TLS handshake and HTTP/2's preface.
 */
export type DropCause = "limit" | "displaced" | "handshake";

export interface Drop {
	readonly cause: DropCause;
	/** IP address of the peer; null of a socket. */
	readonly address: string | null;
}

export interface ConnectionFigures {
	readonly open: number;
	/** Since the start. */
	readonly dropped: Readonly<Record<DropCause, number>>;
}

/** What a connection that has not begun is told when it has. */
const BEGAN = Symbol("began");
type Tracked = Socket & { [BEGAN]?: () => void };
/** Node keeps the connection below a TLS one in `_parent`, which is not part of its interface. */
type Layered = Tracked & { readonly _parent?: Tracked | null };

export class Connections {
	readonly #options: ConnectionsOptions;
	readonly #limits: ConnectionLimits;
	/** TCP connections, or those of a socket. */
	readonly #open = new Set<Socket>();
	/** Those of them that have not begun, since when; the oldest first. */
	readonly #beginning = new Map<Socket, number>();
	readonly #dropped: Record<DropCause, number> = { limit: 0, displaced: 0, handshake: 0 };
	readonly #sweep: NodeJS.Timeout;
	#judging = true;

	constructor(options: ConnectionsOptions, limits: ConnectionLimits) {
		this.#options = options;
		this.#limits = limits;
		this.#sweep = setInterval(() => this.#endSlow(), Math.min(1_000, limits.tlsHandshakeMs)).unref();
	}

	get figures(): ConnectionFigures {
		return { open: this.#open.size, dropped: { ...this.#dropped } };
	}

	/** Before the server listens. */
	watch(server: Http2Server): void {
		// Node refuses beyond it before it spends anything on a connection.
		server.maxConnections = this.#limits.grpcConnections;
		server.on("drop", (refused?: DropArgument) => this.#tell("limit", refused?.remoteAddress));
		server.prependListener("connection", (socket: Socket) => this.#arrived(socket));
		server.on("session", (session: ServerHttp2Session) => {
			const socket = session.socket as Layered;
			const began = (socket._parent ?? socket)[BEGAN];
			if (began) session.once("remoteSettings", began);
			else this.#stopJudging();
		});
		// Before the server's own listener closes it, and the address is gone with it.
		server.prependListener("tlsClientError", (error: NodeJS.ErrnoException, { _parent: socket }: Layered) => {
			if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT" && socket) this.#drop(socket, "handshake");
		});
	}

	stop(): void {
		clearInterval(this.#sweep);
	}

	/** A Node that does not tell what a TLS connection stands on: a proxy's must not be dropped as one that never began. */
	#stopJudging(): void {
		this.stop();
		this.#judging = false;
		this.#beginning.clear();
	}

	#arrived(socket: Tracked): void {
		this.#open.add(socket);
		if (this.#judging) this.#beginning.set(socket, this.#options.stopwatch());
		socket[BEGAN] = () => this.#beginning.delete(socket);
		socket.once("close", () => this.#forget(socket));
		if (this.#open.size < this.#limits.grpcConnections) return;
		// Whoever comes next must find a place, as long as somebody holds one without having begun.
		const [oldest] = this.#beginning.keys();
		if (oldest !== undefined && oldest !== socket) this.#drop(oldest, "displaced");
	}

	#endSlow(): void {
		const before = this.#options.stopwatch() - this.#limits.tlsHandshakeMs;
		for (const [socket, since] of this.#beginning) {
			if (since > before) break;
			this.#drop(socket, "handshake");
		}
	}

	#drop(socket: Socket, cause: DropCause): void {
		if (!this.#open.has(socket)) return;
		const { remoteAddress } = socket;
		this.#forget(socket);
		socket.destroy();
		this.#tell(cause, remoteAddress);
	}

	#forget(socket: Socket): void {
		this.#open.delete(socket);
		this.#beginning.delete(socket);
	}

	#tell(cause: DropCause, address: string | undefined): void {
		this.#dropped[cause]++;
		this.#options.onDrop({ cause, address: address ?? null });
	}
}
