/**
 * Tokens as common providers shape them, with the options that docs/how-to/issuers.md gives for each: their access tokens
 * pass, and their other tokens do not. Case 22.
 */
import type { IssuerName, TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const TENANT = "9f4b8a52-0000-4000-8000-000000000001";
/** Claims that only RFC 9068 has, taken away; undefined removes. */
const BARE = { client_id: undefined, jti: undefined, scope: undefined };
const of =
	(name: IssuerName, claims: object, header: object = {}) =>
	(world: TokenWorld) =>
		world.tokenOf(name, { ...BARE, ...claims }, header);

const keycloak = {
	jti: "onrtac:7b6f",
	typ: "Bearer",
	azp: "storefront",
	sid: "s",
	acr: "1",
	scope: "profile orders:read",
	realm_access: { roles: ["user"] },
	preferred_username: "alice",
	sub: "f:1:alice",
};
const entra = {
	aio: "A",
	azp: "6e74172b-0000-4000-8000-000000000002",
	oid: "o-1",
	scp: "Orders.Read",
	sub: "pairwise",
	tid: TENANT,
	uti: "u-1",
	ver: "2.0",
};
const okta = {
	ver: 1,
	jti: "AT.1",
	cid: "0oa1",
	uid: "00u1",
	scp: ["orders:read"],
	auth_time: 1,
	sub: "alice@example.org",
};
const auth0 = { sub: "auth0|1", azp: "client", scope: "openid orders:read", gty: "password" };
const cognito = {
	token_use: "access",
	client_id: "c1",
	username: "alice",
	jti: "c-1",
	scope: "api/read",
	origin_jti: "o",
	event_id: "e",
};

export const providers: readonly TokenCase[] = [
	accepted(22, "Keycloak, access token", of("keycloak", keycloak), {
		id: "onrtac:7b6f",
		scopes: ["profile", "orders:read"],
	}),
	refused(22, "Keycloak, ID token", "not_access_token", of("keycloak", { ...keycloak, typ: "ID", scope: undefined })),
	refused(22, "Keycloak, refresh token", "not_access_token", of("keycloak", { ...keycloak, typ: "Refresh" })),
	refused(22, "Keycloak, without an audience mapper", "audience", of("keycloak", { ...keycloak, aud: "account" })),

	accepted(22, "Entra ID, access token of v2.0", of("entra", entra), {
		id: "u-1",
		subject: "o-1",
		scopes: ["Orders.Read"],
	}),
	refused(22, "Entra ID, ID token", "not_access_token", of("entra", { ...entra, scp: undefined, nonce: "n" })),
	refused(22, "Entra ID, ID token without nonce", "not_access_token", of("entra", { ...entra, scp: undefined })),
	refused(22, "Entra ID, of another tenant", "tenant", of("entra", { ...entra, tid: "another" })),

	accepted(22, "Okta, access token of a custom authorization server", of("okta", okta, { typ: undefined }), {
		id: "AT.1",
		subject: "00u1",
		scopes: ["orders:read"],
	}),
	refused(
		22,
		"Okta, ID token",
		"not_access_token",
		of("okta", { ver: 1, jti: "ID.1", amr: ["pwd"], uid: "00u1", at_hash: "h" }, { typ: undefined }),
	),

	accepted(
		22,
		"Auth0, its RFC 9068 profile",
		(world) =>
			world.tokenOf(
				"auth0",
				{ ...auth0, azp: undefined, gty: undefined, client_id: "client", jti: "a-1" },
				{ typ: "at+jwt" },
			),
		{ id: "a-1", subject: "auth0|1" },
	),
	refused(22, "Auth0, its own profile, by rfc9068", "type", of("auth0", auth0)),

	accepted(22, "Cognito, access token bound to a resource", of("cognito", cognito, { typ: undefined }), {
		id: "c-1",
		scopes: ["api/read"],
	}),
	refused(
		22,
		"Cognito, access token without audience",
		"audience",
		of("cognito", { ...cognito, aud: undefined }, { typ: undefined }),
	),
	refused(
		22,
		"Cognito, ID token",
		"not_access_token",
		of("cognito", { ...cognito, token_use: "id", scope: undefined }, { typ: undefined }),
	),

	refused(
		22,
		"Google, ID token of a user",
		"not_access_token",
		of("google", { azp: "c", at_hash: "h", email: "alice@example.org", email_verified: true }),
	),
	refused(
		22,
		"Google, ID token of a service account",
		"not_access_token",
		of("google", { azp: "1", email: "x@y.iam.gserviceaccount.com", email_verified: true }),
	),
];
