/** Whose a token is, what for, and where it may be used. Cases 39 and 40, and 28, 31 and 38 of Firebreak's own tokens. */
import { makeSigningKey, type SigningKey, signToken } from "../../../demo/tokens.ts";
import type { CredentialDemand } from "../../../src/authn/authenticator.ts";
import { formatApiKey } from "../../../src/core/api-key.ts";
import type { LaneEffect } from "../../../src/core/lane/entries.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import type { PassportJson, WindowJson } from "../../../src/core/passport/passport.ts";
import type { TokenFacts } from "../../../src/core/request.ts";
import { digestOfApiKey } from "../../../src/issuing/api-key.ts";
import { CERTIFICATE } from "../../authn/vectors/rfc.ts";
import { OWN_KEY, type TokenWorld } from "../../support/tokens.ts";
import type { TokenCase } from "./case.ts";

const MAIN = "https://id.example.org";
const HASH = CERTIFICATE.thumbprint;
const OTHER_HASH = "A".repeat(43);
const WORKLOAD = "spiffe://prod.example.org/ns/orders/sa/orders";
const LEAST = { owner: "team-orders", purpose: "nightly export" };
/** The tests' clock shows a Thursday, 20:26:40 UTC. */
const NOW = 1_780_000_000;
const OPEN: WindowJson = { days: ["thu"], from: "20:00", until: "21:00", zone: "UTC" };

/** Restrictions with their allowing and their denying side, for an orders workload that calls payments from 10.1.2.3. */
const RESTRICTIONS: readonly [fault: string, keeps: Partial<PassportJson>, breaks: Partial<PassportJson>][] = [
	["environment", { environment: "prod" }, { environment: "staging" }],
	["source", { sources: ["web", "orders"] }, { sources: ["web"] }],
	["source", { sources: [WORKLOAD] }, { sources: [`${WORKLOAD}-2`] }],
	["destination", { destinations: ["payments"] }, { destinations: ["orders", "payment"] }],
	["network", { networks: ["192.0.2.0/24", "10.0.0.0/8"] }, { networks: ["192.0.2.0/24"] }],
	["network", { networks: ["::ffff:10.0.0.0/104"] }, { networks: ["::/0"] }],
	["device", { device: HASH }, { device: OTHER_HASH }],
	["window", { windows: [OPEN] }, { windows: [{ ...OPEN, days: ["fri"] }] }],
	["window", { windows: [{ ...OPEN, until: "06:00" }] }, { windows: [{ ...OPEN, until: "20:26" }] }],
	[
		"window",
		{ windows: [{ ...OPEN, zone: "Asia/Tokyo", days: ["fri"], from: "05:00", until: "06:00" }] },
		{ windows: [{ ...OPEN, zone: "Asia/Tokyo" }] },
	],
];
const numberOf = (fault: string) => (fault === "window" ? 40 : 39);
/** The caller's certificate is that of RFC 8705's example. */
const USE: CredentialDemand["use"] = {
	principal: WORKLOAD,
	source: { name: "orders", environment: "prod" },
	destination: { name: "payments", environment: "prod" },
	address: "10.1.2.3",
	certificateHash: HASH,
};

function laneOf(...rows: readonly Pick<LaneEffect, "kind" | "payload">[]): Lane {
	const lane = new Lane();
	for (const row of [...rows, DOMAIN_KEY]) lane.restore({ until: null, ...row });
	return lane;
}

const domainKey = (key: SigningKey, domain: string) => ({
	kind: "domain_key",
	payload: { domain, kid: key.kid, jwk: key.jwk, from: 1 },
});
const DOMAIN_KEY = domainKey(OWN_KEY, "internal");
const REVOKED = { kind: "revoke_token", payload: { issuer: "https://own.example.org", token_id: "token-1" } };
const ANNOUNCED = makeSigningKey("EdDSA", "own-2");
const PARTNERS = makeSigningKey("ES256", "partner-1");
/** The same name in another domain. */
const PARTNERS_TWIN = makeSigningKey("ES256", OWN_KEY.kid);

