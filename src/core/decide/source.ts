/** Step 4: who is calling, from the peer certificate's SPIFFE ID alone. */
import type { SegmentRow } from "../model.ts";
import type { Request } from "../request.ts";
import type { Snapshot } from "../snapshot.ts";
import { parseSpiffeId } from "../spiffe.ts";
import { segmentOf } from "./locate.ts";

export type Source =
	| { readonly kind: "segment"; readonly segment: SegmentRow; readonly principal: string }
	/** No certificate identity at all. */
	| { readonly kind: "anonymous"; readonly segment: null; readonly principal: null }
	/** An identity, but not one that any segment holds. `principal` is null when it is no SPIFFE ID. */
	| {
			readonly kind: "unknown";
			readonly segment: null;
			readonly principal: string | null;
			readonly detail: "malformed" | "no_segment" | "forwarded_malformed";
	  };

/**
 * A forwarded identity counts only when the immediate peer's segment is a trusted proxy; then the nearest hop that is
 * not itself a trusted proxy is the source. Elsewhere the header is as if it were not there.
 */
export function identifySource(snapshot: Snapshot, request: Request): Source {
	const peer = identify(snapshot, request.peer.principal);
	if (!peer.segment?.trusted_proxy || request.forwarded === null) return peer;
	if (request.forwarded.length === 0) return UNREADABLE;
	let source: Source = peer;
	for (const id of request.forwarded) {
		source = identify(snapshot, id);
		if (!source.segment?.trusted_proxy) break;
	}
	return source;
}

/**
 * The trusted proxies whose word for the source was taken, nearest first: none when the peer speaks for itself. They are
 * held to quarantine like the source, since one that was taken over could name whomever it likes.
 */
export function* vouchersOf(snapshot: Snapshot, { peer, forwarded }: Request, source: Source): Generator<Source, void> {
	if (forwarded === null || source.principal === peer.principal) return;
	for (const id of [peer.principal, ...forwarded]) {
		const hop = identify(snapshot, id);
		if (!hop.segment?.trusted_proxy || id === source.principal) return;
		yield hop;
	}
}

/** Whose certificate, or forwarded identity, this is. */
export function identify(snapshot: Snapshot, principal: string | null): Source {
	if (principal === null) return ANONYMOUS_SOURCE;
	const exact = snapshot.members.get(principal);
	const segment = exact === undefined ? null : snapshot.segments.get(exact);
	if (segment) return { kind: "segment", segment, principal };
	// Members were parsed when the set compiled: only an ID that is not listed by itself needs parsing now.
	const id = parseSpiffeId(principal);
	if (!id || id.path === "") return { kind: "unknown", segment: null, principal: null, detail: "malformed" };
	const wider = segmentOf(snapshot, principal);
	return wider
		? { kind: "segment", segment: wider, principal }
		: { kind: "unknown", segment: null, principal, detail: "no_segment" };
}

const ANONYMOUS_SOURCE: Source = Object.freeze({ kind: "anonymous", segment: null, principal: null });

const UNREADABLE: Source = Object.freeze({
	kind: "unknown",
	segment: null,
	principal: null,
	detail: "forwarded_malformed",
});
