import { describe, expect, test } from "@jest/globals";
import { ANY_CLAIM, compileCondition } from "../../../src/core/condition/condition.ts";
import { conditionScope, evaluate, type ScopeParts } from "./scope.ts";

type Row = readonly [condition: string, answer: "true" | "false" | "error", parts?: ScopeParts];

const anonymous: ScopeParts = { source: null };
const noToken: ScopeParts = { token: null };
const headers: ScopeParts = {
	headers: {
		"x-tenant": "t1",
		authorization: "Bearer secret",
		"proxy-authorization": "Basic secret",
		cookie: "session=secret",
		dpop: "proof",
		"x-forwarded-client-cert": "By=spiffe://x",
		"x-firebreak-subject": "root",
		":path": "/raw",
		__proto__x: "plain",
	},
};
const hidden = ["authorization", "proxy-authorization", "cookie", "dpop", "x-forwarded-client-cert", ":path"];

const tables: Readonly<Record<string, readonly Row[]>> = {
	variables: [
		['token.account == params.id && request.method == "GET"', "true"],
		['token.account == params.id && request.method == "GET"', "false", { method: "HEAD" }],
		['token.account == params.id && request.method == "GET"', "false", { params: { id: "43" } }],
		['token.account == params.id && request.method == "GET"', "error", { token: { sub: "alice" } }],
		['request.path == "/v1/payments/42" && request.host == "payments.internal"', "true"],
		['request["method"] == "GET"', "true"],
		['source.segment == "orders" && source.domain == destination.domain', "true"],
		["source.environment == destination.environment", "false", anonymous],
		['source.segment == "anonymous" && source.domain == "" && source.principal == ""', "true", anonymous],
		['source.principal.startsWith("spiffe://prod.example.org/ns/orders/")', "true"],
		['now == timestamp("2026-03-01T10:00:00.123Z")', "true"],
	],
	"headers without credentials": [
		['request.headers["x-tenant"] == "t1"', "true", headers],
		['request.headers["x-tenant"] == "t1"', "error", { headers: {} }],
		['"x-tenant" in request.headers', "true", headers],
		['"x-absent" in request.headers', "false", headers],
		...hidden.flatMap((name): Row[] => [
			["request.headers[params.name] != ''", "error", { ...headers, params: { name } }],
			["params.name in request.headers", "false", { ...headers, params: { name } }],
			["request.headers.exists(h, h == params.name)", "false", { ...headers, params: { name } }],
		]),
		['request.headers.exists(h, h.startsWith("x-firebreak-"))', "false", headers],
		["size(request.headers) == 2", "true", headers],
	],
	token: [
		["has(token.account)", "true"],
		["has(token.absent)", "false"],
		["token.absent == 1", "error"],
		["!has(token.absent) || token.absent == 1", "true"],
		["has(token.account)", "false", noToken],
		["token.account == params.id", "error", noToken],
		['"account" in token', "false", noToken],
		["size(token) == 0", "true", noToken],
		["has(token.a.b)", "true", { token: { a: { b: null } } }],
		["has(token.a.c)", "false", { token: { a: { b: null } } }],
		["has(token.a.b)", "error", { token: {} }],
		["token.a.b == null", "true", { token: { a: { b: null } } }],
		['token["https://example.org/roles"][0] == "x"', "true", { token: { "https://example.org/roles": ["x"] } }],
		["token.exists(claim, claim == 'account')", "true"],
	],
	"numbers of claims": [
		["token.level + 1 == 4", "true", { token: { level: 3 } }],
		["token.level == 3", "true", { token: { level: 3 } }],
		["token.level == 3.0", "true", { token: { level: 3 } }],
		["token.level > 2.5", "true", { token: { level: 3 } }],
		["token.level in [1, 3]", "true", { token: { level: 3 } }],
		["token.level in token.levels", "true", { token: { level: 3, levels: [1, 3] } }],
		["token.levels[0] + token.levels[1] == 4", "true", { token: { levels: [1, 3] } }],
		["token.a.level % 2 == 1", "true", { token: { a: { level: 3 } } }],
		["token.ratio * 2.0 == 3.0", "true", { token: { ratio: 1.5 } }],
		["token.ratio * 2 == 3", "error", { token: { ratio: 1.5 } }],
		["double(token.ratio) * 1.5 == 4.5", "true", { token: { ratio: 3 } }],
		["token.big == 9007199254740991", "true", { token: { big: Number.MAX_SAFE_INTEGER } }],
		["token.big + 1 > 0", "error", { token: { big: 2 ** 53 } }],
		["token.big > 9007199254740991", "true", { token: { big: 2 ** 53 } }],
		["token.level == -0", "true", { token: { level: -0 } }],
		['token.level == "3"', "false", { token: { level: 3 } }],
		['token.level < "3"', "error", { token: { level: 3 } }],
		["token.level == true", "false", { token: { level: 1 } }],
		["token.huge + token.huge > 0.0", "true", { token: { huge: 1e300 } }],
	],
	"names that objects inherit": ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"].flatMap(
		(name): Row[] => {
			const present = JSON.parse(`{"${name}": "x", "inner": {"${name}": "x"}}`);
			const texts = JSON.parse(`{"${name}": "x"}`);
			return [
				[`token["${name}"] == "x"`, "error", { token: {} }],
				[`"${name}" in token`, "false", { token: {} }],
				[`token["${name}"] == "x"`, "true", { token: present }],
				[`token.inner["${name}"] == "x"`, "true", { token: present }],
				[`token.inner["${name}"] == "x"`, "error", { token: { inner: {} } }],
				[`"${name}" in token.inner`, "false", { token: { inner: {} } }],
				[`params["${name}"] == "x"`, "error", { params: {} }],
				[`params["${name}"] == "x"`, "true", { params: texts }],
				[`request.headers[token.name] == "x"`, "error", { headers: {}, token: { name } }],
				[`request.headers[token.name] == "x"`, "true", { headers: texts, token: { name } }],
				[`request.query["${name}"] == "x"`, "error", { query: "" }],
				[`request.query["${name}"] == "x"`, "true", { query: `${name}=x` }],
			];
		},
	),
	"logic absorbs errors where CEL says so": [
		["token.absent == 1 || true", "true"],
		["true || token.absent == 1", "true"],
		["token.absent == 1 && false", "false"],
		["token.absent == 1 || false", "error"],
		["token.absent == 1 && true", "error"],
		["!(token.absent == 1)", "error"],
		["token.absent == 1 ? true : true", "error"],
		["true ? true : token.absent == 1", "true"],
		["token.sub && true", "error"],
		["[1, 0].exists(x, 1 / x == 1)", "true"],
		["[0, 1].exists(x, 1 / x == 1)", "true"],
		["[0, 2].exists(x, 1 / x == 1)", "error"],
		["[0, 2].all(x, 1 / x == 1)", "false"],
		["[0, 1].all(x, 1 / x == 1)", "error"],
		["[0, 1].exists_one(x, 1 / x == 1)", "error"],
		["[1, 2, 1].exists_one(x, x == 1)", "false"],
		["[1, 2].exists_one(x, x == 1)", "true"],
		["[0, 1].map(x, 1 / x).size() == 2", "error"],
	],
	operators: [
		["1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 4 == -3 && 2 - 3 == -1", "true"],
		["1 / 0 == 1", "error"],
		["1 % 0 == 1", "error"],
		["9223372036854775807 + 1 > 0", "error"],
		["-9223372036854775807 - 2 < 0", "error"],
		["-(-9223372036854775807 - 1) > 0", "error"],
		["1.0 / 0.0 > 1e300", "true"],
		["0.0 / 0.0 == 0.0 / 0.0 || 0.0 / 0.0 <= 1.0 || 0.0 / 0.0 >= 1.0", "false"],
		['"a" + "b" == "ab" && "a" < "b" && "b" >= "b" && false < true', "true"],
		["[1] + [2] == [1, 2] && [1] != [2] && [[1], []] == [[1], []]", "true"],
		['{"a": dyn(1), "b": dyn([2])} == {"b": dyn([2]), "a": dyn(1)} && {"a": 1} != {"b": 1}', "true"],
		['{"a": 1}["a"] == 1 && {1: "x"}[1] == "x" && {true: 2}[true] == 2', "true"],
		['{dyn("a"): 1, token.a: 2}["a"] == 1', "error", { token: { a: "a" } }],
		['{"constructor": "x"}.constructor == "x"', "true"],
		["[1, 2][1] == 2", "true"],
		["[1, 2][2] == 2", "error"],
		["[1, 2][-1] == 2", "error"],
		["token.a == token.b", "true", { token: { a: { x: [1, { y: null }] }, b: { x: [1, { y: null }] } } }],
		["token.a == token.b", "false", { token: { a: { x: [1, { y: null }] }, b: { x: [1, { y: 0 }] } } }],
		["token.a == token.b", "false", { token: { a: { x: 1 }, b: [1] } }],
		["null == token.a", "true", { token: { a: null } }],
	],
	functions: [
		['request.path.startsWith("/v1/") && request.path.endsWith("42") && request.path.contains("pay")', "true"],
		['size("añ😀") == 3 && "añ😀".size() == 3 && size([1, 2]) == 2 && size({"a": 1}) == 1', "true"],
		['"a,b".split(",") == ["a", "b"] && ["a", "b"].join("-") == "a-b" && ["a", "b"].join() == "ab"', "true"],
		["token.mixed.join() == ''", "error", { token: { mixed: ["a", 1] } }],
		['"\u212aAbÉ".lowerAscii() == "\u212aabÉ" && "ß1a".upperAscii() == "ß1A"', "true"],
		['int("42") == 42 && int(-1.9) == -1 && int(token.sub) == 0', "error", { token: { sub: "1x" } }],
		['int("42") == 42 && int("-7") == -7 && int(-1.9) == -1', "true"],
		['int("99999999999999999999") > 0 || int(1e300) > 0', "error"],
		['double("1.5e1") == 15.0 && double(3) == 3.0', "true"],
		['double("0x10") == 16.0 || double("") == 0.0 || double("Infinity") > 0.0', "error"],
		['string(42) == "42" && string(true) == "true" && string(1.5) == "1.5"', "true"],
		['bool("true") && !bool("0")', "true"],
		['bool("yes")', "error"],
		[
			"token.roles.filter(r, r.startsWith('a')).map(r, r + '!') == ['admin!']",
			"true",
			{ token: { roles: ["admin", "x"] } },
		],
		["token.roles.map(r, r != 'x', r + '!') == ['admin!']", "true", { token: { roles: ["admin", "x"] } }],
		["token.n.exists(x, token.m.exists(y, x == y))", "true", { token: { n: [1, 2], m: [2, 3] } }],
		["token.n.exists(token, token == 2)", "true", { token: { n: [1, 2] } }],
		["token.s.exists(x, true)", "error", { token: { s: "abc" } }],
		['request.path.matches("^/v1/payments/[0-9]+$")', "true"],
		['request.path.matches("payments")', "true"],
		['request.path.matches("^payments")', "false"],
		['token.sub.matches("^.$")', "true", { token: { sub: "😀" } }],
		['token.sub.matches("a")', "error", { token: { sub: 1 } }],
		['dyn(1) == "1"', "false"],
	],
	time: [
		['now - timestamp(token.iat) < duration("5m")', "true", { token: { iat: Date.UTC(2026, 2, 1, 9, 56) / 1_000 } }],
		['now - timestamp(token.iat) < duration("5m")', "false", { token: { iat: Date.UTC(2026, 2, 1, 9, 54) / 1_000 } }],
		["timestamp(token.exp) > now", "true", { token: { exp: Date.UTC(2026, 2, 1, 10, 1) / 1_000 + 0.5 } }],
		["timestamp(token.exp) > now", "error", { token: { exp: "tomorrow" } }],
		["timestamp(token.exp) > now", "error", { token: { exp: 1e300 } }],
		['timestamp("2026-03-01T12:00:00.123+02:00") == now', "true"],
		["timestamp(token.at) == now", "true", { token: { at: "2026-03-01t10:00:00.1239z" } }],
		...[
			"2026-03-01",
			"2026-02-30T00:00:00Z",
			"2026-03-01T24:00:00Z",
			"2026-03-01T10:00:00",
			"Sun, 01 Mar 2026 10:00:00 GMT",
		].map((at): Row => ["timestamp(token.at) == now", "error", { token: { at } }]),
		['duration("1h30m") == duration("90m") && duration("-1.5s") < duration("250ms")', "true"],
		['now + duration("1h") - duration("1h") == now && now < now + duration("1ms")', "true"],
		['duration("1h") + duration("30m") - duration("90m") == duration("0s")', "true"],
		['now + duration("87600000h") > now', "error"],
		["now.getFullYear() == 2026 && now.getMonth() == 2 && now.getDate() == 1 && now.getDayOfMonth() == 0", "true"],
		["now.getDayOfWeek() == 0 && now.getDayOfYear() == 59 && now.getHours() == 10", "true"],
		["now.getMinutes() == 0 && now.getSeconds() == 0 && now.getMilliseconds() == 123", "true"],
		['now.getHours("Europe/Berlin") == 11 && now.getHours("-08:00") == 2', "true"],
		['now.getHours("Europe/Berlin") == 12', "true", { now: Date.UTC(2026, 6, 1, 10) }],
		[
			'now.getDayOfWeek("Asia/Tokyo") == 1 && now.getDayOfYear("Asia/Tokyo") == 60',
			"true",
			{ now: Date.UTC(2026, 2, 1, 20) },
		],
		['now.getMilliseconds("Asia/Tokyo") == 999', "true", { now: -1 }],
		['duration("-90m").getHours() == -1 && duration("90m").getMinutes() == 90', "true"],
	],
};

