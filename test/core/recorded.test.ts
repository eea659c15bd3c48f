import { describe, expect, test } from "@jest/globals";
import { recordedPath, recordedText } from "../../src/core/recorded.ts";
import { API_KEY, TOKEN } from "../cases/credential-texts.ts";

describe("recordedText", () => {
	test.each([
		["plain", "/v1/payments/42", "/v1/payments/42"],
		["controls, which Postgres or a terminal would choke on", "a\0b\nc\u007f", "a\ufffdb\ufffdc\ufffd"],
		["lone surrogates", "a\ud800b", "a\ufffdb"],
		["an end", "x".repeat(5_000), "x".repeat(1_024)],
		["a token in a path", `/invitations/${TOKEN}/accept`, "/invitations/[credential]/accept"],
		["an API key", `/v1/keys/${API_KEY}`, "/v1/keys/[credential]"],
		["ids that begin alike", "/v1/eyJ/fbk_7", "/v1/eyJ/fbk_7"],
		["a surrogate cut in half", `${"x".repeat(1_023)}😀`, `${"x".repeat(1_023)}\ufffd`],
	])("%s", (_title, text, expected) => {
		expect(recordedText(text)).toBe(expected);
	});
});

describe("recordedPath", () => {
	test.each([
		["/a?token=s3cret", "/a"],
		["/a#s3cret", "/a"],
		["?s3cret", ""],
		["/a%3Fb", "/a%3Fb"],
	])("%s", (path, expected) => {
		expect(recordedPath(path)).toBe(expected);
	});
});
