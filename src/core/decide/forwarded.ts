/**
 * What a request says about its way here, as far as it is believed. Only a peer in a segment that is marked
 * `trusted_proxy` is believed, and so is each further proxy that such a one names, while it is marked too. The mark says
 * that the proxy appends to x-forwarded-client-cert the identity, and to x-forwarded-for the address, that called it.
 */
import { lastAddresses } from "../canonical/forwarded-for.ts";
import { tellsWhatIsKnown } from "../canonical/xfcc.ts";
import type { Vouched } from "../decision.ts";
import type { Request } from "../request.ts";
import type { Snapshot } from "../snapshot.ts";
import { identify, type Source } from "./source.ts";

export interface Forwarded {
	/**
	 * The IP address that the source called from, in canonical spelling; null when nobody who is believed tells it. This, never
	 * x-forwarded-for itself, is what restrictions to networks are held against.
	 */
	readonly address: string | null;
	readonly vouched: Vouched;
}

/** Nothing is believed, which strips most. */
export const NOT_VOUCHED: Vouched = Object.freeze({ proxied: false, identities: 0, addresses: 0 });

/** What every request says whose proxy appends the peer's address. */
const APPENDED: Vouched = Object.freeze({ proxied: false, identities: 0, addresses: 1 });

/**
 * The address is the connection's peer, unless that is a trusted proxy: then the one which stands in x-forwarded-for where
 * the source stands in x-forwarded-client-cert, counted from the right. So of two trusted proxies in a row the address that
 * the farther one saw is taken, and nothing that stands before it. A proxy that forwards an identity without an address
 * leaves it unknown. The proxy that asks may have appended the peer itself to either header (`use_remote_address`,
 * `APPEND_FORWARD`), which is not counted: no caller may share a trusted proxy's address.
 */
export function readForwarded(snapshot: Snapshot, request: Request, source: Source): Forwarded {
	const { peer, forwarded, headers } = request;
	const header = headers["x-forwarded-for"];
	if (header === undefined && forwarded === null) return { address: peer.address, vouched: NOT_VOUCHED };
	if (header === peer.address && forwarded === null && source.segment?.trusted_proxy !== true) {
		return { address: peer.address, vouched: APPENDED };
	}
	const own = header === undefined ? 0 : appendedByAsker(header, peer.address);
	// Without forwarded identities the source is the peer itself.
	const proxied = forwarded === null ? source.segment?.trusted_proxy === true : isTrusted(snapshot, peer.principal);
	if (!proxied) {
		return {
			address: peer.address,
			vouched: { proxied, identities: forwarded ? writtenByAsker(request) : 0, addresses: own },
		};
	}
	const identities = hopsTo(snapshot, forwarded ?? []);
	const hops = identities > 0 && forwarded?.[0] === peer.principal ? identities - 1 : identities;
	if (header === undefined) {
		return { address: hops === 0 ? peer.address : null, vouched: { proxied, identities, addresses: 0 } };
	}
	// A caller without a certificate has an address all the same.
	const wanted = own + Math.max(1, hops);
	const known = lastAddresses(header, wanted);
	const alone = hops === 0 && known.length === own;
	const address = alone ? peer.address : (known[wanted - 1] ?? null);
	return { address, vouched: { proxied, identities, addresses: known.length } };
}

/** 1 when the last identity is the peer's own, as the proxy that asks writes it (`SANITIZE_SET`), else 0. */
function writtenByAsker({ peer, headers, destinationPrincipal: by }: Request): 0 | 1 {
	const header = headers["x-forwarded-client-cert"];
	if (header === undefined) return 0;
	const { principal, certificateHash } = peer;
	return tellsWhatIsKnown(header, { principal, certificateHash, by }) ? 1 : 0;
}

/** How many identities, nearest first, are believed: up to the first that is no trusted proxy. */
function hopsTo(snapshot: Snapshot, identities: readonly string[]): number {
	const source = identities.findIndex((id) => !isTrusted(snapshot, id));
	return source === -1 ? identities.length : source + 1;
}

/** 1 when the proxy that asks put the connection's peer last, else 0. */
function appendedByAsker(header: string, peer: string | null): 0 | 1 {
	if (peer === null) return 0;
	return lastAddresses(header, 1)[0] === peer ? 1 : 0;
}

function isTrusted(snapshot: Snapshot, principal: string | null): boolean {
	return identify(snapshot, principal).segment?.trusted_proxy === true;
}
