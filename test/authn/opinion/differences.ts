/** Where the two opinions on tokens differ, and why: by the numbers and names of test/cases/tokens. */
import type { Difference } from "./opinions.ts";

/** Where we refuse and they accept, and the one way round. */
export const DIFFERENCES: readonly Difference[] = [
	{
		ours: "token_invalid duplicate_member",
		why: "they keep the last of two equal members; another reader keeps the first",
		cases: [
			"9 exp twice",
			"9 aud twice",
			"9 scope twice",
			"9 scope twice with one value",
			"9 a name twice, once escaped",
			"9 a name twice, with space before the colon",
			"9 a name twice below",
		],
	},
	{
		ours: "token_invalid malformed",
		why: "they read base64url and JSON as leniently as the platform does: one token in several spellings, NUL, lone surrogates, infinite numbers",
		cases: [
			"12 exp 1e400",
			"12 iat 1e400",
			"12 another number beyond a double",
			"25 a byte order mark",
			"25 an escaped NUL",
			"25 an escaped NUL in a name",
			"25 a lone surrogate",
			"25 a lone surrogate before text",
			"25 a member named __proto__",
			"26 another last character",
			"26 padding",
			"26 white space behind",
		],
	},
	{
		ours: "token_invalid header",
		why: "they let b64 and zip pass, which mean nothing without crit, or not in a JWS",
		cases: ["8 b64 false alone", "8 b64 true alone", "23 zip"],
	},
	{ ours: "token_invalid size", why: "they bound no token", cases: ["24 above 8 KB", "24 64 KB"] },
	{ ours: "token_invalid depth", why: "they bound no nesting", cases: ["25 depth 33", "25 depth of thousands"] },
	{
		ours: "token_invalid claims",
		why: "they look for the audience without looking at the rest of the array, take every number for a date, and an empty text for a name",
		cases: [
			"10 aud with a number in it",
			"10 aud with null in it",
			"12 exp 2^53",
			"12 exp 1e300",
			"21 sub with a line end",
			"21 sub empty",
			"21 client_id empty",
			"21 jti empty",
		],
	},
	{
		ours: "token_invalid claims",
		why: "they bound no name, and take one that is a credential itself: they revoke nothing",
		cases: [
			"24 an id that is longer",
			"24 an id of as many characters, and more bytes",
			"24 an id that is a token",
			"24 an id that is an API key",
			"24 a subject that is longer",
			"24 a subject of fewer characters, and more bytes",
			"24 a subject that is a token",
			"24 a subject that holds an API key",
		],
	},
	{
		ours: "token_invalid lifetime",
		why: "they know of no longest lifetime of an issuer's tokens",
		cases: ["14 lifetime above it", "14 lifetime above it, begun long ago"],
	},
	{
		ours: "token_invalid issued_in_future",
		why: "they do not judge iat",
		cases: ["15 iat in the future"],
	},
	{
		ours: "token_invalid scope",
		why: "they leave scope to whoever asks them",
		cases: [
			"18 scope an array",
			"18 scope an object",
			"18 scope null",
			...["a\tb", "a  b", " a", "a ", " ", "a\u00a0b", "a\u3000b", "a\nb", 'a"b', "a\\b", "\u00e4"].map(
				(scope) => `20 scope ${JSON.stringify(scope)}`,
			),
		],
	},
	{
		ours: "binding_mismatch confirmation",
		why: "an empty cnf says that the token is bound, and not to what",
		cases: ["33 cnf of unknown kind: {}"],
	},
	{
		ours: "accepted",
		why: "they hold a key whose alg is EdDSA to that spelling; Ed25519 is the same signature (RFC 9864)",
		cases: ["27 EdDSA by its new name"],
	},
];
