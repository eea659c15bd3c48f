/** What the claims say: times, audience, scopes, subject, issuer. Cases 9 to 21 and 31, profile rfc9068. */
import { signToken } from "../../../demo/tokens.ts";
import { AUDIENCE, type TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const withClaims = (over: (now: number) => Record<string, unknown>) => (world: TokenWorld) =>
	world.token(over(world.now));
const withText = (members: string) => (world: TokenWorld) => world.raw(world.claimsText(members));

/** Good claims in which one number is written as this text. */
const withNumber = (claim: string, text: string) => (world: TokenWorld) =>
	world.raw(JSON.stringify(world.claims({ [claim]: "@" })).replace('"@"', text));

export const claims: readonly TokenCase[] = [
	refused(9, "exp twice", "duplicate_member", withText('"exp":9999999999')),
	refused(9, "aud twice", "duplicate_member", withText('"aud":"other"')),
	refused(9, "scope twice", "duplicate_member", withText('"scope":"admin"')),
	refused(9, "scope twice with one value", "duplicate_member", withText('"scope":"a b"')),
	refused(9, "a name twice, once escaped", "duplicate_member", withText('"\\u0073cope":"admin"')),
	refused(9, "a name twice, with space before the colon", "duplicate_member", withText('"scope" \n\t:"admin"')),
	refused(9, "a name twice below", "duplicate_member", withText('"x":[{"a":{"b":1,"b":2}}]')),
	refused(9, "alg twice", "duplicate_member", (world) => world.raw(null, '{"alg":"none","alg":"ES256"}')),
	refused(9, "kid twice", "duplicate_member", (world) => world.raw(null, '{"alg":"ES256","kid":"a","kid":"main-1"}')),
	accepted(9, "a name again on another level", withText('"x":{"exp":1,"y":{"exp":2}},"z":["exp","exp"]')),
	accepted(9, "a name as a text elsewhere", withText('"x":"\\"exp\\":","y":"scope"')),

	accepted(
		10,
		"aud an array that includes us",
		withClaims(() => ({ aud: ["https://other", AUDIENCE] })),
	),
	accepted(
		10,
		"aud an array of us alone",
		withClaims(() => ({ aud: [AUDIENCE] })),
	),
	refused(
		10,
		"aud with a number in it",
		"claims",
		withClaims(() => ({ aud: [AUDIENCE, 1] })),
	),
	refused(
		10,
		"aud with null in it",
		"claims",
		withClaims(() => ({ aud: [null, AUDIENCE] })),
	),
	refused(
		10,
		"aud with an array in it",
		"claims",
		withClaims(() => ({ aud: [[AUDIENCE]] })),
	),
	refused(
		10,
		"aud an object",
		"claims",
		withClaims(() => ({ aud: { [AUDIENCE]: true } })),
	),
	refused(
		11,
		"aud absent",
		"audience",
		withClaims(() => ({ aud: undefined })),
	),
	refused(
		11,
		"aud another service",
		"audience",
		withClaims(() => ({ aud: "https://orders.example.org" })),
	),
	refused(
		11,
		"aud several other services",
		"audience",
		withClaims(() => ({ aud: ["https://a", "https://b"] })),
	),
	refused(
		11,
		"aud empty",
		"audience",
		withClaims(() => ({ aud: "" })),
	),
	refused(
		11,
		"aud an empty array",
		"audience",
		withClaims(() => ({ aud: [] })),
	),
	refused(
		11,
		"aud with a slash more",
		"audience",
		withClaims(() => ({ aud: `${AUDIENCE}/` })),
	),
	refused(
		11,
		"aud in another case",
		"audience",
		withClaims(() => ({ aud: AUDIENCE.toUpperCase() })),
	),

	refused(
		12,
		"exp a text",
		"claims",
		withClaims((now) => ({ exp: String(now + 60) })),
	),
	refused(
		12,
		"exp null",
		"claims",
		withClaims(() => ({ exp: null })),
	),
	refused(
		12,
		"exp an array",
		"claims",
		withClaims((now) => ({ exp: [now + 60] })),
	),
	refused(
		12,
		"exp true",
		"claims",
		withClaims(() => ({ exp: true })),
	),
	refused(12, "exp 1e400", "malformed", withNumber("exp", "1e400")),
	refused(12, "exp -1e400", "malformed", withNumber("exp", "-1e400")),
	refused(12, "exp 2^53", "claims", withNumber("exp", "9007199254740992")),
	refused(12, "exp 1e300", "claims", withNumber("exp", "1e300")),
	refused(12, "exp negative", "claims", withNumber("exp", "-1")),
	refused(
		12,
		"iat a text",
		"claims",
		withClaims((now) => ({ iat: String(now) })),
	),
	refused(12, "iat 1e400", "malformed", withNumber("iat", "1e400")),
	refused(
		12,
		"nbf a text",
		"claims",
		withClaims((now) => ({ nbf: String(now) })),
	),
	refused(
		12,
		"nbf null",
		"claims",
		withClaims(() => ({ nbf: null })),
	),
	refused(12, "another number beyond a double", "malformed", withText('"level":1e400')),
	accepted(
		13,
		"exp fractional",
		withClaims((now) => ({ exp: now + 60.25 })),
	),
	accepted(13, "exp with an exponent", (world) => withNumber("exp", `${(world.now + 60) / 1000}e3`)(world)),
	refused(
		14,
		"exp missing",
		"claims",
		withClaims(() => ({ exp: undefined })),
	),
	accepted(
		14,
		"lifetime at the issuer's maximum",
		withClaims((now) => ({ iat: now, exp: now + 3_600 })),
	),
	refused(
		14,
		"lifetime above it",
		"lifetime",
		withClaims((now) => ({ iat: now, exp: now + 3_601 })),
	),
	refused(
		14,
		"lifetime above it, begun long ago",
		"lifetime",
		withClaims((now) => ({ iat: now - 86_400, exp: now + 60 })),
	),
	refused(
		14,
		"expired",
		"expired",
		withClaims((now) => ({ iat: now - 600, exp: now - 300 })),
	),
	accepted(
		14,
		"expired within the skew",
		withClaims((now) => ({ iat: now - 600, exp: now - 29 })),
	),
	refused(
		14,
		"expired at the skew's end",
		"expired",
		withClaims((now) => ({ iat: now - 600, exp: now - 30 })),
	),
	refused(
		15,
		"iat in the future",
		"issued_in_future",
		withClaims((now) => ({ iat: now + 31, exp: now + 300 })),
	),
	accepted(
		15,
		"iat in the future within the skew",
		withClaims((now) => ({ iat: now + 30, exp: now + 300 })),
	),
	refused(
		16,
		"nbf in the future",
		"not_yet_valid",
		withClaims((now) => ({ nbf: now + 31 })),
	),
	accepted(
		16,
		"nbf in the future within the skew",
		withClaims((now) => ({ nbf: now + 30 })),
	),

	...(
		[
			["scope missing", undefined, [], ["a"]],
			["scope empty", "", [], ["a"]],
			["scope insufficient", "a b:c", ["a", "b:c"], ["a", "c"]],
		] as const
	).map(
		([name, scope, scopes, wanted]): TokenCase => ({
			...accepted(
				17,
				name,
				withClaims(() => ({ scope })),
				{ scopes },
			),
			scopes: wanted,
			service: ["scope_missing", null],
		}),
	),
	{
		...accepted(
			17,
			"every scope that is demanded, and one more",
			withClaims(() => ({ scope: "a b:c d" })),
			{ scopes: ["a", "b:c", "d"] },
		),
		scopes: ["d", "a"],
	},
	refused(
		18,
		"scope an array",
		"scope",
		withClaims(() => ({ scope: ["a", "b"] })),
	),
	refused(
		18,
		"scope an object",
		"scope",
		withClaims(() => ({ scope: { a: true } })),
	),
	refused(
		18,
		"scope null",
		"scope",
		withClaims(() => ({ scope: null })),
	),
	...["orders:readwrite", "Orders:Read", "orders:rea", "orders", "orders:*", "*"].map(
		(scope): TokenCase => ({
			...accepted(
				19,
				`${scope} in place of orders:read`,
				withClaims(() => ({ scope })),
				{ scopes: [scope] },
			),
			scopes: ["orders:read"],
			service: ["scope_missing", null],
		}),
	),
	...["a\tb", "a  b", " a", "a ", " ", "a\u00a0b", "a\u3000b", "a\nb", 'a"b', "a\\b", "\u00e4"].map((scope) =>
		refused(
			20,
			`scope ${JSON.stringify(scope)}`,
			"scope",
			withClaims(() => ({ scope })),
		),
	),

	accepted(
		21,
		"sub of a user",
		withClaims(() => ({ sub: "alice", client_id: "web" })),
		{ subject: "alice", subjectKind: "user" },
	),
	accepted(
		21,
		"sub of a user named like a client",
		withClaims(() => ({ sub: "billing", client_id: "web" })),
		{
			subject: "billing",
			subjectKind: "user",
		},
	),
	accepted(
		21,
		"sub of that client",
		withClaims(() => ({ sub: "billing", client_id: "billing" })),
		{
			subject: "billing",
			subjectKind: "client",
		},
	),
	accepted(
		21,
		"sub of a user named like a client's subject",
		withClaims(() => ({ sub: "client:billing" })),
		{
			subject: "client:billing",
			subjectKind: "user",
		},
	),
	refused(
		21,
		"sub with a line end",
		"claims",
		withClaims(() => ({ sub: "alice\r\nx-admin: 1" })),
	),
	...["sub", "client_id", "jti", "iat"].flatMap((claim) => [
		refused(
			21,
			`${claim} missing`,
			"claims",
			withClaims(() => ({ [claim]: undefined })),
		),
		refused(
			21,
			`${claim} of the wrong kind`,
			"claims",
			withClaims(() => ({ [claim]: { a: 1 } })),
		),
	]),
	...["sub", "client_id", "jti"].map((claim) =>
		refused(
			21,
			`${claim} empty`,
			"claims",
			withClaims(() => ({ [claim]: "" })),
		),
	),

	refused(31, "another issuer's key", "key_unknown", (world) => signToken(world.key.other, world.claims())),
	refused(31, "another issuer's key under this one's kid", "signature", (world) =>
		signToken(world.key.other, world.claims(), { kid: world.key.es.kid }),
	),
	refused(31, "an issuer that counts in another domain", "issuer", (world) =>
		world.tokenOf("partner", { client_id: "gateway" }, { typ: "at+jwt" }),
	),
	refused(
		31,
		"an issuer that nobody knows",
		"issuer",
		withClaims(() => ({ iss: "https://stranger.example.org" })),
	),
	refused(
		31,
		"iss with a slash more",
		"issuer",
		withClaims(() => ({ iss: "https://id.example.org/" })),
	),
	refused(
		31,
		"iss in another case",
		"issuer",
		withClaims(() => ({ iss: "https://ID.example.org" })),
	),
	refused(
		31,
		"iss missing",
		"issuer",
		withClaims(() => ({ iss: undefined })),
	),
	refused(
		31,
		"iss an array",
		"issuer",
		withClaims(() => ({ iss: ["https://id.example.org"] })),
	),
	refused(
		31,
		"iss of Object.prototype",
		"issuer",
		withClaims(() => ({ iss: "constructor" })),
	),
	refused(31, "signed by a stranger", "signature", (world) => world.token({}, {}, world.key.stranger)),
	accepted(31, "a second issuer of the domain", (world) =>
		world.tokenOf("other", { client_id: "web" }, { typ: "at+jwt" }),
	),
];
