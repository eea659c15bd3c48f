/** What a condition is evaluated over. */
import type { Request } from "../request.ts";

export interface ConditionScope {
	readonly request: Request;
	/** The path's captured segments, decoded. */
	readonly params: Readonly<Record<string, string>>;
	/**
	 * Null for a caller without a certificate identity: `source.segment` is then `anonymous`, its domain, environment and
	 * principal are empty.
	 */
	readonly source: ConditionPeer | null;
	readonly destination: ConditionPeer;
	/** All claims, or null when the flow needs no token: then `has(token.x)` is false and `token.x` an error. */
	readonly token: Readonly<Record<string, unknown>> | null;
	/** Milliseconds since the epoch. */
	readonly now: number;
}

export interface ConditionPeer {
	readonly segment: string;
	readonly domain: string;
	readonly environment: string;
	/** SPIFFE ID; null reads as the empty string. */
	readonly principal: string | null;
}
