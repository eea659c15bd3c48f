import { type Arguments, JWKS } from "./calls.ts";

/** A call that is refused at once: what is wrong with it, and how the error says so. */
export interface BadCall {
	readonly name: string;
	readonly args: Arguments;
	/** `kind name, argument: cause`, or how the message begins. */
	readonly message: string;
	readonly hint: RegExp;
	/** SQLSTATE, 23514 (check_violation) when absent. */
	readonly code?: string;
}

const DOMAIN = { name: "d", owner: "platform" };
const ISSUER = { url: "https://i.example.org", domain: "internal", audiences: ["a"], jwks: JWKS };
const SEGMENT = { name: "s", domain: "internal", environment: "prod", owner: "platform", members: [] };
const CROSSING = {
	name: "c",
	owner: "platform",
	reason: "why",
	expires: "2036-01-01",
	source_domain: "public",
	destination_domain: "partner",
};
const LIMIT = { kind: "segment", name: "payments", per_second: 1, burst: 1 };

export const bad = (
	name: string,
	base: Arguments,
	change: Arguments,
	message: string,
	hint: RegExp = /./,
	code?: string,
): BadCall => ({ name, args: { ...base, ...change }, message, hint, ...(code !== undefined && { code }) });

export const MISSING = [/it has no default: state it/, "23502"] as const;
const FLOW_WORDS = /^write one of mtls, token, mtls\+token, mtls\+bound-token$/;
const NAMES = /^use letters, digits,/;
const LONG = "x".repeat(254);

