/** Kinds of tokens: what each profile takes and refuses. Case 22, and the profiles jwt_svid and oidc. */
import type { TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const WORKLOAD = "spiffe://prod.example.org/ns/orders/sa/orders";
const typed = (typ: unknown) => (world: TokenWorld) => world.token({}, { typ });

/** A JWT-SVID: `sub`, `aud` and `exp`, with `iss` but without the rest. */
const svid =
	(over: Record<string, unknown> = {}, header: object = { typ: undefined }) =>
	(world: TokenWorld) =>
		world.tokenOf("spire", { sub: WORKLOAD, scope: undefined, jti: undefined, iat: undefined, ...over }, header);

/** A JWT-SVID without `iss`, of a trust domain whose SPIFFE ID is the issuer's url. */
const bareSvid = (over: Record<string, unknown>) => (world: TokenWorld) =>
	world.tokenOf("trustDomain", { iss: undefined, sub: "spiffe://td.example.org/w", scope: undefined, ...over });

const login =
	(over: Record<string, unknown>, header: object = {}) =>
	(world: TokenWorld) =>
		world.tokenOf("login", over, header);
const tenant = (over: Record<string, unknown>) => (world: TokenWorld) =>
	world.tokenOf("tenants", { scope: undefined, scp: "a b", uti: "u-1", oid: "o-1", tid: "blue", ...over });
const arrays = (over: Record<string, unknown>) => (world: TokenWorld) =>
	world.tokenOf("arrays", { scope: undefined, ...over });

export const profiles: readonly TokenCase[] = [
	...["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"].map((typ) =>
		accepted(22, `typ ${typ}`, typed(typ)),
	),
	refused(22, "an ID token: typ JWT", "type", typed("JWT")),
	refused(22, "typ missing", "type", typed(undefined)),
	refused(22, "typ empty", "type", typed("")),
	refused(22, "typ an array", "header", typed(["at+jwt"])),
	refused(22, "a security event", "type", typed("secevent+jwt")),
	refused(22, "a transaction token", "type", typed("txntoken+jwt")),
	refused(22, "a DPoP proof", "type", typed("dpop+jwt")),
	refused(22, "a status list", "type", typed("statuslist+jwt")),
	refused(22, "a workload identity token", "type", typed("wit+jwt")),

	accepted(22, "a JWT-SVID", svid(), { subject: WORKLOAD, id: null, issuedAt: null, scopes: [] }),
	accepted(22, "a JWT-SVID of typ JWT", svid({}, { typ: "JWT" })),
	accepted(22, "a JWT-SVID of typ JOSE", svid({}, { typ: "JOSE" })),
	accepted(22, "a JWT-SVID with jti", svid({ jti: "s-1" }), { id: "s-1" }),
	accepted(22, "a JWT-SVID grants no scopes", svid({ scope: "admin" }), { scopes: [] }),
	refused(22, "a JWT-SVID of typ jwt", "type", svid({}, { typ: "jwt" })),
	refused(22, "a JWT-SVID of typ at+jwt", "type", svid({}, { typ: "at+jwt" })),
	refused(22, "a JWT-SVID of typ JWT-SVID", "type", svid({}, { typ: "JWT-SVID" })),
	refused(22, "a security event as a JWT-SVID", "not_access_token", svid({ events: {} })),
	refused(22, "a JWT-SVID without sub", "claims", svid({ sub: undefined })),
	refused(22, "a JWT-SVID without aud", "audience", svid({ aud: undefined })),
	refused(22, "a JWT-SVID without exp", "claims", svid({ exp: undefined })),
	refused(22, "a JWT-SVID whose jti is no text", "claims", svid({ jti: 1 })),
	refused(22, "a JWT-SVID of a user", "subject", svid({ sub: "alice" })),
	refused(22, "a JWT-SVID of the trust domain itself", "subject", svid({ sub: "spiffe://prod.example.org" })),
	refused(22, "a JWT-SVID of another trust domain", "subject", svid({ sub: "spiffe://dev.example.org/ns/orders" })),
	refused(22, "a JWT-SVID in another case", "subject", svid({ sub: WORKLOAD.replace("prod", "PROD") })),
	refused(22, "a JWT-SVID with a dot segment", "subject", svid({ sub: "spiffe://prod.example.org/ns/../admin" })),
	refused(22, "a JWT-SVID with an escape", "subject", svid({ sub: "spiffe://prod.example.org/ns%2Forders" })),
	refused(22, "a JWT-SVID that lives too long", "lifetime", (world) => svid({ exp: world.now + 7_200 })(world)),
	refused(22, "a JWT-SVID signed with EdDSA", "algorithm", svid({}, { typ: undefined, alg: "EdDSA" })),
	accepted(22, "a JWT-SVID without iss", bareSvid({}), { issuer: "spiffe://td.example.org" }),
	accepted(22, "a JWT-SVID whose iss is the trust domain", bareSvid({ iss: "spiffe://td.example.org" })),
	refused(22, "a JWT-SVID without iss, of a trust domain that does not count", "issuer", bareSvid({ sub: WORKLOAD })),
	refused(22, "an access token without iss whose sub is a workload", "type", (world) =>
		world.token({ iss: undefined, sub: "spiffe://td.example.org/w" }),
	),

	accepted(22, "oidc, typ JWT with a scope", login({}), {
		subject: "alice",
		subjectKind: "user",
		id: "token-1",
		scopes: ["a", "b"],
	}),
	accepted(22, "oidc, typ absent with a scope", login({}, { typ: undefined })),
	accepted(22, "oidc, typ at+jwt without a scope", login({ scope: undefined }, { typ: "at+jwt" }), { scopes: [] }),
	accepted(22, "oidc, without jti", login({ jti: undefined }), { id: null }),
	accepted(22, "oidc, of a client", login({ azp: "alice" }), { subject: "alice", subjectKind: "client" }),
	accepted(22, "oidc, token_use access", login({ scope: undefined, token_use: "access" })),
	accepted(22, "oidc, typ Bearer among the claims", login({ scope: undefined, typ: "Bearer" })),
	refused(22, "oidc, an ID token that shows no mark", "not_access_token", login({ scope: undefined })),
	refused(22, "oidc, an ID token with nonce", "not_access_token", login({ nonce: "n" })),
	refused(22, "oidc, an ID token with at_hash", "not_access_token", login({ at_hash: "h" })),
	refused(22, "oidc, an ID token with c_hash", "not_access_token", login({ c_hash: "h" })),
	refused(22, "oidc, a nonce in an at+jwt", "not_access_token", login({ nonce: "n" }, { typ: "at+jwt" })),
	refused(22, "oidc, token_use id", "not_access_token", login({ token_use: "id" })),
	refused(22, "oidc, typ ID among the claims", "not_access_token", login({ typ: "ID" })),
	refused(22, "oidc, typ Refresh among the claims", "not_access_token", login({ typ: "Refresh" })),
	refused(22, "oidc, a logout token", "not_access_token", login({ events: {} })),
	refused(22, "oidc, a logout token by its type", "type", login({}, { typ: "logout+jwt" })),
	refused(22, "oidc, a security event by its type", "type", login({}, { typ: "secevent+jwt" })),
	refused(22, "oidc, a transaction token", "type", login({}, { typ: "txntoken+jwt" })),
	refused(22, "oidc, without iat", "claims", login({ iat: undefined })),
	refused(22, "oidc, without sub", "claims", login({ sub: undefined })),
	refused(22, "oidc, jti that is no text", "claims", login({ jti: 1 })),
	refused(18, "oidc, scope an array without leave", "scope", login({ scope: ["a"] })),

	accepted(22, "oidc, claims by their options", tenant({}), {
		subject: "o-1",
		subjectKind: "user",
		id: "u-1",
		scopes: ["a", "b"],
	}),
	refused(22, "oidc, without the claim that names the token", "claims", tenant({ uti: undefined })),
	refused(22, "oidc, without the claim that names the subject", "claims", tenant({ oid: undefined })),
	refused(22, "oidc, of another tenant", "tenant", tenant({ tid: "red" })),
	refused(22, "oidc, of no tenant", "tenant", tenant({ tid: undefined })),
	refused(
		22,
		"oidc, a scope in another claim proves nothing",
		"not_access_token",
		tenant({ scp: undefined, scope: "a" }),
	),
	accepted(18, "oidc, scope an array with leave", arrays({ scp: ["a", "b"] }), { scopes: ["a", "b"] }),
	accepted(18, "oidc, scope a text all the same", arrays({ scp: "a b" }), { scopes: ["a", "b"] }),
	accepted(18, "oidc, scope an empty array", arrays({ scp: [] }), { scopes: [] }),
	refused(18, "oidc, scope an array with a space in it", "scope", arrays({ scp: ["a b"] })),
	refused(18, "oidc, scope an array with a number in it", "scope", arrays({ scp: ["a", 1] })),

	refused(22, "a profile that is not known", "unsupported", (world) => world.tokenOf("unknown")),
];
