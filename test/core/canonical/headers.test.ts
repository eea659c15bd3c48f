import { describe, expect, test } from "@jest/globals";
import { HeaderCollector } from "../../../src/core/canonical/headers.ts";
import { LIMITS } from "../../../src/core/limits.ts";

type Lines = readonly (readonly [name: string, value: string])[];

function collect(lines: Lines) {
	const collector = new HeaderCollector();
	for (const [name, value] of lines) {
		const detail = collector.add(name, value);
		if (detail !== null) return { detail };
	}
	return { ...collector, headers: { ...collector.headers }, detail: null };
}

const REFUSED: readonly (readonly [detail: string, lines: Lines])[] = [
	["header_name", [["", "x"]]],
	["header_name", [["x y", "x"]]],
	["header_name", [["x-role ", "admin"]]],
	["header_name", [["x\u0000", "x"]]],
	["header_name", [["x\r\n", "x"]]],
	["header_name", [["é", "x"]]],
	["header_name", [["x-firebrea\u212a-subject", "root"]]],
	["header_name", [[":unknown", "x"]]],
	["header_name", [[":", "x"]]],
	["header_control", [["x", "a\u0000b"]]],
	["header_control", [["x", "a\rb"]]],
	["header_control", [["x", "a\nb"]]],
	["header_control", [["x", "a\r\n b"]]],
	["header_control", [["x", "\u007f"]]],
	["header_control", [["x", "\u001b[2J"]]],
	["header_control", [["authorization", "Bearer a\n"]]],
	["header_altered", [["authorization", "Bearer \ufffd"]]],
	["header_altered", [["Authorization", "Bearer é"]]],
	["header_altered", [["dpop", "é"]]],
	["header_altered", [["x-forwarded-client-cert", "URI=spiffe://é"]]],
	["header_altered", [["content-length", "５"]]],
	["header_altered", [["host", "é"]]],
	["method_override", [["x-http-method-override", "DELETE"]]],
	["method_override", [["X-HTTP-Method-Override", "DELETE"]]],
	["method_override", [["x-http-method", "DELETE"]]],
	["method_override", [["x-method-override", ""]]],
	// CGI and what follows it read both as one name.
	["method_override", [["x_http_method_override", "DELETE"]]],
	["method_override", [["X-HTTP_Method", "DELETE"]]],
	[
		"duplicate_header",
		[
			["host", "a"],
			["host", "a"],
		],
	],
	["duplicate_header", [["host", "a,b"]]],
	[
		"duplicate_header",
		[
			["txn-token", "a"],
			["Txn-Token", "b"],
		],
	],
	["duplicate_header", [["workload-identity-token", "a,b"]]],
	[
		"duplicate_header",
		[
			["content-length", "1"],
			["content-length", "1"],
		],
	],
	[
		"duplicate_header",
		[
			[":path", "/a"],
			[":path", "/a"],
		],
	],
	["content_length", [["content-length", "5,5"]]],
	["content_length", [["content-length", "+5"]]],
	["content_length", [["content-length", "-5"]]],
	["content_length", [["content-length", "5 5"]]],
	["content_length", [["content-length", "0x5"]]],
	["content_length", [["content-length", ""]]],
	["content_length", [["content-length", "9".repeat(16)]]],
	["header_too_long", [["x", "a".repeat(LIMITS.headerValueBytes)]]],
	["headers_too_long", Array.from({ length: 5 }, (_, index): [string, string] => [`x-${index}`, "a".repeat(60_000)])],
	["header_count", Array.from({ length: LIMITS.headerCount + 1 }, (): [string, string] => ["x", "a"])],
];

test.each(REFUSED)("refuses: %s, %#", (detail, lines) => {
	expect(collect(lines)).toEqual({ detail });
});

describe("passes", () => {
	test("names in lower case, values trimmed and joined in order", () => {
		expect(
			collect([
				["X-Role", " guest\t"],
				["x-role", "admin"],
				["x-tab", "a\tb"],
				["x-empty", ""],
				["x-latin", "é!"],
			]),
		).toMatchObject({
			detail: null,
			headers: { "x-role": "guest,admin", "x-tab": "a\tb", "x-empty": "", "x-latin": "é!" },
		});
	});

	test("credentials of any length within that of all headers: they have limits of their own", () => {
		const long = "a".repeat(LIMITS.headerValueBytes);
		expect(collect([["Authorization", long]])).toMatchObject({ detail: null, authorization: [long] });
		expect(collect([["dpop", long]])).toMatchObject({ detail: null, dpop: [long] });
		expect(collect([["dpop", "a".repeat(LIMITS.headersBytes)]])).toEqual({ detail: "headers_too_long" });
	});

	test("credentials, one value for each line; a joined pair is left for authentication to refuse", () => {
		const facts = collect([
			["authorization", "Bearer a"],
			["Authorization", "Bearer b"],
			["dpop", "p"],
			["dpop", "q"],
		]);
		expect(facts).toMatchObject({
			authorization: ["Bearer a", "Bearer b"],
			dpop: ["p", "q"],
			headers: { authorization: "Bearer a,Bearer b", dpop: "p,q" },
		});
		expect(collect([["authorization", "Bearer a,Bearer b"]])).toMatchObject({ authorization: ["Bearer a,Bearer b"] });
	});

	test("pseudo-headers apart from the rest", () => {
		const facts = collect([
			[":method", "GET"],
			[":path", "/\ufffd"],
			["host", "a"],
		]);
		expect(facts).toMatchObject({ headers: { host: "a" }, pseudo: { ":method": "GET", ":path": "/\ufffd" } });
		expect(facts).not.toHaveProperty(["headers", ":path"]);
	});

	test("names that objects know", () => {
		const collector = new HeaderCollector();
		for (const name of ["__proto__", "constructor", "toString"]) expect(collector.add(name, name)).toBeNull();
		expect(Object.getPrototypeOf(collector.headers)).toBeNull();
		expect(Object.entries(collector.headers)).toEqual([
			["__proto__", "__proto__"],
			["constructor", "constructor"],
			["tostring", "toString"],
		]);
	});

	test("60 KB of headers", () => {
		const lines = Array.from({ length: 300 }, (_, index): [string, string] => [`x-${index}`, "a".repeat(200)]);
		expect(collect(lines).detail).toBeNull();
		expect(collect([["x", "a".repeat(61_440)]]).detail).toBeNull();
		expect(collect([["content-length", "9".repeat(15)]]).detail).toBeNull();
	});
});
