/** Who asks: the identity of the proxy on the authorization call itself. */
import { spiffeIdOf } from "../tls/svid.ts";

/** The parts of a call that say whose connection it is; `call` is grpc-js's own and not part of its interface. */
export interface ConnectedCall {
	getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Uint8Array } };
	readonly call?: { readonly stream?: { readonly session?: object } };
}

/** Reads each connection's certificate once; it cannot change while the connection lasts. */
export class EnforcerIdentities {
	readonly #known = new WeakMap<object, string | null>();

	/** The SPIFFE ID of the proxy that makes this call, or null when it has none. */
	of(call: ConnectedCall): string | null {
		const session = call.call?.stream?.session;
		if (session === undefined) return read(call);
		let identity = this.#known.get(session);
		if (identity === undefined) {
			identity = read(call);
			this.#known.set(session, identity);
		}
		return identity;
	}
}

/** The context is empty unless the certificate was verified. */
function read(call: ConnectedCall): string | null {
	const certificate = call.getAuthContext().sslPeerCertificate;
	return certificate === undefined ? null : spiffeIdOf(certificate.raw);
}
