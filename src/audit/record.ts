/** What is kept of decisions: one row for what an operator may ask about, one a minute for allowed traffic. */
import type { Decision, Place } from "../core/decision.ts";
import { LIMITS } from "../core/limits.ts";
import type { Audit } from "../core/model.ts";
import { recordedPath, recordedText } from "../core/recorded.ts";
import type { RequestFacts } from "../core/request.ts";
import { withheldScopes } from "../core/withheld-scopes.ts";

/** Why a decision is stored in full. `monitor`: it would have been denied. `edge`: the first between these two segments. */
export const DECISION_KINDS = ["denial", "monitor", "crossing", "edge"] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];
/** `use`: that a token was used, beside what is kept of the check itself. */
export type RecordKind = DecisionKind | "flow" | "use";

/** One check, as the recorder is told of it. */
export interface RecordedCheck {
	/** The opaque id that the caller was given. */
	readonly id: string;
	/** Milliseconds since the epoch. */
	readonly at: number;
	readonly decision: Decision;
	readonly request: RequestFacts;
	readonly epoch: string;
	/** The destination domain's: `denials` keeps no allowed traffic, but for crossings, would-be denials and uses of tokens. */
	readonly audit: Audit;
	/** W3C trace context of the authorization call. */
	readonly traceparent: string | undefined;
}

/** A row of `firebreak.decision`. */
export interface DecisionRecord {
	readonly id: string;
	readonly at: number;
	readonly kind: DecisionKind;
	readonly decision: "allow" | "deny";
	readonly reason: string;
	readonly detail: string | null;
	readonly policy: string | null;
	readonly epoch: string;
	readonly revision: number;
	readonly mode: string;
	readonly would: { readonly reason: string; readonly detail: string | null } | null;
	readonly source: Place | null;
	readonly sourcePrincipal: string | null;
	readonly destination: Place | null;
	readonly destinationPrincipal: string | null;
	readonly crossing: string | null;
	readonly peerAddress: string | null;
	readonly method: string;
	readonly host: string;
	readonly path: string;
	readonly tokenIssuer: string | null;
	readonly tokenId: string | null;
	readonly tokenOwner: string | null;
	/** Null when no token was verified. */
	readonly tokenScopes: readonly string[] | null;
	/** Those that its registration takes away; null when there are none. */
	readonly tokenWithheldScopes: readonly string[] | null;
	readonly traceId: string | null;
	/** How many checks this row stands for; grows while a flood lasts. */
	count: number;
}

/** A row of `firebreak.flow`. */
export interface FlowRecord {
	/** Milliseconds since the epoch, a whole minute. */
	readonly minute: number;
	readonly source: string;
	readonly destination: string;
	readonly operation: string;
	readonly tokenIssuer: string | null;
	readonly tokenId: string | null;
	count: number;
	/** Milliseconds since the epoch. */
	readonly first: number;
	last: number;
}

/** How often a token was used within a minute, for its row of `firebreak.passport`. */
export interface UseRecord {
	readonly issuer: string;
	readonly tokenId: string;
	count: number;
	/** Milliseconds since the epoch. */
	last: number;
}

/** Texts that came from a request are bounded and harmless; texts from the policy set are as they are. */
export function decisionRecord(kind: DecisionKind, check: RecordedCheck): DecisionRecord {
	const { decision, request } = check;
	const { token, would } = decision;
	const withheld = token === null ? [] : withheldScopes(token);
	return {
		id: check.id,
		at: check.at,
		kind,
		decision: decision.allow ? "allow" : "deny",
		reason: decision.reason,
		detail: textOrNull(decision.detail),
		policy: decision.policy,
		epoch: check.epoch,
		revision: decision.revision,
		mode: decision.mode,
		would: would && { reason: would.reason, detail: textOrNull(would.detail) },
		source: decision.source,
		sourcePrincipal: textOrNull(decision.principal),
		destination: decision.destination,
		destinationPrincipal: textOrNull(decision.destinationPrincipal),
		crossing: decision.crossing,
		peerAddress: request.peer.address,
		method: recordedText(request.method),
		host: recordedText(request.host),
		path: recordedPath(request.rawPath),
		tokenIssuer: token && recordedText(token.issuer),
		tokenId: token && textOrNull(token.id),
		tokenOwner: token && textOrNull(token.owner),
		tokenScopes: token && recordedScopes(token.scopes),
		tokenWithheldScopes: withheld.length > 0 ? recordedScopes(withheld) : null,
		traceId: traceIdOf(check.traceparent),
		count: 1,
	};
}

/** Who called, as flows name it: a segment; else the principal or `anonymous`, which no segment can be named. */
export function sourceOf(decision: Decision): string {
	return decision.source?.segment ?? decision.principal ?? "anonymous";
}

const recordedScopes = (scopes: readonly string[]) => scopes.slice(0, LIMITS.recordedScopes).map(recordedText);

function textOrNull(text: string | null): string | null {
	return text === null ? null : recordedText(text);
}

function traceIdOf(traceparent: string | undefined): string | null {
	return /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent ?? "")?.[1] ?? null;
}
