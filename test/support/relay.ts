/** A TCP relay in front of a part of the world, which can be made to hang or to die. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
	/** Bytes that were sent to the part while it hung: proof that somebody waits for it. */
	swallowed = 0;
	readonly #server: Server;
	#port: number;
	readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
	readonly #held = new Set<Socket>();
	#state: "passes" | "hangs" | "dead" = "passes";

	private constructor(server: Server, port: number) {
		this.#server = server;
		this.#port = port;
		server.on("connection", (near) => this.#join(near));
	}

	/** To a port on 127.0.0.1. */
	static async start(port: number): Promise<Relay> {
		const server = createServer({ allowHalfOpen: true });
		const relay = new Relay(server, port);
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		return relay;
	}

	/** On 127.0.0.1. */
	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	/** New connections go to the part that is there now. */
	lead(port: number): void {
		this.#port = port;
	}

	/** Connections stay and are accepted, and nothing is ever said on them. */
	hang(): void {
		this.#state = "hangs";
		for (const [near, far] of this.#pairs) {
			near.unpipe(far);
			far.unpipe(near);
			near.on("data", this.#swallow);
			near.resume();
		}
	}

	/** Connections are torn, and new ones too. */
	die(): void {
		this.#state = "dead";
		this.#tear();
	}

	/** Connections are torn once, and new ones pass. */
	cut(): void {
		this.#state = "passes";
		this.#tear();
	}

	async stop(): Promise<void> {
		this.#state = "dead";
		this.#tear();
		this.#server.close();
		await once(this.#server, "close");
	}

	readonly #swallow = (chunk: Buffer): void => {
		this.swallowed += chunk.length;
	};

	#join(near: Socket): void {
		near.on("error", () => {});
		if (this.#state === "dead") {
			near.resetAndDestroy();
			return;
		}
		this.#held.add(near);
		near.on("close", () => this.#held.delete(near));
		if (this.#state === "hangs") {
			near.on("data", this.#swallow);
			return;
		}
		const far = connect({ port: this.#port, host: "127.0.0.1", allowHalfOpen: true });
		far.on("error", () => near.destroy());
		const pair = [near, far] as const;
		this.#pairs.add(pair);
		near.pipe(far);
		far.pipe(near);
		const part = () => {
			this.#pairs.delete(pair);
			near.destroy();
			far.destroy();
		};
		near.on("close", part);
		far.on("close", part);
	}

	#tear(): void {
		for (const near of this.#held) near.resetAndDestroy();
	}
}
