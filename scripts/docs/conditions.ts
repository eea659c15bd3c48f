/** The reference of conditions: what compiles, and what examples come to, by compiling and evaluating them. */

import { type ConditionScope, compileCondition } from "../../src/core/condition/condition.ts";
import { DECLARATIONS } from "../../src/core/condition/facts.ts";
import { FUNCTIONS, METHODS } from "../../src/core/condition/functions.ts";
import { BINARY } from "../../src/core/condition/operators.ts";
import { CALENDAR, DURATION_GETTERS } from "../../src/core/condition/time.ts";
import { code, sentence, table } from "./markdown.ts";

const VARIABLES: Readonly<Record<string, string>> = {
	"request.method": "as sent; `GET` and `get` are two methods",
	"request.path": "canonical: escapes kept, in upper case",
	"request.host": "lower case, without port",
	"request.headers": "by lower-case name, repeated values joined with `,`; without credentials and `x-firebreak-*`",
	"request.query": "decoded values by name; what two servers could read differently is an error",
	"source.segment": "`anonymous` for a caller without a certificate; its other fields are then empty",
	"source.domain": "",
	"source.environment": "",
	"source.principal": "SPIFFE ID",
	"destination.segment": "",
	"destination.domain": "",
	"destination.environment": "",
	"destination.principal": "SPIFFE ID of the listener's certificate; empty when it has none",
	params: "what the path template captured, decoded",
	token: "the verified claims; none at all when the flow reads no token",
	now: "the instant of the request",
};

export function variableTable(): string {
	const rows = Object.entries(DECLARATIONS).flatMap(([name, declared]) =>
		typeof declared === "string"
			? [[name, declared] as const]
			: Object.entries(declared).map(([field, type]) => [`${name}.${field}`, type] as const),
	);
	const names = rows.map(([name]) => name);
	const unknown = Object.keys(VARIABLES).filter((name) => !names.includes(name));
	if (unknown.length > 0) throw new Error(`conditions have no ${unknown.join(", ")}`);
	return table(
		["variable", "type", "what it is"],
		rows.map(([name, type]) => {
			const text = VARIABLES[name];
			if (text === undefined) throw new Error(`scripts/docs/conditions.ts does not tell of ${name}`);
			return [code(name), code(type.replace("google.protobuf.Timestamp", "timestamp")), text];
		}),
	);
}

const FUNCTION_TEXTS: Readonly<Record<string, string>> = {
	"size/1": "code points of a string, elements of a list, keys of a map",
	"int/1": "of a double (cut off), or of text in decimal digits",
	"double/1": "of an int, or of text",
	"string/1": "of a number or a bool",
	"bool/1": "of `true`, `t`, `1`, `false`, `f`, `0`",
	"timestamp/1": "of RFC 3339 text, or of seconds since the epoch as tokens have them",
	"dyn/1": "the value itself, its type unknown to the type checker",
};
const METHOD_TEXTS: Readonly<Record<string, string>> = {
	"size/0": "as the function",
	"startsWith/1": "",
	"endsWith/1": "",
	"contains/1": "",
	"split/1": "a list of texts",
	"lowerAscii/0": "ASCII letters only",
	"upperAscii/0": "ASCII letters only",
	"join/0": "a list of texts as one",
	"join/1": "with a separator",
};
/** Built in by the compiler itself: kinds of arguments that no table of functions could say. */
const SPECIAL: Readonly<Record<string, string>> = {
	has: "`has(token.x)`: whether the field is there. Any other way to read what is not there is an error",
	duration: '`duration("1h30m")`: a literal of h, m, s and ms',
	matches: '`text.matches("^a+$")`: RE2 syntax, unanchored, a literal; linear in time',
	all: "`list.all(x, test)`; over a map: over its keys, as with all macros",
	exists: "`list.exists(x, test)`",
	exists_one: "`list.exists_one(x, test)`",
	filter: "`list.filter(x, test)`",
	map: "`list.map(x, value)`, `list.map(x, test, value)`",
};

export function functionTable(): string {
	const rows = [
		...rowsOf(FUNCTIONS, FUNCTION_TEXTS, (name, arity) => `${name}(${"x".repeat(arity)})`),
		...rowsOf(METHODS, METHOD_TEXTS, (name, arity) => `x.${name}(${"y".repeat(arity)})`),
		...Object.entries(SPECIAL).map(([name, text]) => [code(name), text]),
		[
			[...CALENDAR.keys()].map((name) => code(`t.${name}()`)).join(" "),
			'of a timestamp, in UTC or in a zone: `now.getHours("Europe/Berlin")`. Months, days of the month (but `getDate`) and of the year count from 0, so do days of the week, from Sunday',
		],
		[[...DURATION_GETTERS.keys()].map((name) => code(`d.${name}()`)).join(" "), "of a duration, in whole units"],
	];
	compareWithCompiler();
	return table(["function", "meaning"], rows);
}

