import { SIGNATURE_ALGORITHMS } from "../core/jwks.ts";
import { LIMITS } from "../core/limits.ts";
import { parseJsonObject } from "./json.ts";
import { invalid, type Refusal } from "./refusal.ts";

/** A compact JWS whose form is beyond doubt, and of which nothing is verified yet. */
export interface UnverifiedToken {
	/** A signature algorithm that we know, never `none` or a MAC; whether it is allowed is the issuer's to say. */
	readonly alg: string;
	readonly typ: string | null;
	/** Hostile: only ever looked up in a map. */
	readonly kid: string | null;
	readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Reads a compact JWS (RFC 7515, 3.1): exactly three non-empty parts (a JWE has five, `alg: none` an empty one),
 * canonical base64url without padding, so that one signature has one spelling, and strict JSON objects as header and
 * payload. The caller has bounded its length.
 *
 * `jku`, `x5u`, `jwk` and `x5c` are let be: keys come from the issuer's row alone (RFC 8725, 3.10).
 */
export function readToken(token: string): UnverifiedToken | Refusal {
	const parts = token.split(".", 4);
	if (parts.length !== 3) return invalid("malformed");
	const [header, payload, signature] = parts.map(decode);
	if (!header || !payload || !signature) return invalid("malformed");
	const members = parseJsonObject(header, LIMITS.tokenJsonDepth);
	if (typeof members === "string") return invalid(members);
	const refusal = judgeHeader(members);
	if (refusal) return refusal;
	const claims = parseJsonObject(payload, LIMITS.tokenJsonDepth);
	if (typeof claims === "string") return invalid(claims);
	const { alg, typ, kid } = members as { alg: string; typ?: string; kid?: string };
	return { alg, typ: typ ?? null, kid: kid ?? null, claims };
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

/** Bytes of a part; null when it is empty or any other spelling of them would do as well. */
function decode(part: string): Buffer | null {
	if (part === "") return null;
	const bytes = Buffer.from(part, "base64url");
	return bytes.toString("base64url") === part ? bytes : null;
}
