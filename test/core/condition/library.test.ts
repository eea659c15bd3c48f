/**
 * The library's own evaluator as an oracle: where both answer, they answer alike. Where it is known to differ it is not
 * asked: it types a list by its first element (mixed `+`, keys of another type), takes `int("")` and huge doubles for
 * integers, and has its own ideas of time zones and of ASCII.
 */
import { expect, test } from "@jest/globals";
import { Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { compileCondition } from "../../../src/core/condition/condition.ts";
import { conditionScope } from "./scope.ts";

const TOKEN = {
	n: 3,
	m: -2,
	d: 1.5,
	s: "ab",
	yes: true,
	nil: null,
	list: [1, 2, 3],
	words: ["a", "ab", "b"],
	mixed: [1, "a", null, 2.5],
	empty: [],
	map: { a: 1, b: { c: "x" } },
};

const environment = new Environment()
	.registerVariable("params", "map<string, string>")
	.registerVariable("token", "map<string, dyn>");
const context = { params: { id: "ab", n: "3" }, token: withInts(TOKEN) };
const scope = conditionScope({ token: TOKEN, params: context.params });

/** As the design demands that JSON's integers be handed over. */
function withInts(value: unknown): unknown {
	if (Number.isSafeInteger(value)) return BigInt(value as number);
	if (Array.isArray(value)) return value.map(withInts);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withInts(inner)]));
}

function libraryAnswer(text: string): "true" | "false" | "error" {
	try {
		const answer: unknown = environment.parse(text)(context);
		return typeof answer === "boolean" ? (String(answer) as "true" | "false") : "error";
	} catch {
		return "error";
	}
}

const { condition } = fc.letrec<Record<string, string>>((tie) => {
	const join = (...parts: (string | fc.Arbitrary<string>)[]) =>
		fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((all) => all.join(""));
	const one = (...texts: string[]) => fc.constantFrom(...texts);
	const dynamic = one(
		...Object.keys(TOKEN).map((key) => `token.${key}`),
		"token.absent",
		"token.map.b.c",
		"token.list[1]",
		"x",
	);
	const depth = { depthSize: "small", maxDepth: 5 } as const;
	return {
		condition: fc.oneof(
			depth,
			one("true", "false", "has(token.n)", "has(token.absent)", "has(token.map.zz)", "token.yes == true"),
			join(tie("value"), one(" == ", " != "), tie("value")),
			join(tie("number"), one(" < ", " <= ", " > ", " >= ", " == "), tie("number")),
			join(tie("text"), one(" < ", " == ", " >= "), tie("text")),
			join(tie("value"), " in ", tie("list")),
			join(tie("text"), " in token.map"),
			join(tie("text"), one(".startsWith(", ".endsWith(", ".contains("), tie("text"), ")"),
			join("!(", tie("condition"), ")"),
			join("(", tie("condition"), one(" && ", " || "), tie("condition"), ")"),
			join("(", tie("condition"), " ? ", tie("condition"), " : ", tie("condition"), ")"),
			join(tie("list"), one(".all(x, ", ".exists(x, ", ".exists_one(x, "), tie("condition"), ")"),
		),
		number: fc.oneof(
			depth,
			one("0", "1", "-2", "3", "2.5", "token.n", "token.d"),
			join("(", tie("number"), one(" + ", " - ", " * ", " / ", " % "), tie("number"), ")"),
			join("size(", tie("list"), ")"),
			join("size(", tie("text"), ")"),
			join("int(", tie("number"), ")"),
			join("double(", tie("number"), ")"),
			dynamic,
		),
		text: fc.oneof(
			depth,
			one('"a"', '"ab"', '""', "params.id", "params.absent", 'params["n"]', "token.s"),
			join("(", tie("text"), " + ", tie("text"), ")"),
			join("string(", tie("number"), ")"),
			join(tie("list"), '.join("-")'),
			dynamic,
		),
		list: fc.oneof(
			depth,
			one("[1, 2]", "[]", '["a", "b"]', "[2.5]", "token.list", "token.words", "token.mixed", "token.empty"),
			join("[", tie("number"), ", ", tie("number"), "]"),
			join("(", one("[1, 2]", "token.list", "[3]"), " + ", one("token.list", "[0]"), ")"),
			join(tie("list"), ".filter(x, ", tie("condition"), ")"),
			join(tie("list"), ".map(x, ", tie("value"), ")"),
			join(tie("text"), '.split("")'),
		),
		value: fc.oneof(
			depth,
			tie("number"),
			tie("text"),
			tie("list"),
			one("null", "true", '{"a": 1}', "token.map"),
			dynamic,
		),
	};
});

test("answers as the library does, for whatever compiles", () => {
	let compiled = 0;
	const answers = { true: 0, false: 0, error: 0 };
	fc.assert(
		fc.property(condition!, (text) => {
			const result = compileCondition(text);
			if (!result.ok) return;
			const answer = result.condition.evaluate(scope);
			compiled++;
			answers[answer]++;
			expect([text, answer]).toEqual([text, libraryAnswer(text)]);
		}),
		{ numRuns: 5_000 },
	);
	// The property is worth something only while many of the texts compile, and to each answer.
	expect(compiled).toBeGreaterThan(500);
	expect(Math.min(answers.true, answers.false, answers.error)).toBeGreaterThan(20);
});
