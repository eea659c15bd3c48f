/** Proofs of possession: bound tokens with proofs of every kind, and certificates. Cases 32 to 34, 36, 37 and 39. */
import { dpopProof, jwkThumbprint, type ProofOptions } from "../../../demo/proofs.ts";
import { makeSigningKey, type SigningKey } from "../../../demo/tokens.ts";
import type { Request } from "../../../src/core/request.ts";
import { CERTIFICATE } from "../../authn/vectors/rfc.ts";
import { REQUEST, type TokenWorld, USE } from "../../support/tokens.ts";
import type { Expected, Presented, TokenCase } from "./case.ts";

const holder = makeSigningKey("ES256", "holder");
const thief = makeSigningKey("ES256", "thief");
const keys = {
	RS256: makeSigningKey("RS256", "rsa"),
	PS256: makeSigningKey("PS256", "pss"),
	EdDSA: makeSigningKey("EdDSA", "ed"),
	ES384: makeSigningKey("ES384", "es384"),
	ES512: makeSigningKey("ES512", "es512"),
};
const URI = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;

const boundTo = (world: TokenWorld, key: SigningKey, claims: object = {}) =>
	world.token({ cnf: { jkt: jwkThumbprint(key) }, ...claims });

interface Shown {
	readonly key?: SigningKey;
	/** Whose thumbprint the token holds; the key's when absent. */
	readonly boundTo?: SigningKey;
	readonly claims?: ProofOptions["claims"];
	readonly header?: ProofOptions["header"];
	readonly request?: Partial<Pick<Request, "method" | "scheme" | "authority" | "rawPath">>;
	/** Another token in the header than the one that the proof is for. */
	readonly tokenClaims?: object;
}

/** A good bound token with its proof, but for what is given. */
function shown(world: TokenWorld, over: Shown = {}): Presented {
	const { key = holder, claims, header, request, tokenClaims } = over;
	const token = boundTo(world, over.boundTo ?? key);
	const proof = dpopProof(key, {
		method: REQUEST.method,
		uri: URI,
		token,
		now: world.now,
		...(claims && { claims }),
		...(header && { header }),
	});
	const sent = tokenClaims ? boundTo(world, over.boundTo ?? key, tokenClaims) : token;
	return { ...request, authorization: [`DPoP ${sent}`], dpop: [proof] };
}

const example = (no: number, name: string, over: Shown, expect: Expected): TokenCase => ({
	no,
	name,
	present: (world) => shown(world, over),
	expect,
});
const good = (no: number, name: string, over: Shown = {}) => example(no, name, over, { bound: "dpop" });
const bad = (no: number, name: string, detail: string, over: Shown) =>
	example(no, name, over, ["proof_invalid", detail]);
const claim = (no: number, name: string, detail: string, claims: Record<string, unknown>) =>
	bad(no, name, detail, { claims });
const htu = (name: string, change: (uri: string) => string, request: Shown["request"] = {}) =>
	good(36, name, { claims: { htu: change(URI) }, request });
const otherHtu = (name: string, change: (uri: string) => string, request: Shown["request"] = {}) =>
	bad(36, name, "target", { claims: { htu: change(URI) }, request });

/** A proof that is not one, or not only one, beside a good bound token. */
const besides = (name: string, detail: string, dpop: (proof: string) => string[]): TokenCase => ({
	no: 34,
	name,
	present: (world) => {
		const presented = shown(world);
		return { ...presented, dpop: dpop(presented.dpop[0]!) };
	},
	expect: ["proof_invalid", detail],
});

