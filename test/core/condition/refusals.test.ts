import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compileCondition } from "../../../src/core/condition/condition.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const refused: readonly [text: string, message: RegExp, cure: RegExp][] = [
	["", /empty/, /null/],
	["  \n", /empty/, /null/],
	["token.admin", /of type dyn, not bool, at line 1, column 1, near token.admin/, /token.admin == true/],
	["request.method", /of type string, not bool/, /true or false/],
	["true ? token.a : token.b", /of type dyn, not bool/, /compare it/],
	["request.metod == 'GET'", /No such key: metod, at line 1, column 9, near/, /headers, query/],
	["true &&\n  request.metod == 'GET'", /No such key: metod, at line 2, column 11/, /headers, query/],
	["has(request.metod)", /unknown field metod, at line 1, column 5/, /method, path/],
	["source.name == 'x'", /No such key: name/, /segment, domain/],
	["foo == 1", /Unknown variable: foo, at line 1, column 1/, /request, source, destination, params, token, now/],
	["cel == cel", /unknown variable|no such overload/i, /./],
	["int == int", /unknown variable int/, /request/],
	["request == request", /no such overload/, /./],
	["[request].size() == 1", /request is no value of its own/, /fields/],
	["request[token.x] == 'GET'", /cannot be computed/, /request\.method/],
	["token.a(1) == 1", /no matching overload|not available/, /./],
	["foo(1) == 1", /overload for 'foo/, /name/],
	["1 == 'a'", /no such overload: int == string/, /convert/],
	["now > 5", /no such overload: timestamp > int/, /convert/],
	["request.method && true", /bool operands/, /combine bools/],
	["token.a ==", /Unexpected token: EOF/, /syntax/],
	["token.a == 'x", /Unterminated string/, /syntax/],
	["token.a = 1", /Unexpected character/, /syntax/],
	["cel.bind(x, 1, x == 1)", /function bind is not available/, /use one of all, /],
	["type(token.x) == string", /function type is not available/, /use one of/],
	["bytes('a') == b'a'", /not available/, /./],
	["b'a' == b'a'", /bytes and unsigned integers/, /text/],
	["token.x == 1u", /bytes and unsigned integers/, /without u/],
	["token.x == 9223372036854775808", /more than 64 bits/, /smaller/],
	["'abc'.indexOf('b') == 1", /function indexOf is not available/, /use one of/],
	["request.headers['Authorization'] == ''", /cannot read the header authorization/, /proven/],
	["request.headers.cookie == ''", /cannot read the header cookie/, /proven/],
	["has(request.headers.dpop)", /cannot read the header dpop/, /proven/],
	["'x-forwarded-client-cert' in request.headers", /cannot read the header x-forwarded-client-cert/, /proven/],
	["request.headers['x-firebreak-subject'] == 'root'", /cannot read the header x-firebreak-subject/, /proven/],
	["request.headers['X-Tenant'] == 't1'", /lower case, X-Tenant is never found/, /write x-tenant/],
	["request.path.matches(token.pattern)", /expression is computed/, /literal/],
	["request.path.matches('(')", /missing closing/, /RE2/],
	["request.path.matches('(a)\\\\1')", /invalid escape/, /RE2/],
	["request.path.matches('(?=a)')", /invalid/, /RE2/],
	[`request.path.matches('${"a".repeat(LIMITS.regexBytes + 1)}')`, /longer than 512/, /RE2/],
	["request.path.matches('(a{100}){10}')", /instructions, more than/, /smaller/],
	["now - now < duration(token.x)", /duration is computed/, /literal/],
	["now - now < duration('5 minutes')", /duration is malformed/, /1h30m/],
	["now - now < duration('')", /duration is malformed/, /1h30m/],
	["now > timestamp('2026-02-30T00:00:00Z')", /timestamp is malformed/, /RFC 3339/],
	["now.getHours('Mars/Olympus') > 8", /time zone is unknown/, /Europe\/Berlin/],
	["now.getHours(token.zone) > 8", /time zone is computed/, /literal/],
	[`token.x == '${"a".repeat(LIMITS.conditionBytes)}'`, /longer than 4096 bytes/, /split/],
	[`token.x in [${"1,".repeat(LIMITS.conditionListElements + 1)}]`, /maxListElements/, /split/],
	[Array(200).fill("token.x == 1").join("||"), /maxAstNodes/, /split/],
	[`${"(".repeat(40)}true${")".repeat(40)}`, /maxDepth/, /split/],
	["!".repeat(4_000), /./, /./],
	[`${"!".repeat(4_000)}true`, /maxAstNodes/, /split/],
	[`token${".a".repeat(40)} == 1`, /maxDepth/, /split/],
	["[1].exists(a, [1].exists(b, [1].exists(c, true)))", /more than 2 deep, at|more than 2 deep/, /split/],
	[
		Array(LIMITS.conditionLoops + 1)
			.fill("[1].exists(a, true)")
			.join("||"),
		/more than 8 macros/,
		/split/,
	],
	["[1].exists(1, true)", /variable/, /./],
];

describe("what does not compile says where and how to mend it", () => {
	test.each(refused)("%s", (text, message, cure) => {
		expect(compileCondition(text)).toEqual({
			ok: false,
			message: expect.stringMatching(message),
			cure: expect.stringMatching(cure),
		});
	});
});

test("any text compiles or is refused in one line, and never throws", () => {
	const words = fc.constantFrom(
		...[
			"token",
			".",
			"a",
			"(",
			")",
			"[",
			"]",
			"{",
			"}",
			"request",
			"method",
			"==",
			"&&",
			"||",
			"!",
			"-",
			"1",
			'"x"',
			",",
		],
		...[
			"exists",
			"map",
			"has",
			"in",
			"?",
			":",
			"duration",
			"timestamp",
			"matches",
			"now",
			"getHours",
			"params",
			" ",
			"\n",
			"\u0000",
		],
	);
	const texts = fc.oneof(
		fc.array(words, { maxLength: 25 }).map((all) => all.join("")),
		fc.string({ unit: "binary" }),
	);
	fc.assert(
		fc.property(texts, (text) => {
			const result = compileCondition(text);
			if (result.ok) return;
			expect(result.message).toMatch(/^\P{Cc}+$/u);
			expect(result.cure).not.toBe("");
		}),
		{ numRuns: 3_000 },
	);
});
