import { SIGNATURE_ALGORITHMS } from "../core/jwks.ts";
import { LIMITS } from "../core/limits.ts";
import { parseJsonObject } from "./json.ts";
import { invalid, isRefusal, type Refusal } from "./refusal.ts";

/** A compact JWS whose form is beyond doubt, and of which nothing is verified yet. */
export interface UnverifiedJws {
	/** A signature algorithm that we know, never `none` or a MAC; whether it is allowed is the issuer's to say. */
	readonly alg: string;
	readonly typ: string | null;
	/** Hostile: only ever looked up in a map. */
	readonly kid: string | null;
	/** All members of the header, deeply frozen. */
	readonly header: Readonly<Record<string, unknown>>;
	readonly payload: Uint8Array;
}

/** One whose payload is a JSON object: a JWT. */
export interface UnverifiedToken extends UnverifiedJws {
	readonly claims: Readonly<Record<string, unknown>>;
}

/** Reads a compact JWS as {@link readJws} does, and its payload as a strict JSON object. */
export function readToken(token: string): UnverifiedToken | Refusal {
	const jws = readJws(token);
	if (isRefusal(jws)) return jws;
	const claims = parseJsonObject(jws.payload, LIMITS.tokenJsonDepth);
	return typeof claims === "string" ? invalid(claims) : { ...jws, claims };
}

/**
 * Reads a compact JWS (RFC 7515, 3.1): exactly three parts (a JWE has five) of canonical base64url without padding, so
 * that one signature has one spelling; a strict JSON object as header; a signature that is not empty, as that of
 * `alg: none` is. The caller has bounded its length.
 *
 * `jku`, `x5u`, `jwk` and `x5c` are let be: keys come from the issuer's row alone (RFC 8725, 3.10).
 */
export function readJws(text: string): UnverifiedJws | Refusal {
	const parts = text.split(".", 4);
	if (parts.length !== 3) return invalid("malformed");
	const [bytes, payload, signature] = parts.map(decode);
	if (!bytes || !payload || !signature || signature.length === 0) return invalid("malformed");
	const header = parseJsonObject(bytes, LIMITS.tokenJsonDepth);
	if (typeof header === "string") return invalid(header);
	const refusal = judgeHeader(header);
	if (refusal) return refusal;
	const { alg, typ, kid } = header as { alg: string; typ?: string; kid?: string };
	return { alg, typ: typ ?? null, kid: kid ?? null, header, payload };
}

function judgeHeader(header: Readonly<Record<string, unknown>>): Refusal | null {
	if (Object.hasOwn(header, "crit")) return invalid("critical");
	if (Object.hasOwn(header, "b64") || Object.hasOwn(header, "zip")) return invalid("header");
	if (!SIGNATURE_ALGORITHMS.includes(header.alg as string)) return invalid("algorithm");
	if (header.typ !== undefined && typeof header.typ !== "string") return invalid("header");
	const { kid } = header;
	if (kid === undefined) return null;
	return typeof kid === "string" && kid !== "" && kid.length <= LIMITS.kidLength ? null : invalid("header");
}

/** Bytes of a part; null when any other spelling of them would do as well. */
function decode(part: string): Buffer | null {
	const bytes = Buffer.from(part, "base64url");
	return bytes.toString("base64url") === part ? bytes : null;
}
