import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatApiKey, isApiKey } from "../../src/core/api-key.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("API keys", () => {
	test("end in the checksum that gzip would compute", () => {
		const key = formatApiKey(new Uint8Array(32));
		let rest = crc32(key.slice(0, -7));
		let written = "";
		for (let index = 0; index < 6; index++) {
			written = `${DIGITS[rest % 62]}${written}`;
			rest = Math.floor(rest / 62);
		}
		expect(key.slice(-6)).toBe(written);
	});

	test("have one form, whatever their bytes", () => {
		expect(formatApiKey(new Uint8Array(32))).toMatch(/^fbk_0{43}_[0-9A-Za-z]{6}$/);
		expect(formatApiKey(new Uint8Array(32).fill(255))).toMatch(/^fbk_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
		fc.assert(fc.property(secrets, (secret) => isApiKey(formatApiKey(secret))));
	});

	test("differ when their bytes differ", () => {
		fc.assert(
			fc.property(secrets, secrets, (a, b) => (formatApiKey(a) === formatApiKey(b)) === Buffer.from(a).equals(b)),
		);
	});

	test("tell a mistyped character", () => {
		fc.assert(
			fc.property(secrets, fc.nat(53), fc.constantFrom(..."0Az9"), (secret, at, typed) => {
				const key = formatApiKey(secret);
				const mistyped = `${key.slice(0, at)}${typed}${key.slice(at + 1)}`;
				return isApiKey(mistyped) === (mistyped === key);
			}),
		);
	});

	test.each(["", "fbk_", "fbk_short_000000", "eyJhbGciOi", `${formatApiKey(new Uint8Array(32))} `])(
		"%j is none",
		(text) => {
			expect(isApiKey(text)).toBe(false);
		},
	);

	test("are made of 32 bytes", () => {
		expect(() => formatApiKey(new Uint8Array(31))).toThrow(RangeError);
	});
});