describe.each(Object.entries(tables))("%s", (_, rows) => {
	// As a rest parameter: for a missing argument jest would pass its callback, and wait for it.
	test.each(rows)("%s is %s", (...[text, answer, parts]: Row) => {
		expect(evaluate(text, parts)).toBe(answer);
	});
});

describe("a compiled condition", () => {
	const compile = (text: string) => {
		const result = compileCondition(text);
		if (!result.ok) throw new Error(result.message);
		return result.condition;
	};

	test("keeps nothing between evaluations, and names the params that it reads", () => {
		const condition = compile('token.roles.exists(r, r == params.id) || params["other"] == "1"');
		expect(condition.params).toEqual(["id", "other"]);
		expect(Object.isFrozen(condition)).toBe(true);
		const holds = (roles: unknown) =>
			condition.evaluate(conditionScope({ token: { roles }, params: { id: "a", other: "" } }));
		expect([holds(["a"]), holds(["b"]), holds([]), holds(["b", "a"]), holds(null)]).toEqual([
			"true",
			"false",
			"false",
			"true",
			"error",
		]);
	});

	const claims: readonly (readonly [text: string, names: readonly string[]])[] = [
		['request.method == "GET" && params.id == "a"', []],
		["token.a == 1", ["a"]],
		["has(token.a)", ["a"]],
		["has(token.a.b) && token.a.b.c == 1", ["a"]],
		['token["a"] == 1', ["a"]],
		['token["https://example.org/roles"][0] == "x"', ["https://example.org/roles"]],
		['"a" in token', ["a"]],
		['"a" in token.b', ["b"]],
		["token.a == token.b || !has(token.c)", ["a", "b", "c"]],
		["token.a == 1 ? token.b == 1 : -token.c == 1", ["a", "b", "c"]],
		["[token.a, token.b] == [1, 2]", ["a", "b"]],
		['{"k": token.a}.k == 1', ["a"]],
		["dyn(token.a) == 1", ["a"]],
		["size(string(token.a)) == 1", ["a"]],
		["token[request.method] == 1", [ANY_CLAIM]],
		["token[token.a] == 1", ["a", ANY_CLAIM]],
		["request.method in token", [ANY_CLAIM]],
		['token.exists(k, k == "a")', [ANY_CLAIM]],
		["size(token) == 0", [ANY_CLAIM]],
		["dyn(token) == 1", [ANY_CLAIM]],
		["[token].exists(t, has(t.a))", [ANY_CLAIM]],
		["token.a.exists(x, token.b.all(y, x == y && has(token.c)))", ["a", "b", "c"]],
		["params.id in token.a.map(x, x + token.b)", ["a", "b"]],
		['["x"].exists(token, token == "x")', []],
		['[{"a": 1}].exists(token, token.a == 1)', []],
		['request.headers["a"] == "1" && "a" in request.query', []],
	];
	test.each(claims)("%s names the claims that it reads", (text, names) => {
		const read = compile(text).claims;
		expect(new Set(read)).toEqual(new Set(names));
		expect(Object.isFrozen(read)).toBe(true);
	});

	test("changes nothing that it reads", () => {
		const scope = conditionScope({ token: { roles: ["b", "a"], nested: { list: [1, 2] } }, headers: { a: "1" } });
		const before = structuredClone(scope);
		for (const text of [
			"token.roles.map(r, r + '!').size() == 2 && token.nested.list.filter(x, x > 1) + [3] == [2, 3]",
			"size(token) == 2 && size(request.headers) == 1 && size(params) == 1",
		]) {
			expect(compile(text).evaluate(scope)).toBe("true");
		}
		expect(scope).toEqual(before);
	});

	test("is an error, never an exception, over claims that are no JSON", () => {
		const cyclic: Record<string, unknown> = {};
		cyclic.self = cyclic;
		let deep: unknown = 1;
		for (let level = 0; level < 5_000; level++) deep = [deep];
		for (const odd of [
			cyclic,
			deep,
			() => true,
			Symbol("x"),
			undefined,
			new Proxy(
				{},
				{
					ownKeys: () => {
						throw new Error("x");
					},
				},
			),
		]) {
			expect(evaluate("token.odd == 1", { token: { odd } })).toBe("error");
		}
	});
});
