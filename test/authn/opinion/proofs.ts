/** Requests with DPoP proofs, good but for what their names say; and where the two opinions on them differ, and why. */
import { dpopProof, jwkThumbprint } from "../../../demo/proofs.ts";
import { makeSigningKey, type SigningKey } from "../../../demo/tokens.ts";
import type { CredentialRequest } from "../../../src/authn/authenticator.ts";
import { bearer, REQUEST } from "../../support/tokens.ts";
import { type Difference, NOW, world } from "./opinions.ts";

const holder = makeSigningKey("ES256", "holder");
const thief = makeSigningKey("ES256", "thief");
/** What tokens are bound to. */
export const JKT = jwkThumbprint(holder);
export const URI = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;

export interface Bound {
	readonly name: string;
	readonly request: () => CredentialRequest;
}

const boundToken = (claims: object = {}) => world.token({ cnf: { jkt: JKT }, ...claims });

/** A request with a good bound token and a proof that is good but for what is given. */
export function proven(
	over: { claims?: object; header?: object; key?: SigningKey; token?: string } = {},
): CredentialRequest {
	const { key = holder, token = boundToken(), claims = {}, header = {} } = over;
	const proof = dpopProof(key, {
		method: REQUEST.method,
		uri: URI,
		token,
		now: NOW,
		claims: claims as Record<string, unknown>,
		header: header as Record<string, unknown>,
	});
	return { ...REQUEST, authorization: [`DPoP ${token}`], dpop: [proof] };
}

const withClaims = (name: string, claims: object): Bound => ({ name, request: () => proven({ claims }) });
const withHeader = (name: string, header: object): Bound => ({ name, request: () => proven({ header }) });
const es384 = makeSigningKey("ES384", "es384");
const rsa = makeSigningKey("RS256", "rsa");
const ed = makeSigningKey("EdDSA", "ed");
const by = (name: string, key: SigningKey): Bound => ({
	name,
	request: () => proven({ key, token: boundToken({ cnf: { jkt: jwkThumbprint(key) } }) }),
});

