/** From a grant to the claims of an access token (RFC 9068, 2.2), with the restrictions in the claim `firebreak`. */
import type { IssuerRow } from "../core/model.ts";
import type { PassportJson } from "../core/passport/passport.ts";
import type { SubjectKind } from "../core/request.ts";
import { parseSpiffeId } from "../core/spiffe.ts";
import type { OriginJson } from "../core/token-origin.ts";
import type { Grant, TokenBinding } from "./grant.ts";

/** Who acted, the last one outermost (RFC 8693, 4.1). */
export interface Actor {
	readonly sub: string;
	readonly act?: Actor;
}

export interface TokenClaims {
	readonly iss: string;
	readonly aud: string | readonly string[];
	readonly sub: string;
	readonly client_id: string;
	readonly jti: string;
	readonly iat: number;
	readonly nbf?: number;
	readonly exp: number;
	readonly scope?: string;
	readonly cnf?: TokenBinding;
	readonly act?: Actor;
	readonly firebreak: OwnClaim;
}

/** Where the token may be used, and who its subject is; and of one that was given in exchange, for which token. */
export type OwnClaim = PassportJson & { readonly kind: SubjectKind; readonly origin?: OriginJson };

/** The restrictions alone. */
export function restrictionsIn({ kind: _kind, origin: _origin, ...passport }: OwnClaim): PassportJson {
	return passport;
}

/** The claims of a token that speaks for its own bearer: a client, or a workload when the subject is a SPIFFE ID. */
export function claimsOf(grant: Grant, id: string): TokenClaims {
	const { issuer, subject, scopes, passport, binding, issuedAt, expiresAt } = grant;
	return {
		iss: issuer.url,
		aud: audienceOf(issuer),
		sub: subject,
		client_id: subject,
		jti: id,
		iat: issuedAt,
		exp: expiresAt,
		...(scopes.length > 0 && { scope: scopes.join(" ") }),
		...(binding !== null && { cnf: binding }),
		firebreak: { ...passport, kind: kindOf(subject) },
	};
}

export const kindOf = (subject: string): SubjectKind => (parseSpiffeId(subject)?.path ? "workload" : "client");

/** What every verifier of the issuer takes. */
export function audienceOf({ audiences }: IssuerRow): string | readonly string[] {
	return audiences.length === 1 ? audiences[0]! : audiences;
}
