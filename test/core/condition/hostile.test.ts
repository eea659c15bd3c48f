import { describe, expect, test } from "@jest/globals";
import { compileCondition } from "../../../src/core/condition/condition.ts";
import { Frame } from "../../../src/core/condition/frame.ts";
import { compileRegex } from "../../../src/core/condition/regex.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { conditionScope, evaluate, type ScopeParts } from "./scope.ts";

const MANY = Array.from({ length: 4_000 }, (_, index) => index);
const LONG = "ab".repeat(LIMITS.headerValueBytes / 2);

/** The answer over small data, and over the largest that a request and a token can carry. */
const hostile: readonly (readonly [condition: string, small: "true" | "false", large: "true" | "false" | "error"])[] = [
	["token.many.all(a, token.many.all(b, a == b || a != b))", "true", "error"],
	["token.many.exists(a, token.many.exists(b, a + b == -1))", "false", "error"],
	["token.many.map(a, token.many).map(b, size(b)).exists(c, c < 0)", "false", "false"],
	["token.many.map(a, token.many.map(b, b)).size() < 0", "false", "error"],
	["token.many.filter(a, token.many == token.many).size() < 0", "false", "error"],
	["token.many.exists(a, a in token.many && a < 0)", "false", "error"],
	["token.many.exists(a, request.headers.long == request.headers.long + '' && a < 0)", "false", "error"],
	["token.many.exists(a, a.x.y == 1 || a.x.y == 2) || true", "true", "true"],
	[`[request.headers.long]${".map(a, a + a + a + a)".repeat(7)}.exists(a, a == '')`, "false", "error"],
	[`[token.many]${".map(a, a + a + a + a)".repeat(7)}.exists(a, size(a) == 0)`, "false", "error"],
	["request.headers.long.split('').map(a, a + a).join().split('').join() == ''", "false", "error"],
	["request.headers.long.contains(request.headers.part)", "false", "error"],
	["request.headers.long.split(request.headers.part).size() == 2", "false", "error"],
	["request.headers.long.matches('[ab]*a[ab]{100}[cd]')", "false", "error"],
	["(request.headers.long + request.headers.long).lowerAscii() == ''", "false", "false"],
	["(request.headers.long + 'É').lowerAscii() == ''", "false", "error"],
	["size(request.headers.long) < 0", "false", "false"],
	["request.headers.long.startsWith(request.headers.part)", "false", "false"],
	["int(request.headers.long) == 1 || true", "true", "true"],
	["double(request.headers.long) == 1.0 || true", "true", "true"],
	["timestamp(request.headers.long) > now || true", "true", "true"],
];

describe("the work of one evaluation is bounded, whatever the data", () => {
	const small: ScopeParts = { token: { many: [1, 2, 3] }, headers: { long: "abab", part: "cd" } };
	const large: ScopeParts = { token: { many: MANY }, headers: { long: LONG, part: `${"a".repeat(4_000)}c` } };
	test.each(hostile)("%s", (text, overSmall, overLarge) => {
		expect([evaluate(text, small), evaluate(text, large)]).toEqual([overSmall, overLarge]);
	});

	test("spent work is an error that nothing absorbs, and the next evaluation starts afresh", () => {
		const result = compileCondition("token.many.all(a, token.many.all(b, a == b || a != b)) || true");
		if (!result.ok) throw new Error(result.message);
		const over = (many: readonly number[]) => result.condition.evaluate(conditionScope({ token: { many } }));
		expect([over([1]), over(MANY), over([1]), over(MANY), over([1, 2])]).toEqual([
			"true",
			"error",
			"true",
			"error",
			"true",
		]);
	});

	test("a frame counts work before it is done", () => {
		const frame = new Frame(conditionScope());
		expect([frame.spend(LIMITS.conditionWork - 1), frame.spent, frame.spend(1), frame.spent]).toEqual([
			true,
			false,
			true,
			false,
		]);
		expect([frame.spend(1), frame.spent, frame.spend(0)]).toEqual([false, true, false]);
	});

	test("claims nested deeper than any token are an error", () => {
		let nested: unknown = 1;
		for (let depth = 0; depth < LIMITS.tokenJsonDepth; depth++) nested = { a: nested };
		expect(evaluate("token.claim.a.a == token.claim.a.a", { token: { claim: nested } })).toBe("true");
		expect(evaluate("token.claim.a.a == token.claim.a.a", { token: { claim: [nested] } })).toBe("error");
	});
});

test("the largest expression still reads a usual path", () => {
	const largest = compileRegex(`a{${LIMITS.regexInstructions - 10}}`);
	if (typeof largest === "string") throw new Error(largest);
	expect(largest.workPerCharacter * 100).toBeLessThan(LIMITS.conditionWork);
	expect(compileRegex(`a{${LIMITS.regexInstructions + 10}}`)).toMatch(/instructions, more than/);
});

describe("regular expressions", () => {
	const compile = (pattern: string) => {
		const regex = compileRegex(pattern);
		if (typeof regex === "string") throw new Error(regex);
		return regex;
	};

	test.each([
		["(a|aa)+$", `${"a".repeat(5_000)}b`, false],
		["(x+x+)+y", "x".repeat(5_000), false],
		["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(5_000), false],
		["(a?){50}a{50}", "a".repeat(50), true],
		["[ab]*a[ab]{100}[cd]", "ab".repeat(2_000), false],
		["\\bfoo\\b", "a foo b", true],
		["(?i)FOO", "xfoox", true],
		["^a$", "a\n", false],
		["", "", true],
	])("%s", (pattern, input, matches) => {
		const regex = compile(pattern);
		for (let round = 0; round < 3; round++) expect(regex.test(input)).toBe(matches);
	});
});
