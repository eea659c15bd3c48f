import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lineAt, splitStatements } from "../../../src/store/migrations/statements.ts";

const texts = (file: string) => splitStatements(file).map(({ text }) => text);

describe("splitStatements", () => {
	test.each<[string, string, string[]]>([
		["nothing", "", []],
		["blanks and comments alone", " \n-- a;\n/* b; /* c; */ d; */\n", []],
		["two statements, the last without a semicolon", "select 1; select 2", ["select 1", "select 2"]],
		["empty statements", ";; select 1;;", ["select 1"]],
		["a semicolon in a string", "select 'a;b'; select 2", ["select 'a;b'", "select 2"]],
		["a doubled quote", "select 'it''s;'; select 2", ["select 'it''s;'", "select 2"]],
		["a backslash in a plain string", "select '\\'; select 2", ["select '\\'", "select 2"]],
		["a backslash in an escape string", "select E'\\';'; select 2", ["select E'\\';'", "select 2"]],
		["a quoted name", 'select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', "select 2"]],
		["dollar quotes", "do $$ begin; end $$; select 2", ["do $$ begin; end $$", "select 2"]],
		["tagged dollar quotes", "select $a$;$$;$b$;$a$; select 2", ["select $a$;$$;$b$;$a$", "select 2"]],
		["dollars inside a name", "select a$b$ from t; select $b$;$b$", ["select a$b$ from t", "select $b$;$b$"]],
		["parameters are no quotes", "select $1; select $1", ["select $1", "select $1"]],
		["a comment inside a statement", "select 1 -- ;\n + 1; select 2", ["select 1 -- ;\n + 1", "select 2"]],
		[
			"a rule with two actions",
			"create rule r as on insert to t do also (a; b); c",
			["create rule r as on insert to t do also (a; b)", "c"],
		],
		[
			"a function body in the standard's form",
			"create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
			[
				"create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end",
				"select 3",
			],
		],
		[
			"a function named atomic",
			"create function atomic() returns int as 'x'; c",
			["create function atomic() returns int as 'x'", "c"],
		],
		["a string that never ends", "select 1; select 'a; b", ["select 1", "select 'a; b"]],
		["a comment that never ends", "select 1; select /* a; b", ["select 1", "select /* a; b"]],
		["a string that ends in a backslash", "select E'a\\", ["select E'a\\"]],
	])("%s", (_name, file, expected) => {
		expect(texts(file)).toEqual(expected);
	});

	test("names each statement's line and first words", () => {
		const statements = splitStatements(
			"-- head\n\nselect 1;\n/* x\n*/ create or  replace\nfunction f() as $$\n\n$$;\n  COMMIT",
		);
		expect(statements.map(({ line, words }) => [line, words.slice(0, 4)])).toEqual([
			[3, ["SELECT"]],
			[5, ["CREATE", "OR", "REPLACE", "FUNCTION"]],
			[9, ["COMMIT"]],
		]);
	});

	test("splits what was joined, whatever the strings hold", () => {
		const literal = fc.string({ unit: fc.constantFrom("'", ";", "\n", "$", "-", "/", "*", "\\", "(", '"', "é", "a") });
		fc.assert(
			fc.property(fc.array(literal, { minLength: 1, maxLength: 8 }), (values) => {
				const statements = values.map((value) => `select '${value.replaceAll("'", "''")}', (1)`);
				expect(texts(`${statements.join(";\n-- it's\n")};`)).toEqual(statements);
			}),
		);
	});

	test("reads a string of megabytes", () => {
		const long = `select E'${"\\'a;".repeat(500_000)}'`;
		expect(texts(`${long}; select 2`)).toEqual([long, "select 2"]);
	});
});

test("lineAt counts code points, as Postgres does", () => {
	const [statement] = splitStatements("\nselect '😀😀',\n  nope");
	expect(lineAt(statement!, 1)).toBe(2);
	expect(lineAt(statement!, "select '😀😀',\n  n".length - 2)).toBe(3);
	expect(lineAt(statement!, 13)).toBe(2);
});
