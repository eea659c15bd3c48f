import { describe, expect, test } from "@jest/globals";
import { canonicalPath } from "../../../src/core/canonical/path.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { PathException } from "../../../src/core/model.ts";

const detailOf = (raw: string, exceptions: readonly PathException[] = []) => {
	const result = canonicalPath(raw, exceptions);
	return result.ok ? "" : result.detail;
};
const pathOf = (raw: string, exceptions: readonly PathException[] = []) => {
	const result = canonicalPath(raw, exceptions);
	return result.ok ? result.path : result.detail;
};

const REFUSED: readonly (readonly [detail: string, ...paths: string[]])[] = [
	["path_empty", "", "?x=1"],
	[
		"path_not_absolute",
		"*",
		"Svc/Method",
		"http://host/v1",
		"https:/v1",
		".",
		"%2Fv1",
		"\\v1",
		" /v1",
		"\u0000/v1",
		";/v1",
	],
	["double_slash", "//", "//admin", "/v1//admin", "/v1/admin//", "///", "/v1///"],
	["encoded_slash", "/public%2f..%2fadmin", "/v1%2F", "/%2fadmin", "/a%2Fb"],
	["backslash", "/v1\\admin", "/\\admin", "/v1/..\\admin"],
	["encoded_backslash", "/v1%5cadmin", "/v1%5C..%5Cadmin"],
	["dot_segment", "/public/../admin", "/..", "/.", "/v1/.", "/v1/..", "/v1/./admin", "/../", "/./", "/v1/../"],
	["encoded_dot", "/v1/%2e%2e/admin", "/v1/%2E/admin", "/v1/.%2e/admin", "/v1/a%2ejson"],
	["semicolon", "/public/..;x/admin", "/admin;a=b/x", "/admin;", "/;", "/a;x=y/b", "/..;/admin"],
	["encoded_semicolon", "/admin%3Bx=1", "/admin%3b"],
	["fragment", "/user/profile#x", "/#", "/v1?x#y", "/v1?#"],
	[
		"control_byte",
		"/v1\u0000",
		"/v1\u0000/admin",
		"/v1\n",
		"/v1\r\n",
		"/v1\tx",
		"/v1\u001f",
		"/v1\u007f",
		"/v1 x",
		"/v1 ",
		"/v1?a b",
		"/v1?a\u0000",
		"/v1?a\r\nX: y",
	],
	["encoded_control", "/v1%00", "/v1%0a", "/v1%0D%0A", "/v1%09", "/v1%1f", "/v1%7F"],
	["broken_escape", "/v1/%", "/v1/%4", "/v1/%zz", "/v1/%4g", "/v1/%g4", "/v1/%u002e", "/v1/% 41", "/v1/%%41"],
	["encoded_percent", "/v1/%252e%252e/admin", "/v1/%25", "/v1/100%25", "/v1/%252F"],
	["encoded_unreserved", "/v1/%61dmin", "/%41", "/v1/%7Euser", "/v1/%2D", "/v1/%5f", "/v1/%30"],
	[
		"escape_not_utf8",
		"/v1/%FF",
		"/v1/%C3",
		"/v1/%C3/%A9",
		"/v1/%C3x%A9",
		"/v1/%C0%AF",
		"/v1/%E0%80%AF",
		"/v1/%F0%80%80%AF",
		"/v1/%ED%A0%80",
		"/v1/%F4%90%80%80",
		"/v1/%A9",
	],
	["non_ascii", "/v1/é", "/v1/\u00ff", "/v1/\ufffd", "/v1/\uff0fadmin", "/v1/\ud800", "/v1/\u{1f600}", "/\u2215"],
];

const PASSED: readonly (readonly [raw: string, path: string, segments: readonly string[], query?: string])[] = [
	["/", "/", [""]],
	["/v1", "/v1", ["v1"]],
	["/v1/", "/v1/", ["v1", ""]],
	["/v1/payments/42", "/v1/payments/42", ["v1", "payments", "42"]],
	["/v1/payments?x=1", "/v1/payments", ["v1", "payments"], "x=1"],
	["/v1/payments?", "/v1/payments", ["v1", "payments"]],
	["/v1?a=1?b=/../%2e%2e//;x\\%zz%00é", "/v1", ["v1"], "a=1?b=/../%2e%2e//;x\\%zz%00é"],
	["/v1/a%20b", "/v1/a%20b", ["v1", "a%20b"]],
	["/v1/%c3%a9", "/v1/%C3%A9", ["v1", "%C3%A9"]],
	["/v1/%C3%A9", "/v1/%C3%A9", ["v1", "%C3%A9"]],
	["/v1/%f0%9f%98%80", "/v1/%F0%9F%98%80", ["v1", "%F0%9F%98%80"]],
	["/mypath%3Fx=1", "/mypath%3Fx=1", ["mypath%3Fx=1"]],
	["/a%23b", "/a%23b", ["a%23b"]],
	["/users/a%40b.com", "/users/a@b.com", ["users", "a@b.com"]],
	["/users/a@b.com", "/users/a@b.com", ["users", "a@b.com"]],
	["/a%3ab%21%24%26%27%28%29%2B%2c%3D", "/a:b!$&'()+,=", ["a:b!$&'()+,="]],
	["/v1/x:capture", "/v1/x:capture", ["v1", "x:capture"]],
	["/v1/*", "/v1/%2A", ["v1", "%2A"]],
	["/v1/a%2a", "/v1/a%2A", ["v1", "a%2A"]],
	["/v1/{id}", "/v1/%7Bid%7D", ["v1", "%7Bid%7D"]],
	['/"<>[]^`|', "/%22%3C%3E%5B%5D%5E%60%7C", ["%22%3C%3E%5B%5D%5E%60%7C"]],
	["/.well-known/x", "/.well-known/x", [".well-known", "x"]],
	["/...", "/...", ["..."]],
	["/..a/.b/c..", "/..a/.b/c..", ["..a", ".b", "c.."]],
	["/pkg.Service/Method", "/pkg.Service/Method", ["pkg.Service", "Method"]],
	["/__proto__/constructor", "/__proto__/constructor", ["__proto__", "constructor"]],
];

