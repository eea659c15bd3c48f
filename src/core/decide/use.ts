/** Who uses a token where, as the route knows it: what bindings and passports are held against. */
import { lastHops, leafHash } from "../canonical/xfcc.ts";
import type { SegmentRow } from "../model.ts";
import type { TokenUse } from "../passport/judge.ts";
import type { Located } from "./locate.ts";
import type { Route } from "./route.ts";

export class RoutedUse implements TokenUse {
	readonly principal: string | null;
	readonly source: SegmentRow | null;
	readonly destination: SegmentRow;
	readonly address: string | null;
	readonly #route: Route;

	constructor(route: Route, { segment }: Located) {
		this.principal = route.source.principal;
		this.source = route.source.segment;
		this.destination = segment;
		this.address = route.forwarded.address;
		this.#route = route;
	}

	/**
	 * Of the source's own certificate: the connection's, or, behind a trusted proxy, the one that the proxy which met the source
	 * names as `Hash` in x-forwarded-client-cert. Few requests need it, so it is read when it is asked for.
	 */
	get certificateHash(): string | null {
		const { forwarded, input } = this.#route;
		const { request } = input;
		const { proxied, identities } = forwarded.vouched;
		if (!proxied || identities === 0) return request.peer.certificateHash;
		return leafHash(lastHops(request.headers["x-forwarded-client-cert"] ?? "", identities));
	}
}