function rowsOf(
	known: ReadonlyMap<string, unknown>,
	texts: Readonly<Record<string, string>>,
	show: (name: string, arity: number) => string,
): string[][] {
	const extra = Object.keys(texts).filter((signature) => !known.has(signature));
	if (extra.length > 0) throw new Error(`conditions have no ${extra.join(", ")}`);
	return [...known.keys()].map((signature) => {
		const text = texts[signature];
		if (text === undefined) throw new Error(`scripts/docs/conditions.ts does not tell of ${signature}`);
		const [name, arity] = signature.split("/") as [string, string];
		return [code(show(name, Number(arity))), text];
	});
}

/** Who calls a function that is not available is told of all that are. */
function compareWithCompiler(): void {
	const refused = compileCondition('bytes("x") == b"x"');
	const told = refused.ok ? "" : refused.cure;
	const names = /use one of (.*), or a getter/.exec(told)?.[1]?.split(", ") ?? [];
	const signatures = [...FUNCTIONS.keys(), ...METHODS.keys()].map((signature) => signature.split("/")[0]!);
	const written = new Set([...signatures, ...Object.keys(SPECIAL)]);
	const differing = [
		...names.filter((name) => !written.has(name)),
		...[...written].filter((name) => !names.includes(name)),
	];
	if (differing.length > 0) throw new Error(`the page and the compiler differ about ${differing.join(", ")}`);
}

export function operatorList(): string {
	return [...BINARY.keys(), "&&", "||", "!", "? :", "[]", "."].map(code).join(" ");
}

/** The request that the examples are evaluated over. */
const SCOPE = {
	request: {
		method: "GET",
		path: "/v1/accounts/7/statements",
		host: "payments.internal",
		query: "month=2026-01&month=2026-02&limit=10",
		headers: { "x-forwarded-for": "10.0.0.7", authorization: "Bearer ..." },
	},
	params: { account: "7" },
	source: { segment: "orders", domain: "internal", environment: "prod", principal: null },
	destination: { segment: "payments", domain: "internal", environment: "prod", principal: null },
	token: { sub: "orders", account: "7", level: 3, amr: ["mfa"], auth_time: 1_767_225_600 },
	now: Date.UTC(2026, 0, 31, 12),
} as unknown as ConditionScope;

const EXAMPLES: readonly (readonly [condition: string, comment: string])[] = [
	["params.account == token.account", "the path against what the issuer signed"],
	['"mfa" in token.amr', "a claim that is a list"],
	["token.level + 1 == 4", "JSON integers are ints"],
	["token.level >= 2.5", "numbers compare by value"],
	['token.level == "3"', "values of two types are never equal"],
	['token.level < "5"', "and have no order"],
	['token.tenant == "a"', "a claim that is not there is an error"],
	['has(token.tenant) && token.tenant == "a"', "so ask first"],
	['token.tenant == "a" || token.sub == "orders"', "the decisive side of `||` and `&&` wins over an error"],
	['request.query.limit == "10"', "values of a query are texts"],
	['request.query.month == "2026-01"', "given twice: no single reading, so an error"],
	['"month" in request.query', "though it is there"],
	['now - timestamp(token.auth_time) < duration("720h")', "`auth_time` is 2026-01-01"],
	['now.getHours("Europe/Berlin") == 13', "12:00 in UTC"],
];

export function exampleTable(): string {
	return table(
		["condition", "comes to", ""],
		EXAMPLES.map(([condition, comment]) => {
			const compiled = compileCondition(condition);
			if (!compiled.ok) throw new Error(`${condition}: ${compiled.message}`);
			return [code(condition), compiled.condition.evaluate(SCOPE), comment];
		}),
	);
}

const REFUSED: readonly string[] = [
	'request.metod == "GET"',
	"token.admin",
	'request.headers["Authorization"] == "x"',
	'request.headers["X-Tenant"] == "a"',
	"token.sub.matches(token.pattern)",
	"1 + 1.0 == 2.0",
	'request.path.matches("(a|b")',
];

export function refusalTable(): string {
	return table(
		["condition", "refused with", "cure"],
		REFUSED.flatMap((condition) => {
			const compiled = compileCondition(condition);
			return compiled.ok ? [] : [[code(condition), sentence(compiled.message), compiled.cure]];
		}),
	);
}