export const PROOFS: readonly Bound[] = [
	{ name: "a good proof", request: () => proven() },
	by("a key for RS256", rsa),
	by("a key for EdDSA", ed),
	by("a key for ES384", es384),
	withClaims("no jti", { jti: undefined }),
	withClaims("jti empty", { jti: "" }),
	withClaims("jti a number", { jti: 1 }),
	withClaims("no htm", { htm: undefined }),
	withClaims("another htm", { htm: "GET" }),
	withClaims("htm in another case", { htm: "post" }),
	withClaims("no htu", { htu: undefined }),
	withClaims("htu a number", { htu: 1 }),
	withClaims("htu empty", { htu: "" }),
	withClaims("htu a path", { htu: REQUEST.rawPath }),
	withClaims("htu with a query", { htu: `${URI}?a=1` }),
	withClaims("htu with a fragment", { htu: `${URI}#a` }),
	withClaims("htu with its host in another case", { htu: URI.replace("payments.e", "PAYMENTS.e") }),
	withClaims("htu with its scheme in another case", { htu: URI.replace("https", "HTTPS") }),
	withClaims("htu with the default port", { htu: URI.replace(".org", ".org:443") }),
	withClaims("htu with another port", { htu: URI.replace(".org", ".org:8443") }),
	withClaims("htu with another scheme", { htu: URI.replace("https", "http") }),
	withClaims("htu with another host", { htu: URI.replace("payments", "orders") }),
	withClaims("htu with a slash more", { htu: `${URI}/` }),
	withClaims("htu with its path in another case", { htu: URI.replace("/v1", "/V1") }),
	withClaims("htu with an escape that means the same", { htu: URI.replace("/v1", "/%761") }),
	withClaims("htu with dot segments", { htu: URI.replace("/v1/", "/v1/x/../") }),
	withClaims("htu with user information", { htu: URI.replace("//", "//user@") }),
	withClaims("htu with backslashes", { htu: URI.replace("/v1/", "\\v1\\") }),
	withClaims("htu with a line end", { htu: URI.replace("/v1", "/v\n1") }),
	withClaims("htu with white space around", { htu: ` ${URI} ` }),
	withClaims("no iat", { iat: undefined }),
	withClaims("iat a text", { iat: String(NOW) }),
	withClaims("iat as old as it may be", { iat: NOW - 89 }),
	withClaims("iat older than a minute and the skew", { iat: NOW - 91 }),
	withClaims("iat older than five minutes", { iat: NOW - 301 }),
	withClaims("iat ahead within the skew", { iat: NOW + 30 }),
	withClaims("iat ahead beyond the skew", { iat: NOW + 31 }),
	withClaims("iat ahead beyond five minutes", { iat: NOW + 301 }),
	withClaims("no ath", { ath: undefined }),
	withClaims("ath of another token", { ath: "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" }),
	withClaims("a nonce that nobody asked for", { nonce: "n" }),
	withClaims("a nonce that is no text", { nonce: 1 }),
	withClaims("exp over", { exp: NOW - 100 }),
	withClaims("exp ahead", { exp: NOW + 100 }),
	withClaims("exp a text", { exp: "x" }),
	withClaims("nbf ahead", { nbf: NOW + 100 }),
	withClaims("nbf past", { nbf: NOW - 100 }),
	withHeader("no typ", { typ: undefined }),
	withHeader("typ JWT", { typ: "JWT" }),
	withHeader("typ in another case", { typ: "DPoP+JWT" }),
	withHeader("typ as a media type", { typ: "application/dpop+jwt" }),
	withHeader("alg none", { alg: "none" }),
	withHeader("alg HS256", { alg: "HS256" }),
	withHeader("alg of another key", { alg: "RS256" }),
	withHeader("no jwk", { jwk: undefined }),
	withHeader("jwk a text", { jwk: "x" }),
	withHeader("a private jwk", { jwk: holder.privateKey.export({ format: "jwk" }) }),
	withHeader("a symmetric jwk", { jwk: { kty: "oct", k: "AAAA" } }),
	withHeader("jwk with more members", { jwk: { ...holder.jwk } }),
	withHeader("jwk of another key", { jwk: { ...thief.jwk, kid: undefined } }),
	withHeader("crit", { crit: ["exp"] }),
	withHeader("kid", { kid: "k" }),
	{ name: "made by another key", request: () => proven({ key: thief }) },
	{ name: "made by another key in this one's name", request: () => proven({ key: { ...thief, jwk: holder.jwk } }) },
	{
		name: "for another token",
		request: () => ({ ...proven(), authorization: [`DPoP ${boundToken({ jti: "other" })}`] }),
	},
	{ name: "a token that is not bound", request: () => proven({ token: world.token() }) },
	{
		name: "a token bound otherwise too",
		request: () => proven({ token: boundToken({ cnf: { jkt: JKT, "x5t#S256": "x" } }) }),
	},
	{ name: "a token bound to no text", request: () => proven({ token: boundToken({ cnf: { jkt: 1 } }) }) },
	{ name: "no proof", request: () => ({ ...proven(), dpop: [] }) },
	{ name: "an empty proof", request: () => ({ ...proven(), dpop: [""] }) },
	{ name: "no JWT for a proof", request: () => ({ ...proven(), dpop: ["x"] }) },
	{ name: "two proofs", request: () => ({ ...proven(), dpop: [...proven().dpop, ...proven().dpop] }) },
	{ name: "the Bearer scheme", request: () => ({ ...proven(), authorization: [`Bearer ${boundToken()}`] }) },
	{ name: "the Bearer scheme without a proof", request: () => bearer(boundToken()) },
	{ name: "the scheme in another case", request: () => ({ ...proven(), authorization: [`dpop ${boundToken()}`] }) },
	{
		name: "a token of a stranger",
		request: () => proven({ token: world.token({ cnf: { jkt: JKT } }, {}, world.key.stranger) }),
	},
	{ name: "an expired token", request: () => proven({ token: boundToken({ iat: NOW - 600, exp: NOW - 300 }) }) },
];
/** Names that begin with a number are of test/cases/tokens, the others of {@link PROOFS}. */
/** Names that begin with a number are of test/cases/tokens, the others of {@link PROOFS}. */
export const PROOF_DIFFERENCES: readonly Difference[] = [
	{
		ours: "proof_invalid claims",
		why: "an empty id names no proof, and a nonce is a text",
		cases: ["jti empty", "a nonce that is no text"],
	},
	{
		ours: "proof_invalid target",
		why: "they read htu with WHATWG's parser, which repairs what is no URI",
		cases: [
			"htu with backslashes",
			"htu with a line end",
			"htu with white space around",
			"36 htu with a line end",
			"36 htu with backslashes",
		],
	},
	{
		ours: "proof_invalid time",
		why: "they let proofs be five minutes old, or as much ahead",
		cases: [
			"iat older than a minute and the skew",
			"iat ahead beyond the skew",
			"37 iat past its time",
			"37 iat ahead beyond it",
		],
	},
	{
		ours: "proof_invalid type",
		why: "RFC 9449, 4.3 names dpop+jwt, and every client writes it so",
		cases: ["typ in another case", "typ as a media type"],
	},
	{
		ours: "accepted",
		why: "RFC 9449, 4.3 has htu compared after RFC 3986, 6.2.2.2; WHATWG's parser keeps escapes that mean nothing",
		cases: ["htu with an escape that means the same", "36 htu with %7e for ~", "36 htu with %c3%a9 for %C3%A9"],
	},
	{
		ours: "proof_invalid malformed",
		why: "they read base64url as leniently as the platform does",
		cases: ["34 a proof with padding"],
	},
];
