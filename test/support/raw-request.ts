/** Bytes as an attacker writes them: HTTP/1.1 by hand, on a connection of its own. */
import { once } from "node:events";
import { connect } from "node:tls";
import type { Leaf } from "../../demo/pki.ts";

export interface RawTarget {
	/** On 127.0.0.1. */
	readonly port: number;
	/** PEM of the authority that signed the listener's certificate. */
	readonly authority: string;
	/** None when null. */
	readonly certificate: Pick<Leaf, "certificate" | "key"> | null;
}

/**
 * Sends exactly these bytes and returns everything that came back until the peer closed, or said that it would; "" when it
 * just closed.
 */
export async function sendRaw(target: RawTarget, bytes: Buffer, withinMs = 60_000): Promise<string> {
	const socket = connect({
		host: "127.0.0.1",
		port: target.port,
		ca: target.authority,
		...(target.certificate && { cert: target.certificate.certificate, key: target.certificate.key }),
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
		const last = new Promise<void>((resolve) => {
			socket.on("data", () => isLast(text) && resolve());
		});
		const broken = new Promise<never>((_resolve, reject) => {
			// A peer that resets the connection has refused, which is an answer.
			socket.on("error", (error: NodeJS.ErrnoException) => {
				if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
			});
		});
		socket.write(bytes);
		await Promise.race([closed, last, broken]);
		return text;
	} finally {
		clearTimeout(timer);
		socket.destroy();
	}
}

/** Whether a whole answer came that is the last: Envoy lets such a connection linger for a second. */
function isLast(text: string): boolean {
	const start = text.lastIndexOf("HTTP/1.1 ");
	const body = text.indexOf("\r\n\r\n", start) + 4;
	const head = text.slice(start, body).toLowerCase();
	const length = /\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1];
	return body > 3 && head.includes("\r\nconnection: close\r\n") && text.length - body >= Number(length ?? Infinity);
}

/** The status of each response in what came back. */
export function statusesOf(text: string): number[] {
	return [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
}
