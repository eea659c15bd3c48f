/** Bytes of every kind into a real server: an answer to each, no allow for what is no request, and the server stays up. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { normalize } from "../../src/extauthz/normalize.ts";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { respond } from "../../src/extauthz/respond.ts";
import type { Answer, TestClient } from "./client.ts";
import { checkOf, decisionOf, type Told } from "./fixtures.ts";
import { Harness } from "./harness.ts";

const harness = new Harness();
let client: TestClient;
/** Whether the request just asked about was canonical. */
let canonical = false;

beforeAll(async () => {
	const server = await harness.start((check) => {
		const normalized = normalize(check, null, []);
		canonical = normalized.ok;
		if (normalized.ok) return respond(decisionOf(), "id", normalized.request);
		return respond(decisionOf({ allow: false, reason: "ambiguous_request", detail: normalized.detail }), "id", null);
	});
	client = harness.client(server);
});
afterAll(() => harness.end());

function expectAnswer(answer: Answer): void {
	const allowed = (answer.status?.code ?? 0) === 0;
	expect(allowed).toBe(canonical);
	if (allowed) expect(answer.okResponse).toBeDefined();
	else expect(answer).toMatchObject({ status: { code: 3 }, deniedResponse: { status: { code: 400 } } });
}

const { serialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckRequest"] as unknown as {
	serialize(message: unknown): Buffer;
};
const text = fc.oneof(
	fc.string({ unit: "binary", maxLength: 20 }),
	fc.constantFrom("", "GET", "/a", "host", "https", "\0"),
);
const message = fc
	.record(
		{
			principal: text,
			destination: text,
			certificate: text,
			address: text,
			hint: text,
			method: text,
			path: text,
			host: text,
			scheme: text,
			headers: fc.dictionary(text, text, { maxKeys: 5 }),
			raw: fc.array(
				fc.record({ key: text, rawValue: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) }),
			),
		},
		{ requiredKeys: [] },
	)
	.map((told) => serialize(checkOf(told as unknown as Told)));

/** A message with some bytes overwritten, and cut short. */
const damaged = fc
	.tuple(message, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }), fc.nat(400))
	.map(([bytes, changes, cut]) => {
		const copy = Buffer.from(bytes);
		for (const [index, value] of changes) if (copy.length > 0) copy[index % copy.length] = value;
		return copy.subarray(0, copy.length - (cut % 20 === 0 ? cut % (copy.length + 1) : 0));
	});
/** Fields of any number and type, nested in each other. */
const fields = fc.letrec<{ field: Buffer; message: Buffer }>((tie) => ({
	message: fc.array(tie("field"), { maxLength: 5 }).map((parts) => Buffer.concat(parts)),
	field: fc
		.tuple(
			fc.integer({ min: 0, max: 127 }),
			fc.oneof(
				fc.uint8Array({ maxLength: 12 }).map((part) => Buffer.from(part)),
				tie("message"),
			),
		)
		.map(([tag, content]) => Buffer.concat([Buffer.from([tag, content.length & 0x7f]), content])),
})).message;
/** One message inside another, deeper than any reader follows. */
const deep = fc.integer({ min: 50, max: 5_000 }).map((depth) => {
	let bytes = Buffer.alloc(0);
	for (let level = 0; level < depth && bytes.length < 50_000; level++) {
		const length: number[] = [];
		for (let rest = bytes.length; ; rest >>>= 7) {
			length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
			if (rest <= 0x7f) break;
		}
		bytes = Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
	}
	return bytes;
});

test.each([
	["well-formed messages", message, 200],
	["damaged messages", damaged, 300],
	["fields at random", fields, 200],
	["noise", fc.uint8Array({ maxLength: 200 }), 200],
	["nesting", deep, 5],
	["groups that never end", fc.constant(Buffer.alloc(50_000, 0x0b)), 1],
] as const)("%s", async (_name, bytes, numRuns) => {
	const property = fc.asyncProperty(bytes as fc.Arbitrary<Uint8Array>, async (sent) => {
		expectAnswer(await client.send(sent));
	});
	await fc.assert(property, { numRuns });
	expect(harness.errors).toEqual([]);
});
