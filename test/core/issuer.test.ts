import { describe, expect, test } from "@jest/globals";
import { jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { issuerAlgorithms, lintIssuer, readIssuerOptions } from "../../src/core/issuer.ts";
import type { IssuerRow } from "../../src/core/model.ts";

const row: IssuerRow = {
	url: "https://issuer.example.org",
	domain: "internal",
	profile: "rfc9068",
	audiences: ["payments"],
	algorithms: ["ES256", "EdDSA", "RS256"],
	max_lifetime: 3600,
	binding: "none",
	jwks_uri: "https://issuer.example.org/jwks",
	jwks: null,
	options: {},
};
const fields = (over: Partial<IssuerRow>) => lintIssuer({ ...row, ...over }).map(({ field }) => field);

describe("lintIssuer", () => {
	test.each<[string, Partial<IssuerRow>]>([
		["as it stands", {}],
		[
			"oidc",
			{ profile: "oidc", options: { scope_claim: "scp", scope_array: true, id_claim: "uti", subject_claim: "oid" } },
		],
		["oidc with tenants", { profile: "oidc", options: { tenant_claim: "tid", tenants: ["t1"] } }],
		["jwt_svid by its url", { profile: "jwt_svid", url: "spiffe://td" }],
		["jwt_svid by its option", { profile: "jwt_svid", options: { trust_domain: "td" } }],
		["jwt_svid by both", { profile: "jwt_svid", url: "spiffe://td", options: { trust_domain: "td" } }],
		["kubernetes", { profile: "kubernetes", options: { namespaces: ["orders"], require_pod: false } }],
		["purposes", { options: { purposes: ["export"] } }],
		["a nonce for proofs", { options: { dpop_nonce: true } }],
		["Firebreak as the signer", { options: { signer: "firebreak" }, jwks_uri: null }],
		["options of a profile that it does not know", { profile: "paseto" as "oidc", options: { anything: 1 } }],
		["keys of Firebreak's own making", { profile: "api_key", algorithms: [], jwks_uri: null }],
	])("takes %s", (_, over) => {
		expect(lintIssuer({ ...row, ...over })).toEqual([]);
	});

	test.each<[string, Partial<IssuerRow>, string]>([
		["a MAC", { algorithms: ["HS256"] }, "algorithms"],
		["none", { algorithms: ["ES256", "none"] }, "algorithms"],
		["no algorithm", { algorithms: [] }, "algorithms"],
		[
			"no algorithm that JWT-SVIDs know",
			{ profile: "jwt_svid", url: "spiffe://td", algorithms: ["EdDSA"] },
			"algorithms",
		],
		["plain http", { jwks_uri: "http://issuer.example.org/jwks" }, "jwks_uri"],
		["a bad inline set of any profile", { profile: "kubernetes", jwks_uri: null, jwks: { keys: [] } }, "jwks"],
		["a bad inline set", { jwks_uri: null, jwks: { keys: [] } }, "jwks"],
		["an unknown option", { options: { scope_claim: "scp" } }, "options"],
		["a claim that is no text", { profile: "oidc", options: { id_claim: 1 } }, "options"],
		["an empty claim", { profile: "oidc", options: { subject_claim: "" } }, "options"],
		["scope_array that is no boolean", { profile: "oidc", options: { scope_array: "yes" } }, "options"],
		["a tenant claim alone", { profile: "oidc", options: { tenant_claim: "tid" } }, "options"],
		["tenants alone", { profile: "oidc", options: { tenants: ["a"] } }, "options"],
		["no tenants", { profile: "oidc", options: { tenant_claim: "tid", tenants: [] } }, "options"],
		["jwt_svid of no trust domain", { profile: "jwt_svid" }, "options"],
		["a malformed trust domain", { profile: "jwt_svid", options: { trust_domain: "TD" } }, "options"],
		["a path for a trust domain", { profile: "jwt_svid", options: { trust_domain: "td/a" } }, "options"],
		["no keys", { jwks_uri: null }, "jwks"],
		["keys in two places", { jwks: jwksOf(makeSigningKey("ES256", "k")) }, "jwks"],
		["keys of API keys", { profile: "api_key" }, "jwks"],
		["keys of an issuer that Firebreak signs for", { options: { signer: "firebreak" } }, "jwks"],
		["another signer", { options: { signer: "vault" } }, "options"],
		["a signer of another profile", { profile: "oidc", options: { signer: "firebreak" } }, "options"],
		["namespaces that are no list", { profile: "kubernetes", options: { namespaces: "orders" } }, "options"],
		["no namespaces", { profile: "kubernetes", options: { namespaces: [] } }, "options"],
		["require_pod that is no boolean", { profile: "kubernetes", options: { require_pod: "no" } }, "options"],
		["purposes that are no texts", { options: { purposes: [1] } }, "options"],
		["an option of another profile", { profile: "kubernetes", options: { scope_claim: "scp" } }, "options"],
		["two trust domains", { profile: "jwt_svid", url: "spiffe://a", options: { trust_domain: "b" } }, "options"],
	])("refuses %s", (_, over, field) => {
		expect(fields(over)).toEqual([field]);
	});
});

test("options have defaults", () => {
	expect(readIssuerOptions({ ...row, profile: "oidc" })).toEqual({
		options: {
			scopeClaim: "scope",
			scopeArray: false,
			idClaim: null,
			subjectClaim: "sub",
			tenant: null,
			trustDomain: null,
			namespaces: null,
			requirePod: true,
			purposes: null,
			nonce: false,
		},
		problems: [],
	});
});

test("algorithms count by one name, and JWT-SVIDs know fewer", () => {
	const algorithms = ["Ed25519", "ES256", "HS256"];
	expect(issuerAlgorithms({ ...row, algorithms })).toEqual(["EdDSA", "ES256"]);
	expect(issuerAlgorithms({ ...row, profile: "jwt_svid", algorithms })).toEqual(["ES256"]);
});