/** All kinds but policies, for which see policy-refusals.ts. */
export const BAD_CALLS: readonly BadCall[] = [
	bad("owner", {}, { name: null }, "owner (no name), name: is missing", ...MISSING),
	bad("owner", {}, { name: "" }, 'owner (no name), name: "" is no name of an owner', NAMES),
	bad("owner", {}, { name: "../x" }, 'owner ../x, name: "../x" is no name of an owner', NAMES),
	bad("owner", {}, { name: "a/b" }, 'owner a/b, name: "a/b" is no name of an owner', NAMES),
	bad("owner", {}, { name: LONG }, `owner ${LONG}, name: `, NAMES),
	bad(
		"owner",
		{},
		{ name: "x", role: "nobody-at-all" },
		'owner x, role: "nobody-at-all" does not exist in this cluster',
		/^first run: create role "nobody-at-all" nologin in role firebreak_author$/,
		"42704",
	),

	bad("domain", DOMAIN, { owner: null }, "domain d, owner: is missing", ...MISSING),
	bad("domain", DOMAIN, { name: "anonymous" }, 'domain anonymous, name: "anonymous" is reserved', NAMES),
	bad("domain", DOMAIN, { name: "*" }, 'domain *, name: "*" is reserved', NAMES),
	bad(
		"domain",
		DOMAIN,
		{ name: "spiffe://a/b" },
		'domain spiffe://a/b, name: "spiffe://a/b" is a workload, not a name',
	),
	bad("domain", DOMAIN, { name: "a b" }, 'domain a b, name: "a b" is no name', NAMES),
	bad("domain", DOMAIN, { name: "-a" }, 'domain -a, name: "-a" is no name', NAMES),
	bad("domain", DOMAIN, { name: LONG }, `domain ${LONG}, name: "${LONG.slice(0, 120)}"... is longer than 253 bytes`),
	bad("domain", DOMAIN, { flow: "tls" }, 'domain d, flow: "tls" is not known', FLOW_WORDS),
	bad("domain", DOMAIN, { flow: "MTLS" }, 'domain d, flow: "MTLS" is not known', FLOW_WORDS),
	bad(
		"domain",
		DOMAIN,
		{ passport: "no" },
		'domain d, passport: "no" is not known',
		/^write one of optional, required$/,
	),
	bad("domain", DOMAIN, { on_stale: "pass" }, 'domain d, on_stale: "pass" is not known', /deny, bound_only, allow$/),
	bad("domain", DOMAIN, { audit: "none" }, 'domain d, audit: "none" is not known', /full, denials$/),
	bad("domain", DOMAIN, { mode: "off" }, 'domain d, mode: "off" is not known', /enforce, monitor$/),

	bad("issuer", ISSUER, { domain: null }, "issuer https://i.example.org, domain: is missing", ...MISSING),
	...[
		"http://i.example.org",
		"https://i.example.org/?a",
		"https://i.example.org/#a",
		"ftp://i",
		"https://u@i",
		"i",
		"https://",
	].map((url) => bad("issuer", ISSUER, { url }, `issuer ${url}, url: is no issuer URL`, /https/)),
	bad("issuer", ISSUER, { url: "spiffe://td" }, "issuer spiffe://td, url: is no issuer URL"),
	bad("issuer", ISSUER, { profile: "jwt" }, 'issuer https://i.example.org, profile: "jwt" is not known', /jwt_svid/),
	bad("issuer", ISSUER, { audiences: [] }, "issuer https://i.example.org, audiences: is empty", /name the audiences/),
	bad("issuer", ISSUER, { audiences: ["a b"] }, 'issuer https://i.example.org, audiences: "a b" is no audience', /aud/),
	bad("issuer", ISSUER, { audiences: [null] }, "issuer https://i.example.org, audiences: has an element that is null"),
	bad("issuer", ISSUER, { algorithms: [] }, "issuer https://i.example.org, algorithms: is empty", /ES256/),
	...["HS256", "none", "RS1", "es256"].map((algorithm) =>
		bad(
			"issuer",
			ISSUER,
			{ algorithms: ["ES256", algorithm] },
			`issuer https://i.example.org, algorithms: "${algorithm}" is no asymmetric signature algorithm`,
			/PS512/,
		),
	),
	bad("issuer", ISSUER, { max_lifetime: "0" }, "issuer https://i.example.org, max_lifetime: is not between", /1 hour/),
	bad("issuer", ISSUER, { max_lifetime: "-1 hour" }, "issuer https://i.example.org, max_lifetime: is not between"),
	bad("issuer", ISSUER, { max_lifetime: "367 days" }, "issuer https://i.example.org, max_lifetime: is not between"),
	bad("issuer", ISSUER, { binding: "tls" }, 'issuer https://i.example.org, binding: "tls" is not known', /dpop/),
	bad("issuer", ISSUER, { jwks: null }, "issuer https://i.example.org, jwks: is missing, and so is jwks_uri"),
	bad("issuer", ISSUER, { jwks_uri: "https://k" }, "issuer https://i.example.org, jwks: and jwks_uri are both given"),
	bad(
		"issuer",
		ISSUER,
		{ jwks: null, jwks_uri: "http://k" },
		'issuer https://i.example.org, jwks_uri: "http://k" is no URL',
	),
	bad("issuer", ISSUER, { jwks: { keys: [] } }, "issuer https://i.example.org, jwks: is no JWK Set"),
	bad("issuer", ISSUER, { jwks: {} }, "issuer https://i.example.org, jwks: is no JWK Set"),
	bad("issuer", ISSUER, { jwks: '"x"' }, "issuer https://i.example.org, jwks: is no JWK Set"),
	bad(
		"issuer",
		ISSUER,
		{ profile: "api_key" },
		"issuer https://i.example.org, jwks: is given, but API keys carry no signature",
	),
	bad(
		"issuer",
		ISSUER,
		{ options: { signer: "firebreak" } },
		"issuer https://i.example.org, jwks: is given, but Firebreak signs these tokens",
	),
	bad(
		"issuer",
		ISSUER,
		{ jwks: null, jwks_uri: "https://k", options: { signer: "firebreak" } },
		"issuer https://i.example.org, jwks_uri: is given, but Firebreak signs these tokens",
	),
	bad(
		"issuer",
		ISSUER,
		{ jwks: null, options: { signer: "another" } },
		"issuer https://i.example.org, jwks: is missing, and so is jwks_uri",
	),
	bad("issuer", ISSUER, { options: "[]" }, "issuer https://i.example.org, options: is no JSON object"),
	bad(
		"issuer",
		ISSUER,
		{ options: { a: "x".repeat(16_384) } },
		"issuer https://i.example.org, options: is no JSON object of",
	),

	bad("segment", SEGMENT, { members: null }, "segment s, members: is missing", ...MISSING),
	...[
		"https://api.example.org/",
		"https://API.example.org",
		"https://api.example.org:443",
		"http://a:80",
		"//a",
		"a",
		"",
	].map((origin) =>
		bad(
			"segment",
			SEGMENT,
			{ origins: ["https://api.example.org", origin] },
			`segment s, origins: "${origin}" is no origin`,
			/^write scheme and host in lower case, such as https:\/\/api\.example\.org/,
		),
	),
	bad("segment", SEGMENT, { origins: [["https://a"]] }, "segment s, origins: "),
	bad("segment", SEGMENT, { environment: null }, "segment s, environment: is missing", ...MISSING),
	bad("segment", SEGMENT, { environment: "*" }, 'segment s, environment: "*" is reserved', NAMES),
	bad(
		"segment",
		SEGMENT,
		{ credential_upstream: "drop" },
		'segment s, credential_upstream: "drop" is not known',
		/keep, strip$/,
	),
	bad(
		"segment",
		SEGMENT,
		{ path_exceptions: ["dots"] },
		'segment s, path_exceptions: "dots" is not known',
		/encoded_slash, semicolon, utf8$/,
	),
	bad(
		"segment",
		SEGMENT,
		{ probes: ["/healthz/*"] },
		'segment s, probes: "/healthz/*" is not one exact path',
		/\/healthz$/,
	),
	bad("segment", SEGMENT, { probes: ["healthz"] }, 'segment s, probes: "healthz" does not begin with a slash'),
	bad(
		"segment",
		SEGMENT,
		{ members: Array(10_001).fill("spiffe://a/b") },
		"segment s, members: has 10001 elements",
		/at most 10000/,
	),
	...[
		"spiffe://a",
		"spiffe://a/",
		"spiffe://a/b/",
		"spiffe://a//b",
		"spiffe://a/./b",
		"spiffe://a/..",
		"spiffe://A/b",
		"SPIFFE://a/b",
		"spiffe://a:1/b",
		"spiffe://u@a/b",
		"spiffe://a/b%20",
		"spiffe://a/b?c",
		"spiffe://a/b*",
		"spiffe://a/*/b",
		"spiffe://*/b",
		"spiffe:///b",
		"https://a/b",
		"*",
		"",
		`spiffe://${"a".repeat(256)}/b`,
		`spiffe://a/${"b".repeat(2_048)}`,
	].map((member) =>
		bad(
			"segment",
			SEGMENT,
			{ members: [member] },
			"segment s, members: ",
			/^write spiffe:\/\/trust-domain\/path, exact or ending in \/\*/,
		),
	),

	bad("crossing", CROSSING, { expires: null }, "crossing c, expires: is missing", ...MISSING),
	bad("crossing", CROSSING, { reason: null }, "crossing c, reason: is missing", ...MISSING),
	bad("crossing", CROSSING, { reason: " " }, "crossing c, reason: is empty"),
	bad("crossing", CROSSING, { reason: "x".repeat(1_025) }, "crossing c, reason: is longer than 1024 bytes"),
	bad("crossing", CROSSING, { expires: "infinity" }, "crossing c, expires: is infinite", /the day it ends/),
	bad("crossing", CROSSING, { flow: "none" }, 'crossing c, flow: "none" is not known', FLOW_WORDS),
	bad(
		"crossing",
		CROSSING,
		{ source_environment: "prod" },
		"crossing c, destination_environment: is missing while",
		/state both/,
	),
	bad(
		"crossing",
		CROSSING,
		{ destination_environment: "prod" },
		"crossing c, source_environment: is missing while",
		/state both/,
	),
	bad("crossing", CROSSING, { destination_domain: "public" }, "crossing c, destination_domain: is the source's too"),
	bad(
		"crossing",
		CROSSING,
		{ destination_domain: "public", source_environment: "prod", destination_environment: "prod" },
		"crossing c, destination_domain: is the source's too",
		/another domain or another environment/,
	),
	bad(
		"accept_crossing",
		{},
		{ name: "absent", owner: "platform" },
		"crossing absent, name: does not exist",
		/let the other side/,
		"23503",
	),
	bad(
		"accept_crossing",
		{},
		{ name: "web-to-internal", owner: "orders" },
		'crossing web-to-internal, owner: "orders" does not own domain internal',
		/^only its owner, platform, can accept$/,
		"42501",
	),

	bad("rate_limit", LIMIT, { burst: null }, "rate_limit segment:payments, burst: is missing", ...MISSING),
	bad(
		"rate_limit",
		LIMIT,
		{ kind: "owner" },
		'rate_limit owner:payments, kind: "owner" is not known',
		/source, domain, segment, token$/,
	),
	...["0", "-1", "NaN", "Infinity", "1000001"].map((per_second) =>
		bad("rate_limit", LIMIT, { per_second }, `rate_limit segment:payments, per_second: ${per_second} is not between`),
	),
	bad("rate_limit", LIMIT, { burst: 0 }, "rate_limit segment:payments, burst: 0 is not between"),

	bad("remove", {}, { kind: "policy", name: null }, "object (no name), name: is missing", ...MISSING),
	bad(
		"remove",
		{},
		{ kind: "allow", name: "p" },
		'object p, kind: "allow" is not known',
		/owner, domain, issuer, segment, crossing, policy, rate_limit$/,
	),
	bad(
		"remove",
		{},
		{ kind: "rate_limit", name: "payments" },
		"rate_limit payments, name: does not begin with a kind",
		/segment:payments/,
	),

	bad(
		"revoke_token",
		{},
		{ issuer: "i", token_id: "t", reason: "r" },
		'revoke_token i, issuer: "i" is no issuer URL',
		/iss/,
	),
	bad(
		"revoke_token",
		{},
		{ issuer: "https://i", token_id: "", reason: "r" },
		"revoke_token (no name), token_id: is empty",
		/never the token/,
	),
	bad(
		"revoke_token",
		{},
		{ issuer: "https://i", token_id: "t", reason: null },
		"revoke_token https://i t, reason: is missing",
		...MISSING,
	),
	bad(
		"revoke_token",
		{},
		{ issuer: "https://i", token_id: "t", reason: "" },
		"revocation https://i t, reason: is empty",
	),
	bad(
		"revoke_before",
		{},
		{ issuer: "https://i", issued_before: "infinity", reason: "r" },
		"revoke_before https://i, issued_before: is infinite",
	),
	bad(
		"revoke_before",
		{},
		{ issuer: "https://i", issued_before: null, reason: "r" },
		"revoke_before https://i, issued_before: is missing",
		...MISSING,
	),
	bad(
		"revoke_before",
		{},
		{ issuer: "https://i", issued_before: "2026-01-01", reason: "r", subject: "" },
		"revoke_before https://i, subject: is empty",
	),
	bad(
		"quarantine",
		{},
		{ kind: "pod", name: "x", reason: "r" },
		'quarantine x, kind: "pod" is not known',
		/workload, segment, domain, issuer, key$/,
	),
	bad(
		"quarantine",
		{},
		{ kind: "workload", name: "spiffe://a/*", reason: "r" },
		"quarantine spiffe://a/*, name: is no SPIFFE ID",
	),
	bad(
		"quarantine",
		{},
		{ kind: "key", name: "abc", reason: "r" },
		"quarantine abc, name: is no JWK thumbprint",
		/RFC 7638/,
	),
	bad("quarantine", {}, { kind: "segment", name: "*", reason: "r" }, 'quarantine *, name: "*" is reserved'),
	bad("lift", {}, { kind: "pod", name: "x", reason: "r" }, 'lift x, kind: "pod" is not known'),
];