const forms: readonly TokenCase[] = [
	good(34, "a good proof"),
	...(["RS256", "PS256", "EdDSA"] as const).map((alg) => good(34, `a good proof by ${alg}`, { key: keys[alg] })),
	...(["ES384", "ES512"] as const).map((alg) =>
		bad(34, `a proof by ${alg}, which costs too much`, "algorithm", { key: keys[alg] }),
	),
	besides("no proof", "absent", () => []),
	besides("two proofs", "duplicate", (proof) => [proof, proof]),
	besides("an empty proof", "malformed", () => [""]),
	besides("no JWT", "malformed", () => ["proof"]),
	besides("a proof with padding", "malformed", (proof) => [`${proof}==`]),
	besides("two proofs in one value", "malformed", (proof) => [`${proof},${proof}`]),
	besides("a proof of 64 KB", "size", () => ["x".repeat(65_536)]),
	besides("an unsigned proof", "malformed", (proof) => [proof.replace(/[^.]+$/, "")]),
	bad(34, "alg none", "algorithm", { header: { alg: "none" } }),
	bad(34, "a MAC", "algorithm", { header: { alg: "HS256" } }),
	bad(34, "alg of another key", "key", { header: { alg: "EdDSA" } }),
	bad(34, "no jwk", "key", { header: { jwk: undefined } }),
	bad(34, "jwk that is no key", "key", { header: { jwk: { kty: "EC", crv: "P-256", x: "AA", y: "AA" } } }),
	bad(34, "a private jwk", "key", { header: { jwk: holder.privateKey.export({ format: "jwk" }) } }),
	bad(34, "a symmetric jwk", "key", { header: { jwk: { kty: "oct", k: "AAAA" } } }),
	bad(34, "typ JWT", "type", { header: { typ: "JWT" } }),
	bad(34, "no typ", "type", { header: { typ: undefined } }),
	bad(34, "crit", "malformed", { header: { crit: ["exp"] } }),
	...["jti", "htm", "htu", "iat", "ath"].flatMap((name) => [
		claim(34, `no ${name}`, "claims", { [name]: undefined }),
		claim(34, `${name} of the wrong kind`, "claims", { [name]: [1] }),
	]),
	claim(34, "iat beyond all dates", "claims", { iat: 2 ** 53 }),
	bad(34, "signed by another key in this one's name", "signature", { key: { ...thief, jwk: holder.jwk } }),
];

const targets: readonly TokenCase[] = [
	htu("htu with a query", (uri) => `${uri}?a=1`),
	htu("htu with a fragment", (uri) => `${uri}#a`),
	htu("htu with its host in another case", (uri) => uri.replace("payments.e", "PAYMENTS.E")),
	htu("htu with its scheme in another case", (uri) => uri.replace("https", "HTTPS")),
	htu("htu with :443", (uri) => uri.replace(".org", ".org:443")),
	htu("a request with :443", (uri) => uri, { authority: `${REQUEST.authority}:443` }),
	htu("htu with %7e for ~", () => `https://${REQUEST.authority}/%7ehome`, { rawPath: "/~home" }),
	htu("htu with %c3%a9 for %C3%A9", () => `https://${REQUEST.authority}/a%c3%a9`, { rawPath: "/a%C3%A9" }),
	otherHtu("htu with a slash more", (uri) => `${uri}/`),
	otherHtu("htu of another host", (uri) => uri.replace("payments", "orders")),
	otherHtu("htu of a host that begins alike", (uri) => uri.replace(".org", ".org.evil.example")),
	otherHtu("htu of another scheme", (uri) => uri.replace("https", "http")),
	otherHtu("htu with another port", (uri) => uri.replace(".org", ".org:8443")),
	otherHtu("htu with its path in another case", (uri) => uri.replace("/v1", "/V1")),
	otherHtu("htu of another path", (uri) => `${uri}/7`),
	otherHtu("htu with user information", (uri) => uri.replace("//", "//a@")),
	otherHtu("htu that is a path", () => REQUEST.rawPath),
	otherHtu("htu with backslashes", (uri) => uri.replaceAll("/", "\\")),
	otherHtu("htu with a line end", (uri) => uri.replace("/v1", "/\nv1")),
];

