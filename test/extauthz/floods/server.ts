/** A gRPC server in a process of its own, to be attacked: allows everything. Its limits come by FLOOD_LIMITS, as JSON. */
import { startGrpcServer } from "../../../src/extauthz/server.ts";

const server = await startGrpcServer({
	address: { kind: "tcp", host: "127.0.0.1", port: 0 },
	tls: null,
	check: () => ({ allowed: true, headers: [], headersToRemove: [], metadata: {} }),
	onError: (error) => process.stdout.write(`error: ${error}\n`),
	onTlsReload: () => {},
	limits: JSON.parse(process.env.FLOOD_LIMITS ?? "{}"),
});
server.setServing(true);
process.stdout.write(`listening on ${(server.address as { port: number }).port}\n`);
process.on("SIGTERM", () => process.exit(0));
