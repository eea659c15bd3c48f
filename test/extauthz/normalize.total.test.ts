/** Whatever arrives, normalize gives a request or a refusal. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { destinationOf, normalize } from "../../src/extauthz/normalize.ts";
import type { CheckRequest } from "../../src/extauthz/wire.ts";
import { checkOf } from "./fixtures.ts";

describe("total", () => {
	/** A check with one part replaced by anything. */
	const bent = fc.oneof(
		fc.anything().map((value) => value as CheckRequest),
		fc.anything().map((attributes) => ({ attributes }) as CheckRequest),
		fc
			.tuple(fc.constantFrom("source", "destination", "request", "contextExtensions"), fc.anything())
			.map(([name, value]) => ({ attributes: { ...checkOf().attributes, [name]: value } }) as CheckRequest),
		fc
			.tuple(fc.constantFrom("method", "path", "host", "scheme", "headers", "headerMap"), fc.anything())
			.map(([name, value]) => {
				const attributes = checkOf().attributes;
				const http = { ...attributes?.request?.http, [name]: value };
				return { attributes: { ...attributes, request: { http } } } as CheckRequest;
			}),
	);

	test("whatever an object holds", () => {
		fc.assert(
			fc.property(bent, (check) => {
				const safe = check ?? {};
				expect(typeof normalize(safe, null, []).ok).toBe("boolean");
				destinationOf(safe);
			}),
			{ numRuns: 3_000 },
		);
	});

	test("whatever text stands in a request; what passes holds only canonical text", () => {
		const text = fc.oneof(
			fc.string({ unit: "binary", maxLength: 30 }),
			fc.constantFrom("", "GET", "/", "/a", "a.example", "https", "x", "\u0000"),
		);
		const told = fc.record(
			{
				principal: text,
				method: text,
				path: text.map((end) => `/${end}`),
				host: text,
				scheme: text,
				headers: fc.dictionary(text, text),
				raw: fc.array(fc.record({ key: text, rawValue: text })),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(told, (parts) => {
				const result = normalize(checkOf(parts), null, []);
				if (!result.ok) return;
				const { path, host, method, headers } = result.request;
				expect(path).toMatch(/^\/[\x21-\x7e]*$/);
				expect(host).toMatch(/^[a-z0-9._:[\]-]+$/);
				expect(method).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
				for (const [name, value] of Object.entries(headers)) {
					expect(name).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/);
					expect(value).not.toMatch(/[^\P{Cc}\t\x80-\x9f]/u);
				}
			}),
			{ numRuns: 3_000 },
		);
	});
});