/** A token that Firebreak signed for the domain `internal`. */
const own =
	(claim: unknown, key = OWN_KEY, over: object = {}) =>
	(world: TokenWorld) =>
		signToken(key, world.claims({ iss: "https://own.example.org", sub: WORKLOAD, firebreak: claim, ...over }));
const claim = (passport: Partial<PassportJson> = {}) => ({ kind: "workload", ...LEAST, ...passport });
const good = own(claim());

/** A token of an issuer that knows nothing of Firebreak, registered with restrictions. */
const registered = (passport: object = {}, over: object = {}) => ({
	kind: "passport",
	payload: {
		issuer: MAIN,
		token_id: "token-1",
		expires: NOW + 60,
		scopes: [],
		passport: { ...LEAST, ...passport },
		...over,
	},
});
const main = (world: TokenWorld) => world.token();

const KEY = formatApiKey(Buffer.alloc(32, 1));
const apiKey = (passport: object = {}, over: object = {}) => ({
	kind: "api_key",
	payload: {
		issuer: "https://keys.example.org",
		token_id: "key-1",
		digest: digestOfApiKey(KEY),
		subject: "billing",
		issued_at: NOW - 600,
		expires: NOW + 600,
		scopes: ["a"],
		passport: { ...LEAST, ...passport },
		...over,
	},
});
const key = () => KEY;

const passes = (
	no: number,
	name: string,
	present: TokenCase["present"],
	demand: Partial<CredentialDemand>,
	facts: Partial<TokenFacts> = {},
): TokenCase => ({ no, name, present, demand: { use: USE, ...demand }, expect: facts });
const fails = (
	no: number,
	name: string,
	present: TokenCase["present"],
	demand: Partial<CredentialDemand>,
	expect: TokenCase["expect"],
): TokenCase => ({ no, name, present, demand: { use: USE, ...demand }, expect });

const OWNED = { owner: LEAST.owner, purpose: LEAST.purpose };

const restrictions = RESTRICTIONS.flatMap(([fault, keeps, breaks]): TokenCase[] => {
	const no = numberOf(fault);
	const expect = ["passport_context", fault] as const;
	const told = (passport: object) => JSON.stringify(passport);
	return [
		passes(no, `our own token keeps ${told(keeps)}`, own(claim(keeps)), { lane: laneOf() }, OWNED),
		fails(no, `our own token breaks ${told(breaks)}`, own(claim(breaks)), { lane: laneOf() }, expect),
		passes(no, `a registered token keeps ${told(keeps)}`, main, { lane: laneOf(registered(keeps)) }, OWNED),
		fails(no, `a registered token breaks ${told(breaks)}`, main, { lane: laneOf(registered(breaks)) }, expect),
		passes(no, `an API key keeps ${told(keeps)}`, key, { lane: laneOf(apiKey(keeps)) }, OWNED),
		fails(no, `an API key breaks ${told(breaks)}`, key, { lane: laneOf(apiKey(breaks)) }, expect),
	];
});

const nobody = { ...USE, certificateHash: null };

