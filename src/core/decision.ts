/** What came of one request: everything that the answer, the record, the span and the explanation are made from. */
import type { Overdrawn } from "./budget.ts";
import type { Mode } from "./model.ts";
import type { DenyReason, Reason } from "./reasons.ts";
import type { SubjectKind, TokenFacts } from "./request.ts";

/**
 * How much of what the request says about its way here is believed: of each header the last so many elements, which
 * trusted proxies wrote, or the proxy that asks. What stands before them is the caller's own word.
 */
export interface Vouched {
	/** Whether the connection's peer is a trusted proxy. */
	readonly proxied: boolean;
	/** Elements of x-forwarded-client-cert. */
	readonly identities: number;
	/** Elements of x-forwarded-for. */
	readonly addresses: number;
}

/** Of the Authorization header (RFC 6750, RFC 9449). */
export type Scheme = "Bearer" | "DPoP";

/** One end of a request. */
export interface Place {
	readonly segment: string;
	readonly domain: string;
	readonly environment: string;
}

export interface Decision {
	readonly allow: boolean;
	readonly reason: Reason;
	/** One stable word that tells the cause apart; for operators only. */
	readonly detail: string | null;
	/** The policy that decided, when one did. */
	readonly policy: string | null;
	readonly revision: number;
	/** `monitor` when the deciding policy, or the destination's segment or domain, is in monitor mode. */
	readonly mode: Mode;
	/** Under monitor: the first denial that was waived. Null unless the reason is `allowed_monitor`. */
	readonly would: WouldBe | null;
	/** Null when the source is anonymous, unknown or was not reached. */
	readonly source: Place | null;
	/** The source's verified SPIFFE ID, also when no segment holds it. */
	readonly principal: string | null;
	readonly destination: Place | null;
	/** The destination's SPIFFE ID, when its certificate named one. */
	readonly destinationPrincipal: string | null;
	/** The crossing that the request went through. */
	readonly crossing: string | null;
	/** Answer 404 in place of 403, without a challenge. */
	readonly hidden: boolean;
	/** Scopes that the challenge of `scope_missing` names. */
	readonly missingScopes: readonly string[];
	/** What a challenge may name: how the destination's domain takes tokens. Only of denials. */
	readonly schemes: readonly Scheme[];
	/** The nonce for the caller's next proof of possession, when it is to be told one. */
	readonly nonce: string | null;
	/** The budget that denied the request, or null. */
	readonly overdrawn: Overdrawn | null;
	/** The verified token, if one was read; also one that was refused all the same, for want of a proof, say. For records. */
	readonly token: TokenFacts | null;
	/** The accepted token's subject, for the upstream. Null when there is none: monitor passes requests, never their claims. */
	readonly subject: string | null;
	readonly subjectKind: SubjectKind | null;
	/** Remove Authorization and DPoP before the request goes upstream. */
	readonly stripCredential: boolean;
	/** What the upstream may see of forwarded identities and addresses. */
	readonly vouched: Vouched;
}

export interface WouldBe {
	readonly reason: DenyReason;
	readonly detail: string | null;
	readonly policy: string | null;
}
