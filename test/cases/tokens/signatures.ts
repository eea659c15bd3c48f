/**
 * Signatures that a careless verifier takes for good ones, as the vectors of Project Wycheproof teach: padding that is
 * nearly right, numbers at the edges of their range, another serialization. Cases 26, 27 and 32.
 */
import { constants, hash, type KeyObject, privateEncrypt, sign } from "node:crypto";
import type { SigningKey } from "../../../demo/tokens.ts";
import type { TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

/** A good token whose signature is made otherwise: from what is signed, and the good signature. */
const signedBy =
	(key: "es" | "rs" | "pss", make: (input: string, good: Buffer, key: SigningKey) => Buffer) => (world: TokenWorld) => {
		const token = key === "pss" ? world.tokenOf("pss", { client_id: "web" }, { typ: "at+jwt" }) : null;
		const good = token ?? world.token({}, {}, world.key[key]);
		const [header, payload, signature] = good.split(".") as [string, string, string];
		const made = make(`${header}.${payload}`, Buffer.from(signature, "base64url"), world.key[key]);
		return `${header}.${payload}.${made.toString("base64url")}`;
	};

const RSA_BYTES = 256;

/** The RSA signature of exactly this block. */
const signBlock = (key: KeyObject, block: Buffer) => privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);

/** `00 01 FF.. 00 <info>` as RFC 8017, 9.2 has it, or with another type and filling. */
function block(info: Buffer, { type = 1, fill = 0xff, tail = Buffer.alloc(0) } = {}): Buffer {
	const filled = RSA_BYTES - 3 - info.length - tail.length;
	return Buffer.concat([Buffer.from([0, type]), Buffer.alloc(filled, fill), Buffer.from([0]), info, tail]);
}

const SHA256 = "608648016503040201";
const SHA512 = "608648016503040203";
const digestOf = (input: string) => hash("sha256", input, "buffer");

/** DigestInfo of RFC 8017, 9.2 in DER: an algorithm with NULL parameters, and the digest. */
const info = (input: string, oid = SHA256) =>
	Buffer.concat([Buffer.from(`3031300d0609${oid}05000420`, "hex"), digestOf(input)]);

const rsaBlock = (name: string, make: (input: string) => Buffer): TokenCase =>
	refused(
		27,
		`RS256, ${name}`,
		"signature",
		signedBy("rs", (input, _good, { privateKey }) => signBlock(privateKey, make(input))),
	);

const rsaNumber = (name: string, make: (modulus: bigint) => bigint): TokenCase =>
	refused(
		27,
		`RS256, a signature that is ${name}`,
		"signature",
		signedBy("rs", (_input, _good, key) => {
			const modulus = Buffer.from(key.jwk.n as string, "base64url").toString("hex");
			return toBytes(make(BigInt(`0x${modulus}`)), RSA_BYTES);
		}),
	);

const toBytes = (value: bigint, length: number) => Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");