/** Behind an ingress that callers know by another name; its proxy passes the path on as it is. */
const behindIngress = (name: string, htu: string, detail: string | null): TokenCase => ({
	no: 36,
	name,
	present: (world) => shown(world, { claims: { htu } }),
	demand: { origins: ["https://shop.example.com", "http://shop.example.com:8080"] },
	expect: detail === null ? { bound: "dpop" } : ["proof_invalid", detail],
});
const ingress: readonly TokenCase[] = [
	behindIngress("htu of an origin that the segment names", "https://shop.example.com/v1/payments", null),
	behindIngress("htu of another one of its origins", "http://SHOP.example.com:8080/v1/payments", null),
	behindIngress("htu of what the proxy sees, which the segment does not name", URI, "target"),
	behindIngress("htu of one of its origins by another scheme", "http://shop.example.com/v1/payments", "target"),
	behindIngress("htu of one of its origins with another path", "https://shop.example.com/payments", "target"),
];

const claims: readonly TokenCase[] = [
	claim(37, "ath of another token", "token_hash", { ath: "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" }),
	bad(37, "another token than the proof is for", "token_hash", { tokenClaims: { jti: "token-2" } }),
	claim(37, "another htm", "method", { htm: "GET" }),
	claim(37, "htm in another case", "method", { htm: "post" }),
	...(
		[
			["iat at the end of its time", -89, null],
			["iat past its time", -90, "time"],
			["iat long past", -3_600, "time"],
			["iat ahead within the skew", 30, null],
			["iat ahead beyond it", 31, "time"],
			["exp over", -30, "time", "exp"],
			["exp over within the skew", -29, null, "exp"],
			["nbf ahead within the skew", 30, null, "nbf"],
			["nbf ahead", 31, "time", "nbf"],
		] as const
	).map(
		([name, shift, detail, claim = "iat"]): TokenCase => ({
			no: 37,
			name,
			present: (world) => shown(world, { claims: { [claim]: world.now + shift } }),
			expect: detail === null ? { bound: "dpop" } : ["proof_invalid", detail],
		}),
	),
	example(37, "another key than cnf.jkt", { key: thief, boundTo: holder }, ["binding_mismatch", "proof_key"]),
	...(
		[
			["absent", {}],
			["stale", { claims: { nonce: "AAAAAAAAAAAAAAAAAAAAAA" } }],
		] as const
	).map(
		([detail, over]): TokenCase => ({
			no: 37,
			name: `a nonce is asked for, and ${detail}`,
			present: (world) => {
				const token = world.tokenOf(
					"nonced",
					{ client_id: "web", cnf: { jkt: jwkThumbprint(holder) } },
					{ typ: "at+jwt" },
				);
				const proof = dpopProof(holder, { method: REQUEST.method, uri: URI, token, now: world.now, ...over });
				return { authorization: [`DPoP ${token}`], dpop: [proof] };
			},
			expect: ["proof_nonce", detail],
		}),
	),
];

const bindings: readonly TokenCase[] = [
	{ ...good(33, "a flow that demands a bound token has one"), demand: { bound: true } },
	{
		no: 32,
		name: "the Bearer scheme with the proof beside it",
		present: (world) => {
			const { dpop } = shown(world);
			return { authorization: [`Bearer ${boundTo(world, holder)}`], dpop };
		},
		expect: ["credentials_conflict", "bearer_and_dpop"],
	},
	{
		no: 39,
		name: "a certificate-bound token with its certificate",
		present: (world) => world.token({ cnf: { "x5t#S256": CERTIFICATE.thumbprint } }),
		demand: { use: { ...USE, certificateHash: CERTIFICATE.thumbprint } },
		expect: { bound: "mtls" },
	},
	{
		no: 39,
		name: "a certificate-bound token with another certificate",
		present: (world) => world.token({ cnf: { "x5t#S256": "A".repeat(43) } }),
		demand: { use: { ...USE, certificateHash: CERTIFICATE.thumbprint } },
		expect: ["binding_mismatch", "certificate"],
	},
];

export const proofs: readonly TokenCase[] = [...forms, ...targets, ...ingress, ...claims, ...bindings];
