/** The encoder against protobufjs, which reads what it writes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeCheckResponse } from "../../src/extauthz/encode.ts";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import type { CheckResponse, Metadata, MetadataValue } from "../../src/extauthz/wire.ts";

const { deserialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckResponse"] as unknown as {
	deserialize(bytes: Buffer): unknown;
};
const read = (response: CheckResponse) => deserialize(encodeCheckResponse(response));

const option = ({ name, value }: { name: string; value: string }) => ({
	header: { key: name, value },
	append: {},
	appendAction: 2,
});
const struct = (metadata: Metadata): unknown => {
	const fields = Object.entries(metadata).map(([name, value]) => [name, expectedValue(value)]);
	return fields.length === 0 ? {} : { fields: Object.fromEntries(fields) };
};
const expectedValue = (value: MetadataValue) => {
	if (typeof value === "string") return { stringValue: value };
	return typeof value === "number" ? { numberValue: value } : { structValue: struct(value) };
};

/** The message that an answer must read back as. */
function expected(response: CheckResponse): unknown {
	const dynamicMetadata = struct(response.metadata);
	if (response.allowed) {
		const { headers, headersToRemove, responseHeaders = [] } = response;
		return {
			status: {},
			okResponse: {
				...(headers.length > 0 && { headers: headers.map(option) }),
				...(headersToRemove.length > 0 && { headersToRemove }),
				...(responseHeaders.length > 0 && { responseHeadersToAdd: responseHeaders.map(option) }),
			},
			dynamicMetadata,
		};
	}
	const { code, status, headers, body } = response;
	return {
		status: { code },
		deniedResponse: {
			status: { code: status },
			...(headers.length > 0 && { headers: headers.map(option) }),
			body,
		},
		dynamicMetadata,
	};
}

const ALLOWED: CheckResponse = {
	allowed: true,
	headers: [
		{ name: "x-firebreak-principal", value: "spiffe://prod.example.org/ns/orders/sa/orders" },
		{ name: "x-firebreak-decision", value: "id" },
	],
	headersToRemove: ["x-firebreak-subject", "authorization"],
	responseHeaders: [{ name: "dpop-nonce", value: "n-1" }],
	metadata: { decision: "allow", revision: 42, would: { reason: "scope_missing" } },
};
const DENIED: CheckResponse = {
	allowed: false,
	code: 7,
	status: 403,
	headers: [{ name: "content-type", value: "application/problem+json" }],
	body: '{"title":"Forbidden"}',
	metadata: { decision: "deny" },
};

describe("reads back", () => {
	test.each([
		["allowed", ALLOWED],
		["denied", DENIED],
		["allowed, bare", { allowed: true, headers: [], headersToRemove: [], metadata: {} }],
		["beyond the buffer", { ...DENIED, body: "x".repeat(100_000) }],
		["after it", ALLOWED],
		["text outside ASCII", { ...DENIED, body: "Zoë \u{1f600} \u0000", metadata: { ключ: "значение" } }],
	] as const)("%s", (_name, response) => {
		expect(read(response)).toEqual(expected(response));
	});

	test("anything", () => {
		const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 300 }), fc.string({ maxLength: 8 }), {
			weight: 1,
			arbitrary: fc.nat(9_000).map((length) => "x".repeat(length)),
		});
		const header = fc.record({ name: text.map((name) => `x${name}`), value: text });
		const key = text.filter((name) => name !== "__proto__" && name !== "");
		const scalar = fc.oneof(text, fc.double({ noNaN: true }));
		const metadata = fc.dictionary(key, fc.oneof(scalar, fc.dictionary(key, scalar)));
		const allowed = fc.record({
			allowed: fc.constant(true as const),
			headers: fc.array(header),
			headersToRemove: fc.array(text),
			responseHeaders: fc.array(header),
			metadata,
		});
		const denied = fc.record({
			allowed: fc.constant(false as const),
			code: fc.integer({ min: 1, max: 16 }),
			status: fc.integer({ min: 400, max: 599 }),
			headers: fc.array(header),
			body: text,
			metadata,
		});
		fc.assert(
			fc.property(fc.oneof(allowed, denied), (response) => {
				expect(read(response as CheckResponse)).toEqual(expected(response as CheckResponse));
			}),
			{ numRuns: 500 },
		);
	});
});

test("a denial never carries the code that allows", () => {
	expect(read({ ...DENIED, code: 0 })).toMatchObject({ status: { code: 13 } });
});

test("earlier results stay as they were", () => {
	const first = encodeCheckResponse(ALLOWED);
	const copy = Buffer.from(first);
	encodeCheckResponse({ ...DENIED, body: "y".repeat(50_000) });
	encodeCheckResponse(DENIED);
	expect(first.equals(copy)).toBe(true);
});