/** The order of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const EDGES = { "0": 0n, "1": 1n, "n-1": ORDER - 1n, n: ORDER };

const padded = (salt: number) =>
	signedBy("pss", (input, _good, { privateKey: key }) =>
		sign("sha256", Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }),
	);

const b64u = (text: string) => Buffer.from(text).toString("base64url");

export const signatures: readonly TokenCase[] = [
	accepted(
		27,
		"RS256, the padding written by hand",
		signedBy("rs", (input, _, key) => signBlock(key.privateKey, block(info(input)))),
	),
	rsaBlock("without the parameters NULL", (input) =>
		block(Buffer.concat([Buffer.from(`302f300b0609${SHA256}0420`, "hex"), digestOf(input)])),
	),
	rsaBlock("a length in the long form", (input) =>
		block(Buffer.concat([Buffer.from(`308131300d0609${SHA256}05000420`, "hex"), digestOf(input)])),
	),
	rsaBlock("the name of another hash", (input) => block(info(input, SHA512))),
	rsaBlock("the bare digest", (input) => block(digestOf(input))),
	rsaBlock("garbage behind the digest (CVE-2006-4339)", (input) => block(info(input), { tail: Buffer.alloc(16, 1) })),
	rsaBlock("a short filling and garbage behind it", (input) => block(info(input), { tail: Buffer.alloc(190) })),
	rsaBlock("zeros for filling", (input) => block(info(input), { fill: 0 })),
	rsaBlock("the block type of encryption", (input) => block(info(input), { type: 2, fill: 0x5a })),
	rsaBlock("the digest of another text", () => block(info("another text"))),
	rsaNumber("0", () => 0n),
	rsaNumber("1", () => 1n),
	rsaNumber("the modulus less one", (modulus) => modulus - 1n),
	rsaNumber("the modulus", (modulus) => modulus),
	refused(
		27,
		"RS256, zeros before it",
		"signature",
		signedBy("rs", (_, good) => Buffer.concat([Buffer.alloc(1), good])),
	),
	refused(
		27,
		"RS256, zeros behind it",
		"signature",
		signedBy("rs", (_, good) => Buffer.concat([good, Buffer.alloc(1)])),
	),
	refused(
		27,
		"RS256, its last byte cut off",
		"signature",
		signedBy("rs", (_, good) => good.subarray(0, -1)),
	),

	accepted(27, "PS256", padded(32)),
	refused(27, "PS256 with no salt", "signature", padded(0)),
	refused(27, "PS256 with a short salt", "signature", padded(20)),
	refused(27, "PS256 with a long salt", "signature", padded(64)),
	refused(
		27,
		"PS256 with the padding of RS256",
		"signature",
		signedBy("pss", (input, _good, { privateKey }) => sign("sha256", Buffer.from(input), privateKey)),
	),
	refused(
		27,
		"PS256 with another hash",
		"signature",
		signedBy("pss", (input, _good, { privateKey: key }) =>
			sign("sha512", Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
		),
	),

	...Object.entries(EDGES).flatMap(([r, first]) =>
		Object.entries(EDGES).map(([s, second]) =>
			refused(
				27,
				`ES256, r ${r} and s ${s}`,
				"signature",
				signedBy("es", () => Buffer.concat([toBytes(first, 32), toBytes(second, 32)])),
			),
		),
	),
	refused(
		27,
		"ES256, r and s 33 bytes each",
		"signature",
		signedBy("es", (_, good) =>
			Buffer.concat([Buffer.alloc(1), good.subarray(0, 32), Buffer.alloc(1), good.subarray(32)]),
		),
	),
	refused(
		27,
		"ES256, r with the order added",
		"signature",
		signedBy("es", (_, good) =>
			Buffer.concat([
				toBytes(BigInt(`0x${good.subarray(0, 32).toString("hex")}`) + ORDER, 33),
				Buffer.alloc(1),
				good.subarray(32),
			]),
		),
	),
	refused(
		27,
		"ES256, zeros behind it",
		"signature",
		signedBy("es", (_, good) => Buffer.concat([good, Buffer.alloc(2)])),
	),
	refused(
		27,
		"ES256, its last byte cut off",
		"signature",
		signedBy("es", (_, good) => good.subarray(0, -1)),
	),
	refused(
		27,
		"ES256 signed over another hash",
		"signature",
		signedBy("es", (input, _good, { privateKey: key }) =>
			sign("sha512", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }),
		),
	),
	accepted(
		27,
		"ES256, n - s for s: the same token in another spelling",
		signedBy("es", (_, good) =>
			Buffer.concat([good.subarray(0, 32), toBytes(ORDER - BigInt(`0x${good.subarray(32).toString("hex")}`), 32)]),
		),
		{ id: "token-1" },
	),

	{
		no: 32,
		name: "the JSON serialization, whose commas part values of a header",
		present: (world) => {
			const [header, payload, signature] = world.token().split(".");
			return JSON.stringify({ protected: header, payload, signature });
		},
		expect: ["credentials_conflict", "authorization"],
	},
	refused(26, "no header", "malformed", (world) => world.token().replace(/^[^.]+/, "")),
	refused(26, "no signature", "malformed", (world) => world.token().replace(/[^.]+$/, "")),
	refused(26, "dots alone", "malformed", () => ".."),
	refused(26, "one part", "malformed", (world) => world.token().split(".")[1]!),
	accepted(26, "white space within the header's JSON", (world) =>
		world.raw(null, `{ "alg" : "ES256",\n\t"typ" : "at+jwt",\r "kid" : "${world.key.es.kid}" }`),
	),
	refused(26, "a key as a token", "malformed", (world) => b64u(JSON.stringify(world.key.es.jwk))),
];
