import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/** Loopback TCP ports that nothing listens on, all different. Another process may take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
	const servers: Server[] = [];
	try {
		for (let i = 0; i < count; i++) {
			const server = createServer().listen(0, "127.0.0.1");
			servers.push(server);
			await once(server, "listening");
		}
		return servers.map((server) => (server.address() as AddressInfo).port);
	} finally {
		for (const server of servers) server.close();
	}
}

/** One port of `freePorts`. */
export async function freePort(): Promise<number> {
	const [port] = await freePorts(1);
	return port as number;
}

const ATTEMPTS = 3;

/**
 * For programs that cannot listen on port 0 and tell what they got: calls `start` with free ports, and again with others when it
 * fails because someone else took one meanwhile.
 */
export async function onFreePorts<Started>(
	count: number,
	start: (ports: number[]) => Promise<Started>,
): Promise<Started> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await start(await freePorts(count));
		} catch (error) {
			if (!isPortTaken(error) || attempt === ATTEMPTS) throw error;
		}
	}
}

/** Whether it, or what caused it, says that somebody else listens there. */
function isPortTaken(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	return /address already in use|EADDRINUSE/i.test(error.message) || isPortTaken(error.cause);
}
