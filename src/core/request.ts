/**
 * One request as the core judges it: facts only, in one canonical form, with no trace of the wire they came over.
 */
import type { TokenOrigin } from "./token-origin.ts";

/** A peer's identity as mutual TLS proved it to the proxy. */
export interface Peer {
	/** The certificate's principal as the proxy reports it, untouched; null when there was no client certificate. */
	readonly principal: string | null;
	/** IP address of the connection's peer, IPv4-mapped IPv6 reduced to IPv4; null when it is no IP address. */
	readonly address: string | null;
	/**
	 * base64url(SHA-256(DER)) of the peer's certificate (RFC 8705); null when the proxy did not send it, or it cannot be
	 * read. May be a getter, made when it is asked for: copy it by name, a spread leaves it out.
	 */
	readonly certificateHash: string | null;
}

export interface Request {
	/** The proxy's identity on the authorization call itself: a SPIFFE ID, or null when the listener has none to prove. */
	readonly enforcer: string | null;
	readonly peer: Peer;
	/**
	 * SPIFFE IDs from x-forwarded-client-cert, nearest hop first; they count only behind a trusted proxy.
	 * Null when the header was absent; empty when it was there but unreadable.
	 */
	readonly forwarded: readonly string[] | null;
	/** The destination listener's certificate principal, untouched; null when it has no certificate of its own. */
	readonly destinationPrincipal: string | null;
	/** Context extension `firebreak.destination`: a segment name or SPIFFE ID; null when not set. */
	readonly destinationHint: string | null;
	/** An RFC 9110 token, case kept. */
	readonly method: string;
	readonly scheme: string;
	/** Lower case, without port and trailing dot. */
	readonly host: string;
	/** Lower case, with its port when it had one: what a proof of possession signs. */
	readonly authority: string;
	/** Path as sent, without the query. */
	readonly rawPath: string;
	/** In canonical spelling (canonical/spelling.ts). Always starts with `/`. */
	readonly path: string;
	/** `path` split at `/`, without the leading empty part: `/v1/` gives `["v1", ""]`. */
	readonly segments: readonly string[];
	/** Raw query without `?`, or "". Never part of path matching. */
	readonly query: string;
	/** Names in lower case; repeated values joined with `,`. Holds credentials: never log it. */
	readonly headers: Readonly<Record<string, string>>;
	/** Protocol of an Upgrade or extended CONNECT, lower case, or null. */
	readonly upgrade: string | null;
	/** Every Authorization value that was sent; more than one is a conflict. */
	readonly authorization: readonly string[];
	/** Every DPoP value that was sent. */
	readonly dpop: readonly string[];
}

/** Whom a token speaks for: a client for itself, a user through a client, or a workload by its SPIFFE ID. */
export type SubjectKind = "client" | "user" | "workload";

/** What authentication made of a token; the only token facts that policies see. */
export interface TokenFacts {
	readonly issuer: string;
	/** `jti`, or what the issuer's options name in its place. Never derived from the raw token's bytes. Null when the profile has none. */
	readonly id: string | null;
	/** As the issuer writes it; it names something only together with issuer and kind. */
	readonly subject: string;
	readonly subjectKind: SubjectKind;
	/** Those that let it pass: of a registered token, the ones that it is registered with. */
	readonly scopes: readonly string[];
	/** Everything that it has itself, by which deny rules know it. The same array as `scopes`, unless that is less. */
	readonly allScopes: readonly string[];
	/** Seconds since the epoch, fractions allowed. */
	readonly issuedAt: number | null;
	readonly expiresAt: number;
	/** RFC 7638 thumbprint of the key that signed it. */
	readonly keyThumbprint: string | null;
	/** The key that it is worth something with only: of a DPoP proof or of the caller's certificate; null for a bearer token. */
	readonly bound: "dpop" | "mtls" | null;
	/** Of its passport, like its purpose; null when it has none. */
	readonly owner: string | null;
	readonly purpose: string | null;
	/** Of a token of ours that was given in exchange: for which one. */
	readonly origin?: TokenOrigin | null;
	/** All claims, for conditions. */
	readonly claims: Readonly<Record<string, unknown>>;
}

/** The verdict of step 8 as a value, so that the core never awaits. */
export type CredentialVerdict =
	| { readonly kind: "none" }
	| {
			readonly kind: "token";
			readonly token: TokenFacts;
			/** The nonce that the caller's next proof should have; absent while the one it used stays good. */
			readonly nonce?: string;
	  }
	| {
			readonly kind: "refused";
			readonly reason: CredentialReason;
			readonly detail: string;
			/** With `proof_nonce`: the one that the caller's next proof has to have. */
			readonly nonce?: string;
			/** Verified facts, when verification got so far (a revoked token, say); for records only. */
			readonly token?: TokenFacts;
	  };

export type CredentialReason =
	| "credentials_conflict"
	| "token_missing"
	| "token_invalid"
	| "token_revoked"
	| "proof_invalid"
	| "proof_replayed"
	| "proof_nonce"
	| "binding_mismatch"
	| "passport_missing"
	| "passport_context"
	| "revocation_stale"
	| "replay_store_down"
	| "keys_unavailable";

/** What records and spans tell of a request; also known of one that is too ambiguous to be a {@link Request}. */
export type RequestFacts = Pick<Request, "method" | "scheme" | "host" | "rawPath" | "peer">;
