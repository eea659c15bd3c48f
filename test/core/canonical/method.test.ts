import { expect, test } from "@jest/globals";
import { isToken, methodDetail } from "../../../src/core/canonical/method.ts";
import { LIMITS } from "../../../src/core/limits.ts";

test.each(["GET", "HEAD", "POST", "DELETE", "PROPFIND", "get", "M-SEARCH", "x!#$%&'*+.^_`|~", "CONNECTED", "connect"])(
	"passes %s",
	(method) => {
		expect(methodDetail(method, false)).toBeNull();
	},
);

test.each([
	["", "method_empty"],
	["GE T", "method_not_token"],
	["GET ", "method_not_token"],
	["GET\r\n", "method_not_token"],
	["GET\u0000", "method_not_token"],
	["G\u00c9T", "method_not_token"],
	["GET/", "method_not_token"],
	["(GET)", "method_not_token"],
	["X".repeat(LIMITS.methodBytes + 1), "method_too_long"],
	["CONNECT", "method_connect"],
])("refuses %j: %s", (method, detail) => {
	expect(methodDetail(method, false)).toBe(detail);
});

test("an extended CONNECT is an upgrade, not a tunnel", () => {
	expect(methodDetail("CONNECT", true)).toBeNull();
});

test.each([
	["", 0, false],
	["a", 0, true],
	["a", 1, false],
	["h2c/1", 4, true],
	["a/b", 0, false],
])("token %j from %d: %j", (text, start, token) => {
	expect(isToken(text, start)).toBe(token);
});