describe("without exceptions", () => {
	test.each(REFUSED.flatMap(([detail, ...paths]) => paths.map((path) => [path, detail] as const)))(
		"refuses %j: %s",
		(path, detail) => {
			expect(detailOf(path)).toBe(detail);
		},
	);

	test.each(PASSED)("reads %j as %j", (raw, path, segments, query = "") => {
		const mark = raw.indexOf("?");
		expect(canonicalPath(raw)).toEqual({
			ok: true,
			rawPath: mark === -1 ? raw : raw.slice(0, mark),
			path,
			segments,
			query,
		});
	});
});

describe("limits", () => {
	test("path", () => {
		expect(detailOf(`/${"a".repeat(LIMITS.pathBytes - 1)}`)).toBe("");
		expect(detailOf(`/${"a".repeat(LIMITS.pathBytes)}`)).toBe("path_too_long");
	});
	test("segments", () => {
		expect(detailOf("/a".repeat(LIMITS.pathSegments))).toBe("");
		expect(detailOf("/a".repeat(LIMITS.pathSegments + 1))).toBe("path_too_deep");
	});
	test("query", () => {
		expect(detailOf(`/?${"a".repeat(LIMITS.queryBytes)}`)).toBe("");
		expect(detailOf(`/?${"a".repeat(LIMITS.queryBytes + 1)}`)).toBe("query_too_long");
	});
});

/** Exception, request, and its canonical path or the detail it is refused with. */
const EXCEPTIONS: readonly (readonly [PathException, string, string])[] = [
	["encoded_slash", "/projects/group%2fname", "/projects/group%2Fname"],
	["encoded_slash", "/projects/group%2Fname/", "/projects/group%2Fname/"],
	["encoded_slash", "/projects/name%2F", "/projects/name%2F"],
	["encoded_slash", "/public%2f..%2fadmin", "dot_segment"],
	["encoded_slash", "/public/..%2fadmin", "dot_segment"],
	["encoded_slash", "/public%2f.", "dot_segment"],
	["encoded_slash", "/public%2f%2fadmin", "double_slash"],
	["encoded_slash", "/public/%2fadmin", "double_slash"],
	["encoded_slash", "/%2fadmin", "double_slash"],
	["encoded_slash", "/public%5cadmin", "encoded_backslash"],
	["encoded_slash", "/public%252fadmin", "encoded_percent"],
	["encoded_slash", "/public%c0%af", "escape_not_utf8"],
	["encoded_slash", "/public//admin", "double_slash"],
	["encoded_slash", "/a;b", "semicolon"],
	["semicolon", "/a;b=c/d", "/a;b=c/d"],
	["semicolon", "/a;", "/a;"],
	["semicolon", "/public/..;x/admin", "dot_segment"],
	["semicolon", "/public/..;/admin", "dot_segment"],
	["semicolon", "/public/.;x", "dot_segment"],
	["semicolon", "/public/;x/admin", "semicolon"],
	["semicolon", "/...;x", "/...;x"],
	["semicolon", "/a%3Bb", "encoded_semicolon"],
	["semicolon", "/a%2Fb", "encoded_slash"],
	["utf8", "/v1/é", "/v1/%C3%A9"],
	["utf8", "/v1/%c3%a9é", "/v1/%C3%A9%C3%A9"],
	["utf8", "/v1/\u{1f600}", "/v1/%F0%9F%98%80"],
	["utf8", "/v1/\ufffd", "non_ascii"],
	["utf8", "/v1/\ud800", "non_ascii"],
	["utf8", "/v1/%C3é", "escape_not_utf8"],
	["utf8", "/v1/%ff", "escape_not_utf8"],
	["utf8", "/v1/a\u0000", "control_byte"],
];

test.each(EXCEPTIONS)("with %s, %j gives %j", (exception, raw, expected) => {
	expect(pathOf(raw, [exception])).toBe(expected);
});

test("both exceptions: dot and empty segments in every mixture stay refused", () => {
	const both: readonly PathException[] = ["encoded_slash", "semicolon"];
	expect(pathOf("/a%2F..;x/b", both)).toBe("dot_segment");
	expect(pathOf("/a%2F;x/b", both)).toBe("semicolon");
	expect(pathOf("/a%2Fb;x", both)).toBe("/a%2Fb;x");
});
