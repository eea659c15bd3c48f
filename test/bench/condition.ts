/** `evaluate()` of compiled conditions beside the library's own evaluator, and what the most hostile ones cost. */
import { Environment } from "@marcbachmann/cel-js";
import { compileCondition } from "../../src/core/condition/condition.ts";
import { conditionScope } from "../core/condition/scope.ts";
import { microseconds, printTable, time, times } from "./measure.ts";

const usual = [
	'token.account == params.id && request.method == "GET"',
	'request.method in ["GET", "HEAD"] && source.environment == destination.environment',
	'"admin" in token.roles && token.level >= 3',
	'token.roles.exists(role, role == "admin")',
	'request.headers["x-tenant"] == token.tenant',
	"request.query.account == token.account",
	'request.path.matches("^/v1/payments/[0-9]+$")',
	'now - timestamp(token.iat) < duration("5m")',
	'now.getHours("Europe/Berlin") >= 8',
];
const hostile = [
	"token.many.all(a, token.many.all(b, a == b || a != b))",
	"token.many.exists(a, token.many.exists(b, b.x.y == 1))",
	'request.headers.long.matches("[ab]*a[ab]{100}[cd]")',
	"request.headers.long.contains(request.headers.other)",
	`[request.headers.long]${".map(a, a + a + a + a)".repeat(7)}.exists(a, a == "")`,
	'request.headers.long.split("").map(a, a + a).join("").contains("x")',
];

const scope = conditionScope({
	headers: { "x-tenant": "t1", long: "ab".repeat(16_384), other: `${"b".repeat(400)}a${"b".repeat(400)}` },
	token: {
		account: "42",
		tenant: "t1",
		roles: ["reader", "writer", "admin"],
		level: 3,
		iat: 1_772_359_200,
		many: Array.from({ length: 2_000 }, (_, index) => index),
	},
});

const environment = new Environment({ unlistedVariablesAreDyn: true });
const context = {
	...scope,
	request: { ...scope.request, query: { account: "42" } },
	token: { ...scope.token, level: 3n, iat: 1_772_359_200n },
	now: new Date(scope.now),
};

printTable(
	"conditions: median of one evaluation",
	["condition", "answer", "ours", "library", "ours to library"],
	usual.map((text) => {
		const condition = compile(text);
		const parsed = environment.parse(text);
		const ours = time(() => condition.evaluate(scope));
		const library = time(() => parsed(context));
		return [
			text,
			condition.evaluate(scope),
			microseconds(ours.median),
			microseconds(library.median),
			times(ours.median / library.median),
		];
	}),
);

printTable(
	"hostile conditions over hostile data: the work of one evaluation is bounded",
	["condition", "answer", "median", "p99"],
	hostile.map((text) => {
		const condition = compile(text);
		const cost = time(() => condition.evaluate(scope), { batches: 51, size: 1, warmup: 5 });
		return [text, condition.evaluate(scope), microseconds(cost.median), microseconds(cost.p99)];
	}),
);

function compile(text: string) {
	const result = compileCondition(text);
	if (!result.ok) throw new Error(`${text}: ${result.message}`);
	return result.condition;
}
