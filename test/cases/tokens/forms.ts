/** The form of a token: algorithm, header, JSON, encoding, size. Cases 2 to 8 and 23 to 27. */
import { createHmac } from "node:crypto";
import { makeSignature, signBytes } from "../../../demo/tokens.ts";
import { publicPem, type TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const b64u = (text: string) => Buffer.from(text).toString("base64url");

/** A good token whose header is exactly this. */
const withHeader = (header: object) => (world: TokenWorld) => world.raw(null, JSON.stringify(header));

/** The good header with more members. */
const withMembers = (members: object) => (world: TokenWorld) => world.token({}, members);

function hmacToken(world: TokenWorld, secret: string): string {
	const input = `${b64u(JSON.stringify({ alg: "HS256", typ: "at+jwt", kid: "main-rs" }))}.${b64u(JSON.stringify(world.claims()))}`;
	return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** Another last character that stands for the same bytes: its unused low bits are set. */
function lastCharacterVariant(token: string): string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const last = alphabet.indexOf(token.at(-1)!);
	return token.slice(0, -1) + alphabet[last + 1];
}

const part = (token: string, index: number, change: (part: string) => string) =>
	token
		.split(".")
		.map((text, at) => (at === index ? change(text) : text))
		.join(".");

export const forms: readonly TokenCase[] = [
	refused(
		2,
		"alg none, unsigned",
		"malformed",
		(world) => `${world.raw(null, '{"alg":"none"}').replace(/[^.]+$/, "")}`,
	),
	refused(2, "alg none with some signature", "algorithm", withMembers({ alg: "none" })),
	refused(2, "alg None", "algorithm", withMembers({ alg: "None" })),
	refused(2, "alg in another case", "algorithm", withMembers({ alg: "es256" })),
	refused(2, "alg missing", "algorithm", withMembers({ alg: undefined })),
	refused(2, "alg an array", "algorithm", withMembers({ alg: ["ES256"] })),
	refused(2, "alg null", "algorithm", withMembers({ alg: null })),
	refused(2, "alg of Object.prototype", "algorithm", withMembers({ alg: "toString" })),
	refused(3, "HS256 over the RSA public key as PEM", "algorithm", (world) => hmacToken(world, publicPem(world.key.rs))),
	refused(3, "HS256 over an empty secret", "algorithm", (world) => hmacToken(world, "")),
	refused(3, "HS256 over the key's JWK", "algorithm", (world) => hmacToken(world, JSON.stringify(world.key.rs.jwk))),
	refused(4, "an embedded jwk that signed it", "signature", (world) =>
		world.token({}, { jwk: world.key.stranger.jwk }, world.key.stranger),
	),
	refused(4, "an embedded jwk under a kid of its own", "key_unknown", (world) =>
		world.token({}, { jwk: world.key.stranger.jwk, kid: "mine" }, world.key.stranger),
	),
	refused(4, "embedded x5c", "signature", (world) => world.token({}, { x5c: ["MIIB"] }, world.key.stranger)),
	accepted(4, "an embedded jwk that is never looked at", withMembers({ jwk: { kty: "oct", k: "AAAA" } })),
	refused(5, "jku to a metadata address", "signature", (world) =>
		world.token({}, { jku: "http://169.254.169.254/latest/meta-data/" }, world.key.stranger),
	),
	refused(5, "x5u to a file", "signature", (world) =>
		world.token({}, { x5u: "file:///etc/passwd" }, world.key.stranger),
	),
	accepted(
		5,
		"jku and x5u that are never looked at",
		withMembers({ jku: "http://169.254.169.254/jwks", x5u: "https://keys.attacker.example.net/leaf.pem" }),
	),
	refused(6, "kid that climbs", "key_unknown", withMembers({ kid: "../../../../dev/null" })),
	refused(6, "kid that injects", "key_unknown", withMembers({ kid: "' OR 1=1 --" })),
	refused(6, "kid of Object.prototype", "key_unknown", withMembers({ kid: "__proto__" })),
	refused(6, "kid that is no text", "header", withMembers({ kid: 1 })),
	refused(6, "kid null", "header", withMembers({ kid: null })),
	refused(6, "kid empty", "header", withMembers({ kid: "" })),
	refused(6, "kid without end", "header", withMembers({ kid: "k".repeat(257) })),
	refused(6, "no kid where two keys may have signed", "key_unknown", (world) =>
		world.tokenOf("twins", { client_id: "web" }, { typ: "at+jwt", kid: undefined }),
	),
	accepted(6, "a kid where two keys may have signed", (world) =>
		world.tokenOf("twins", { client_id: "web" }, { typ: "at+jwt" }),
	),
	accepted(6, "no kid where one key fits the algorithm", withMembers({ kid: undefined })),
	refused(7, "unknown crit", "critical", withMembers({ crit: ["exp"], exp: 1 })),
	refused(7, "empty crit", "critical", withMembers({ crit: [] })),
	refused(7, "crit that is no array", "critical", withMembers({ crit: null })),
	refused(8, "b64 false with crit", "critical", withMembers({ b64: false, crit: ["b64"] })),
	refused(8, "b64 false alone", "header", withMembers({ b64: false })),
	refused(8, "b64 true alone", "header", withMembers({ b64: true })),
	refused(23, "a JWE", "malformed", (world) => `${world.token()}.AAAA.AAAA`),
	refused(23, "a nested unsecured JWT", "malformed", (world) =>
		world.raw(`${b64u('{"alg":"none"}')}.${b64u(JSON.stringify(world.claims()))}.`),
	),
	refused(23, "zip", "header", withMembers({ zip: "DEF" })),
	refused(24, "above 8 KB", "size", (world) => world.token({ pad: "x".repeat(8_192) })),
	refused(24, "64 KB", "size", (world) => world.token({ pad: "x".repeat(65_536) })),
	refused(24, "64 KB of no token", "size", () => "x".repeat(65_536)),
	accepted(24, "below 8 KB", (world) => world.token({ pad: "x".repeat(5_000) })),
	accepted(25, "depth 32", (world) => world.raw(world.claimsText(`"deep":${"[".repeat(31)}${"]".repeat(31)}`))),
	refused(25, "depth 33", "depth", (world) => world.raw(world.claimsText(`"deep":${"[".repeat(32)}${"]".repeat(32)}`))),
	refused(25, "depth of thousands", "depth", (world) =>
		world.raw(world.claimsText(`"deep":${"[".repeat(2_500)}${"]".repeat(2_500)}`)),
	),
	refused(25, "depth in the header", "depth", (world) =>
		world.raw(null, `{"alg":"ES256","deep":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`),
	),
	refused(25, "invalid UTF-8", "malformed", (world) =>
		world.raw(Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])),
	),
	refused(25, "overlong UTF-8", "malformed", (world) =>
		world.raw(Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])),
	),
	refused(25, "a byte order mark", "malformed", (world) => world.raw(`\ufeff${JSON.stringify(world.claims())}`)),
	refused(25, "a byte order mark in the header", "malformed", (world) => world.raw(null, '\ufeff{"alg":"ES256"}')),
	refused(25, "an escaped NUL", "malformed", (world) => world.raw(world.claimsText('"a":"x\\u0000y"'))),
	refused(25, "an escaped NUL in a name", "malformed", (world) => world.raw(world.claimsText('"sub\\u0000":1'))),
	refused(25, "a raw NUL", "malformed", (world) => world.raw(world.claimsText('"a":"x\u0000y"'))),
	refused(25, "a lone surrogate", "malformed", (world) => world.raw(world.claimsText('"a":"\\ud800"'))),
	refused(25, "a lone surrogate before text", "malformed", (world) =>
		world.raw(world.claimsText('"a":"\\udc00\\ud800"')),
	),
	accepted(25, "a surrogate pair", (world) => world.raw(world.claimsText('"a":"\\ud83d\\ude00 \\\\u0000"'))),
	refused(25, "a member named __proto__", "malformed", (world) =>
		world.raw(world.claimsText('"__proto__":{"scope":"admin"}')),
	),
	...["[]", "null", "1", '"{}"', "", "{", "{}{}", "{} ,", "{'a':1}", '{"a":1,}', '{"a":NaN}', '{"a":01}', "{/**/}"].map(
		(text) => refused(25, `no JSON object: ${text}`, "malformed", (world) => world.raw(text)),
	),
	refused(25, "a header that is no object", "malformed", (world) => world.raw(null, '["ES256"]')),
	refused(26, "another last character", "malformed", (world) => lastCharacterVariant(world.token())),
	refused(26, "padding", "malformed", (world) => `${world.token()}==`),
	refused(26, "padding in the payload", "malformed", (world) => part(world.token(), 1, (text) => `${text}=`)),
	refused(26, "base64 in place of base64url", "malformed", (world) =>
		signBytes(world.key.es, '{"alg":"ES256"}', '{"a":"???>>>~~~"}').replace(/_/g, "/").replace(/-/g, "+"),
	),
	refused(26, "white space inside", "malformed", (world) =>
		part(world.token(), 1, (text) => `${text.slice(0, 8)} ${text.slice(8)}`),
	),
	{
		// Around a header's value it is no part of it (RFC 9110, 5.5), so that the service never sees it.
		...refused(26, "white space behind", "malformed", (world) => `${world.token()} `),
		service: ["allowed", null],
	},
	{
		...refused(26, "a line end inside", "malformed", (world) =>
			part(world.token(), 2, (text) => `${text.slice(0, 4)}\n${text.slice(4)}`),
		),
		service: ["ambiguous_request", "header_control"],
	},
	refused(26, "a character that base64url lacks", "malformed", (world) => part(world.token(), 0, (text) => `${text}!`)),
	refused(26, "no dot", "malformed", () => "undefined"),
	refused(26, "two parts", "malformed", (world) => world.token().replace(/\.[^.]+$/, "")),
	refused(26, "four parts", "malformed", (world) => `${world.token()}.`),
	refused(26, "an empty payload", "malformed", (world) => part(world.token(), 1, () => "")),
	refused(27, "an algorithm off the issuer's list", "algorithm", (world) => world.token({}, {}, world.key.es384)),
	refused(27, "PS256 over a key for RS256", "algorithm", withHeader({ alg: "PS256", typ: "at+jwt", kid: "main-rs" })),
	refused(27, "RS256 over a key for ES256", "algorithm", withHeader({ alg: "RS256", typ: "at+jwt", kid: "main-1" })),
	refused(27, "ES256 over a key for EdDSA", "algorithm", withHeader({ alg: "ES256", typ: "at+jwt", kid: "main-ed" })),
	refused(27, "a signature as DER", "signature", (world) => {
		const input = world.token().replace(/\.[^.]+$/, "");
		const raw = makeSignature(world.key.es, input);
		const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), bytes]);
		const der = Buffer.concat([Buffer.from([0x30, 70]), integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
		return `${input}.${der.toString("base64url")}`;
	}),
	refused(27, "an all-zero signature (CVE-2022-21449)", "signature", (world) =>
		part(world.token(), 2, () => Buffer.alloc(64).toString("base64url")),
	),
	refused(27, "a signature of another length", "signature", (world) => part(world.token(), 2, () => "AAAA")),
	refused(27, "a changed payload", "signature", (world) =>
		part(world.token(), 1, () => b64u(JSON.stringify(world.claims({ sub: "root" })))),
	),
	accepted(27, "ES256", (world) => world.token()),
	accepted(27, "RS256", (world) => world.token({}, {}, world.key.rs)),
	accepted(27, "EdDSA", (world) => world.token({}, {}, world.key.ed)),
	accepted(27, "EdDSA by its new name", (world) => world.token({}, { alg: "Ed25519" }, world.key.ed)),
];
