import { LIMITS } from "../core/limits.ts";
import type { Request } from "../core/request.ts";
import { invalid, type Refusal, refuse } from "./refusal.ts";

/** The one token of a request, and how it came. */
export interface Credential {
	readonly token: string;
	readonly scheme: "bearer" | "dpop";
}

/**
 * The one token that a request carries, at most `LIMITS.tokenBytes` long.
 *
 * The scheme's name is case-insensitive (RFC 9110, 11.1). Two credentials at once are a conflict, whichever of them
 * is good (RFC 6750, 3.1): the upstream might read the other one. Tokens in the query or in a form are not read.
 */
export function readCredential(request: Pick<Request, "authorization" | "dpop">): Credential | Refusal {
	const { authorization, dpop } = request;
	if (authorization.length > 1) return refuse("credentials_conflict", "authorization");
	if (dpop.length > 1) return refuse("proof_invalid", "duplicate");
	const value = authorization[0];
	if (value === undefined) return refuse("token_missing", "absent");
	if (value.startsWith("Bearer ") && dpop.length === 0 && !value.includes(",")) return tokenOf(value, "bearer", 7);
	return readUncommon(value, dpop.length > 0);
}

const SECOND_CREDENTIAL = /,\s*(?:bearer|dpop)(?:\s|$)/i;

function readUncommon(value: string, proof: boolean): Credential | Refusal {
	const end = value.search(/[ ,]/);
	const scheme = (end === -1 ? value : value.slice(0, end)).toLowerCase();
	const ours = scheme === "bearer" || scheme === "dpop";
	if (SECOND_CREDENTIAL.test(value) || (ours && value.includes(",")))
		return refuse("credentials_conflict", "authorization");
	if (!ours) return refuse("token_missing", "scheme");
	if (scheme === "bearer" && proof) return refuse("credentials_conflict", "bearer_and_dpop");
	return tokenOf(value, scheme, scheme.length);
}

function tokenOf(value: string, scheme: Credential["scheme"], start: number): Credential | Refusal {
	let from = start;
	while (value.charCodeAt(from) === SPACE) from++;
	if (from === value.length) return refuse("token_missing", "empty");
	return value.length - from > LIMITS.tokenBytes ? invalid("size") : { token: value.slice(from), scheme };
}

const SPACE = 0x20;