const ownTokens: readonly TokenCase[] = [
	passes(39, "our own token, as it is issued", good, { lane: laneOf() }, { ...OWNED, subjectKind: "workload" }),
	passes(39, "our own token of a user", own({ ...claim(), kind: "user" }), { lane: laneOf() }, { subjectKind: "user" }),
	...[
		undefined,
		null,
		"x",
		[],
		{},
		{ ...claim(), kind: "robot" },
		{ ...LEAST },
		claim({ owner: "" }),
		{ ...claim(), moon: 1 },
	].map(
		(wrong): TokenCase =>
			fails(22, `our own token with the claim ${JSON.stringify(wrong)}`, own(wrong), { lane: laneOf() }, [
				"token_invalid",
				"claims",
			]),
	),
	passes(
		39,
		"a claim firebreak of another issuer says nothing",
		(world) => world.token({ firebreak: claim({ sources: ["web"] }) }),
		{ lane: laneOf() },
		{ owner: null, purpose: null },
	),
	fails(
		39,
		"our own token's device, and the caller has no certificate",
		own(claim({ device: HASH })),
		{ lane: laneOf(), use: nobody },
		["passport_context", "device"],
	),
	passes(28, "signed with a key that is only announced", own(claim(), ANNOUNCED), {
		lane: laneOf({ kind: "domain_key", payload: { ...domainKey(ANNOUNCED, "internal").payload, from: NOW + 600 } }),
	}),
	fails(28, "signed with a key that was withdrawn", own(claim(), ANNOUNCED), { lane: withdrawn() }, [
		"token_invalid",
		"key_unknown",
	]),
	fails(
		31,
		"signed with the key of another domain",
		own(claim(), PARTNERS),
		{ lane: laneOf(domainKey(PARTNERS, "partner")) },
		["token_invalid", "key_unknown"],
	),
	fails(
		31,
		"signed with another domain's key of the same name",
		own(claim(), PARTNERS_TWIN),
		{ lane: laneOf(domainKey(PARTNERS_TWIN, "partner")) },
		["token_invalid", "signature"],
	),
	fails(38, "our own token, revoked", good, { lane: laneOf(REVOKED) }, ["token_revoked", "token"]),
	passes(38, "our own token, to be revoked later", good, {
		lane: laneOf({ ...REVOKED, payload: { ...REVOKED.payload, from: NOW + 1 } }),
	}),
	fails(
		38,
		"our own token, retired at this instant",
		good,
		{ lane: laneOf({ ...REVOKED, payload: { ...REVOKED.payload, from: NOW } }) },
		["token_revoked", "token"],
	),
	fails(38, "revoked and used elsewhere is revoked", own(claim({ sources: ["web"] })), { lane: laneOf(REVOKED) }, [
		"token_revoked",
		"token",
	]),
];

function withdrawn(): Lane {
	const lane = laneOf();
	lane.restore({ ...domainKey(ANNOUNCED, "internal"), until: NOW * 1_000 });
	return lane;
}

const purposeful = (world: TokenWorld) => world.tokenOf("purposeful", { client_id: "web" }, { typ: "at+jwt" });
const registeredFor = (purpose: string) => registered({ purpose }, { issuer: "https://purposeful.example.org" });

