/** Who asks for a token: the workload whose certificate the connection was made with. */
import { createHash, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Client } from "../issuing/exchange.ts";
import { spiffeIdOf } from "../tls/svid.ts";

export interface TlsClient extends Client {
	/** Milliseconds since the epoch, until which its certificate is good: connections may outlive it. */
	readonly until: number;
}

const known = new WeakMap<Socket, TlsClient | null>();

/** Null without TLS, without a certificate of an authority that counts, and for one that is no workload's SVID. */
export function clientOf(socket: Socket): TlsClient | null {
	let client = known.get(socket);
	if (client === undefined) {
		client = socket instanceof TLSSocket && socket.authorized ? read(socket) : null;
		known.set(socket, client);
	}
	return client;
}

function read(socket: TLSSocket): TlsClient | null {
	const { raw } = socket.getPeerCertificate() as { readonly raw?: Buffer };
	if (raw === undefined) return null;
	const certificate = new X509Certificate(raw);
	const principal = certificate.ca ? null : spiffeIdOf(raw);
	if (principal === null) return null;
	const certificateHash = createHash("sha256").update(raw).digest("base64url");
	return { principal, certificateHash, until: Date.parse(certificate.validTo) };
}
