/**
 * Bytes that fuzzing found, or that stand for a kind of it: what once went wrong stays right. `make fuzz` prints new ones. `allowed`
 * says what the fuzzed company of test/fuzz/target.ts owes them.
 */
export interface FoundCase {
	readonly name: string;
	readonly bytes: Buffer;
	readonly allowed: boolean;
}

const base64 = (text: string) => Buffer.from(text, "base64");
/** `{attributes {X}}`, for contents below 128 bytes. */
const attributes = (content: Buffer) => Buffer.concat([Buffer.from([0x0a, content.length]), content]);
const field = (tag: number, text: string) =>
	Buffer.concat([Buffer.from([tag, Buffer.byteLength(text)]), Buffer.from(text)]);
const message = (tag: number, ...parts: readonly Buffer[]) => {
	const content = Buffer.concat(parts);
	return Buffer.concat([Buffer.from([tag, content.length]), content]);
};
const SOURCE = { peer: 0x0a, principal: 0x22 } as const;
const DESTINATION = 0x12;
const REQUEST = 0x22;
const HTTP = 0x12;
const from = (principal: string) => message(SOURCE.peer, field(SOURCE.principal, principal));
const to = (principal: string) => message(DESTINATION, field(SOURCE.principal, principal));
const http = (method: string, path: string, host = "web.example") =>
	message(REQUEST, message(HTTP, field(0x12, method), field(0x22, path), field(0x2a, host), field(0x32, "https")));

const HOME = Buffer.concat([from("spiffe://t/web"), to("spiffe://t/web"), http("GET", "/public/a")]);

export const FOUND: readonly FoundCase[] = [
	{ name: "a plain request that passes", bytes: attributes(HOME), allowed: true },
	{ name: "nothing at all", bytes: Buffer.alloc(0), allowed: false },
	{
		name: "a text that claims more bytes than its message has: protobufjs read it as if it ended there",
		bytes: base64(
			"CosBCiMKDgoMEggxMC4wLjAuMRgBIg5zcGlmZmU6Ly90L3dlYioBJSJGEkQSA0dFVCIGL3JlYWR5KgNwYXkyBGh0dHBqKgooCg1hdXRob3JpemF0aW9uGjtCZWFyZXIgenE3c2VjcmV0LmZvcmdlZFIcChVmaXJlYnJlYWsuZGVzdGluYXRpb24SA3RyeQ==",
		),
		allowed: false,
	},
	{ name: "an empty message inside", bytes: base64("CgA="), allowed: false },
	{ name: "a length beyond the end", bytes: base64("CoB/"), allowed: false },
	{ name: "a length of 2^53", bytes: base64("Cv////////8P"), allowed: false },
	{ name: "a varint without an end", bytes: Buffer.alloc(30, 0xff), allowed: false },
	{ name: "groups that never end", bytes: Buffer.alloc(10_000, 0x0b), allowed: false },
	{ name: "another wire type for a known field", bytes: base64("CAEKAA=="), allowed: false },
	{
		name: "the attributes once more, with another path: the last ones count, and they have no source",
		bytes: Buffer.concat([attributes(HOME), attributes(http("GET", "/all/secret"))]),
		allowed: false,
	},
	{
		name: "the attributes once more, with a source without a name: nothing is kept of the first",
		bytes: Buffer.concat([attributes(HOME), attributes(message(SOURCE.peer))]),
		allowed: false,
	},
	{
		name: "unknown fields before and behind",
		bytes: Buffer.concat([base64("+gcDYWJj"), attributes(HOME), base64("+gcDYWJj")]),
		allowed: true,
	},
	{ name: "cut short by a byte", bytes: attributes(HOME).subarray(0, -1), allowed: false },
	{
		name: "a path that is no UTF-8",
		bytes: attributes(
			Buffer.concat([
				from("spiffe://t/web"),
				to("spiffe://t/web"),
				message(
					REQUEST,
					message(
						HTTP,
						field(0x12, "GET"),
						Buffer.from([0x22, 0x03, 0x2f, 0xc3, 0x28]),
						field(0x2a, "web.example"),
						field(0x32, "https"),
					),
				),
			]),
		),
		allowed: false,
	},
];