const registrations: readonly TokenCase[] = [
	passes(
		39,
		"a registered token, as it is",
		main,
		{ lane: laneOf(registered()) },
		{ ...OWNED, scopes: ["a", "b"], allScopes: ["a", "b"] },
	),
	passes(
		39,
		"a registered token has only the scopes it is registered with",
		main,
		{ lane: laneOf(registered({}, { scopes: ["b", "c"] })) },
		{ scopes: ["b"], allScopes: ["a", "b"] },
	),
	{
		...passes(17, "a scope that the registration takes away lets nothing pass", main, {
			lane: laneOf(registered({}, { scopes: ["b"] })),
		}),
		scopes: ["a"],
		service: ["scope_missing", null],
	},
	{
		...passes(39, "a scope that the registration leaves lets pass", main, {
			lane: laneOf(registered({}, { scopes: ["b"] })),
		}),
		scopes: ["b"],
		service: ["allowed", null],
	},
	{
		...passes(39, "a deny knows a token by a scope that its registration takes away", main, {
			lane: laneOf(registered({}, { scopes: ["b"] })),
		}),
		scopes: ["b"],
		deniedScopes: ["a"],
		service: ["policy_denied", null],
	},
	{
		...passes(39, "a deny on a scope that the token never had", main, {
			lane: laneOf(registered({}, { scopes: ["b", "c"] })),
		}),
		scopes: ["b"],
		deniedScopes: ["c"],
		service: ["allowed", null],
	},
	passes(
		39,
		"another token is registered",
		main,
		{ lane: laneOf(registered({ sources: ["web"] }, { token_id: "token-2" })) },
		{ owner: null },
	),
	passes(
		39,
		"the same id of another issuer is registered",
		main,
		{ lane: laneOf(registered({ sources: ["web"] }, { issuer: "https://other.example.org" })) },
		{ owner: null },
	),
	passes(40, "a registered token before its end", main, { lane: laneOf(registered({}, { expires: NOW + 0.001 })) }),
	fails(
		40,
		"a registered token at its end, though it lives on itself",
		main,
		{ lane: laneOf(registered({}, { expires: NOW })) },
		["passport_context", "expired"],
	),
	passes(40, "a registered token from its beginning on", main, { lane: laneOf(registered({}, { not_before: NOW })) }),
	fails(
		40,
		"a registered token before its beginning",
		main,
		{ lane: laneOf(registered({}, { not_before: NOW + 0.001 })) },
		["passport_context", "not_yet_valid"],
	),
	fails(
		39,
		"a registered token whose restrictions are not understood",
		main,
		{ lane: laneOf(registered({ moon: "full" })) },
		["passport_context", "unreadable"],
	),
	passes(39, "a registered token with the certificate that it is registered with", main, {
		lane: laneOf(registered({}, { binding: { "x5t#S256": HASH } })),
	}),
	fails(
		39,
		"a registered token with another certificate",
		main,
		{ lane: laneOf(registered({}, { binding: { "x5t#S256": OTHER_HASH } })) },
		["passport_context", "device"],
	),
	fails(
		39,
		"a registered token without the proof of the key that it is registered with",
		main,
		{ lane: laneOf(registered({}, { binding: { jkt: OTHER_HASH } })) },
		["passport_context", "device"],
	),
	fails(
		39,
		"a registered token that is registered with something unknown",
		main,
		{ lane: laneOf(registered({}, { binding: { moon: "full" } })) },
		["passport_context", "unreadable"],
	),
	fails(39, "required, and there is none", main, { lane: laneOf(), passport: "required" }, [
		"passport_missing",
		"absent",
	]),
	passes(39, "required, and it is registered", main, { lane: laneOf(registered()), passport: "required" }),
	passes(39, "required, and the token carries it", good, { lane: laneOf(), passport: "required" }),
	passes(39, "required, and the API key has it", key, { lane: laneOf(apiKey()), passport: "required" }),
	fails(
		39,
		"required, and a token without id cannot be registered",
		(world) => world.tokenOf("login", { jti: undefined }),
		{ lane: laneOf(), passport: "required" },
		["passport_missing", "absent"],
	),
	passes(39, "for a purpose that the issuer's options name", purposeful, { lane: laneOf(registeredFor("export")) }),
	fails(39, "for another purpose", purposeful, { lane: laneOf(registeredFor("import")) }, [
		"passport_context",
		"purpose",
	]),
	fails(39, "for no purpose that anybody knows", purposeful, { lane: laneOf() }, ["passport_context", "purpose"]),
];

const CERTIFICATE_BOUND = { binding: { "x5t#S256": HASH } };

