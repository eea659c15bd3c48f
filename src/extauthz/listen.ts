/** Where the gRPC side listens. */
import { chmodSync } from "node:fs";
import type { Server, ServerCredentials } from "@grpc/grpc-js";
import { FirebreakError } from "../core/errors.ts";
import { clearSocket } from "../socket-file.ts";

export type ListenAddress =
	| { readonly kind: "tcp"; readonly host: string; readonly port: number }
	| { readonly kind: "unix"; readonly path: string };

const OBJECT = "FIREBREAK_GRPC_ADDR";
/** Owner and group may connect: a proxy runs as another user of the group. */
const SOCKET_MODE = 0o660;

/**
 * Binds a server and gives the address it got, with the port that the system chose for port 0. A socket file that a dead
 * process left is replaced.
 *
 * @throws FirebreakError `config_invalid` when the address cannot be bound.
 */
export async function bind(
	server: Server,
	address: ListenAddress,
	credentials: ServerCredentials,
): Promise<ListenAddress> {
	if (address.kind === "unix") await clearSocket(address.path, OBJECT);
	const port = await bound(server, targetOf(address), credentials);
	if (address.kind === "tcp") return { ...address, port };
	chmodSync(address.path, SOCKET_MODE);
	return address;
}

/** The address as grpc-js writes it. */
export function targetOf(address: ListenAddress): string {
	if (address.kind === "unix") return `unix:${address.path}`;
	return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function bound(server: Server, target: string, credentials: ServerCredentials): Promise<number> {
	return new Promise((resolve, reject) => {
		server.bindAsync(target, credentials, (cause, port) => {
			if (cause === null) resolve(port);
			else reject(unusable(`${target} cannot be bound`, "choose a free address of this machine", cause));
		});
	});
}

function unusable(message: string, cure: string, cause: unknown): FirebreakError {
	return new FirebreakError("config_invalid", message, { problems: [{ object: OBJECT, message, cure }], cause });
}
