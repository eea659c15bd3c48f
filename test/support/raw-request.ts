/** Bytes as an attacker writes them: HTTP/1.1 by hand, on a connection of its own. */
import { once } from "node:events";
import { connect } from "node:tls";
import type { Leaf } from "../../demo/pki.ts";

export interface RawTarget {
	/** On 127.0.0.1. */
	readonly port: number;
	/** PEM of the authority that signed the listener's certificate. */
	readonly authority: string;
	readonly certificate: Pick<Leaf, "certificate" | "key">;
}

/** Sends exactly these bytes and returns everything that came back until the peer closed; "" when it just closed. */
export async function sendRaw(target: RawTarget, bytes: Buffer, withinMs = 10_000): Promise<string> {
	const socket = connect({
		host: "127.0.0.1",
		port: target.port,
		ca: target.authority,
		cert: target.certificate.certificate,
		key: target.certificate.key,
		ALPNProtocols: ["http/1.1"],
		checkServerIdentity: () => undefined,
	});
	const timer = setTimeout(() => socket.destroy(new Error("no answer, and the connection stays open")), withinMs);
	try {
		await once(socket, "secureConnect");
		let text = "";
		socket.setEncoding("latin1").on("data", (chunk: string) => {
			text += chunk;
		});
		const closed = once(socket, "close");
		const broken = new Promise<never>((_resolve, reject) => {
			// A peer that resets the connection has refused, which is an answer.
			socket.on("error", (error: NodeJS.ErrnoException) => {
				if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
			});
		});
		socket.write(bytes);
		await Promise.race([closed, broken]);
		return text;
	} finally {
		clearTimeout(timer);
		socket.destroy();
	}
}

/** The status of each response in what came back. */
export function statusesOf(text: string): number[] {
	return [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
}