const apiKeys: readonly TokenCase[] = [
	passes(
		22,
		"an API key",
		key,
		{ lane: laneOf(apiKey()) },
		{
			...OWNED,
			issuer: "https://keys.example.org",
			id: "key-1",
			subject: "billing",
			subjectKind: "client",
			scopes: ["a"],
			bound: null,
		},
	),
	passes(
		22,
		"an API key of a workload",
		key,
		{ lane: laneOf(apiKey({}, { subject: WORKLOAD })) },
		{ subjectKind: "workload" },
	),
	fails(22, "an API key that nobody issued", key, { lane: laneOf() }, ["token_invalid", "unknown_key"]),
	fails(
		22,
		"an API key whose issuer is of another domain",
		key,
		{ lane: laneOf(apiKey({}, { issuer: "https://partner.example.net" })) },
		["token_invalid", "issuer"],
	),
	fails(22, "an API key whose issuer signs tokens", key, { lane: laneOf(apiKey({}, { issuer: MAIN })) }, [
		"token_invalid",
		"issuer",
	]),
	...[
		`${KEY.slice(0, -1)}0`,
		KEY.slice(0, -1),
		`${KEY}0`,
		KEY.toLowerCase(),
		KEY.replace(/.(?=_\w{6}$)/, "x"),
		"fbk_",
		"fbk_..",
		`fbk_${"a".repeat(4_000)}`,
	].map(
		(text): TokenCase =>
			fails(
				22,
				`a mistyped API key: ${text.slice(0, 12)}... of ${text.length}`,
				() => text,
				{ lane: laneOf(apiKey()) },
				["token_invalid", "checksum"],
			),
	),
	passes(12, "an API key at its end, within the skew of clocks", key, {
		lane: laneOf(apiKey({}, { expires: NOW - 29 })),
	}),
	fails(12, "an API key past its end", key, { lane: laneOf(apiKey({}, { expires: NOW - 30 })) }, [
		"token_invalid",
		"expired",
	]),
	fails(16, "an API key before its beginning", key, { lane: laneOf(apiKey({}, { not_before: NOW + 31 })) }, [
		"token_invalid",
		"not_yet_valid",
	]),
	fails(
		14,
		"an API key that lives longer than its issuer may grant",
		key,
		{ lane: laneOf(apiKey({}, { issued_at: NOW - 3_001 })) },
		["token_invalid", "lifetime"],
	),
	fails(
		38,
		"an API key, revoked",
		key,
		{
			lane: laneOf(apiKey(), {
				kind: "revoke_token",
				payload: { issuer: "https://keys.example.org", token_id: "key-1" },
			}),
		},
		["token_revoked", "token"],
	),
	fails(
		38,
		"an API key whose issuer is in quarantine",
		key,
		{ lane: laneOf(apiKey(), { kind: "quarantine", payload: { kind: "issuer", name: "https://keys.example.org" } }) },
		["token_revoked", "issuer"],
	),
	fails(
		38,
		"an API key older than its subject's revocation",
		key,
		{
			lane: laneOf(apiKey(), {
				kind: "revoke_before",
				payload: { issuer: "https://keys.example.org", issued_before: NOW, subject: "billing" },
			}),
		},
		["token_revoked", "before"],
	),
	passes(
		39,
		"an API key with the certificate that it is bound to",
		key,
		{ lane: laneOf(apiKey({}, CERTIFICATE_BOUND)), bound: true },
		{ bound: "mtls" },
	),
	fails(
		39,
		"an API key without the certificate that it is bound to",
		key,
		{ lane: laneOf(apiKey({}, CERTIFICATE_BOUND)), use: nobody },
		["binding_mismatch", "certificate_missing"],
	),
	fails(
		39,
		"an API key with another certificate",
		key,
		{ lane: laneOf(apiKey({}, { binding: { "x5t#S256": OTHER_HASH } })) },
		["binding_mismatch", "certificate"],
	),
	fails(33, "an API key bound to nothing where bound ones are demanded", key, { lane: laneOf(apiKey()), bound: true }, [
		"binding_mismatch",
		"unbound",
	]),
	fails(
		33,
		"an API key bound to a proof's key, without a proof",
		key,
		{ lane: laneOf(apiKey({}, { binding: { jkt: OTHER_HASH } })) },
		["binding_mismatch", "proof_missing"],
	),
	fails(33, "an API key bound to something unknown", key, { lane: laneOf(apiKey({}, { binding: { kid: "1" } })) }, [
		"binding_mismatch",
		"confirmation",
	]),
];

export const passports: readonly TokenCase[] = [...restrictions, ...ownTokens, ...registrations, ...apiKeys];
