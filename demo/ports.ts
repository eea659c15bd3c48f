import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/**
 * Loopback TCP ports that nothing listens on, all different. Only for programs that cannot listen on port 0 and tell what they got:
 * another process may take a port between this call and its use, so whoever starts such a program tries again with new ones.
 */
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
