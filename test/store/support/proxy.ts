/** A TCP proxy in front of Postgres that can cut its connections, or let them go silent without a packet. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Proxy {
	/** The database URL by way of the proxy. */
	readonly url: string;
	/**
	 * Connections that are open now carry nothing any more, in either direction, or those alone whose client has sent this
	 * text; new ones work.
	 */
	freeze(sent?: string): void;
	/** Connections that are open now are reset; new ones work. */
	cut(): void;
	/** Once a client has sent this text, no answer reaches it any more, though the server gets all of it; null: no more so. */
	swallowAnswersTo(text: string | null): void;
	/** New connections lead to this database; those that are open stay where they are. */
	lead(url: string): void;
	/** New connections are reset until told otherwise. */
	refuse(refusing: boolean): void;
	connections(): number;
	stop(): Promise<void>;
}

interface Pair {
	readonly client: Socket;
	readonly server: Socket;
	/** All that the client sent. */
	sent: string;
}

export async function startProxy(url: string): Promise<Proxy> {
	let target = new URL(url);
	const pairs = new Set<Pair>();
	let refusing = false;
	let swallowed: string | null = null;
	const proxy = createServer((client) => {
		client.on("error", () => undefined);
		if (refusing) {
			client.destroy();
			return;
		}
		const server = connect(Number(target.port), target.hostname);
		server.on("error", () => undefined);
		const pair: Pair = { client, server, sent: "" };
		pairs.add(pair);
		client.on("data", (chunk) => {
			pair.sent += chunk.toString("latin1");
			if (swallowed !== null && chunk.includes(swallowed)) server.unpipe(client);
		});
		client.pipe(server);
		server.pipe(client);
		for (const socket of [client, server]) {
			socket.on("close", () => {
				pairs.delete(pair);
				client.destroy();
				server.destroy();
			});
		}
	});
	proxy.listen(0, "127.0.0.1");
	await once(proxy, "listening");
	const shown = new URL(url);
	shown.hostname = "127.0.0.1";
	shown.port = String((proxy.address() as AddressInfo).port);
	const cut = () => {
		for (const { client, server } of pairs) {
			client.resetAndDestroy();
			server.destroy();
		}
	};
	return {
		url: shown.href,
		freeze(sent = "") {
			for (const { client, server, sent: all } of pairs) {
				if (!all.includes(sent)) continue;
				client.unpipe(server);
				server.unpipe(client);
				client.pause();
				server.pause();
			}
		},
		cut,
		swallowAnswersTo(text) {
			swallowed = text;
		},
		lead(url) {
			target = new URL(url);
		},
		refuse(now) {
			refusing = now;
		},
		connections: () => pairs.size,
		async stop() {
			cut();
			proxy.close();
			await once(proxy, "close");
		},
	};
}
