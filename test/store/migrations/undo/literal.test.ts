import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Client } from "pg";
import { splitStatements } from "../../../../src/store/migrations/statements.ts";
import { ARGUMENTS } from "../../../../src/store/migrations/undo/call.ts";
import {
	intervalLiteral,
	oneLine,
	rangeLiteral,
	textLiteral,
	textsLiteral,
} from "../../../../src/store/migrations/undo/literal.ts";
import { createTestDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { SIGNATURES } from "../../schema/signatures.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase({ schema: false });
	client = await database.connect();
});
afterAll(() => database?.drop());

const selected = async (literal: string) =>
	(await client.query({ text: `select ${literal}`, rowMode: "array" })).rows[0]![0];

/** What Postgres can hold, and what could end a literal too early. */
const texts = fc
	.array(
		fc.oneof(
			fc.constantFrom(
				"'",
				"''",
				"\\",
				"\\'",
				"\n",
				"\r\n",
				"\t",
				"\u0001",
				"\u202e",
				"$$",
				"--",
				"/*",
				"*/",
				";",
				"E'",
				"\u007f",
			),
			fc.string({ unit: "grapheme", maxLength: 5 }),
		),
		{ maxLength: 8 },
	)
	.map((parts) => parts.join("").replaceAll("\0", ""));

describe("literals come back from Postgres as they went", () => {
	test.each(["on", "off"])("texts, with standard_conforming_strings %s", async (setting) => {
		await client.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`);
		await fc.assert(
			fc.asyncProperty(texts, async (text) => {
				const literal = textLiteral(text);
				expect(await selected(literal)).toBe(text);
				// It is one statement still, and no carriage return is left that a checkout would change.
				expect(splitStatements(`select ${literal}; select 2`)).toHaveLength(2);
				expect(literal).not.toMatch(/\r/);
			}),
			{ numRuns: 200 },
		);
		await client.query("reset all");
	});

	test("arrays", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(texts, { maxLength: 6 }), async (elements) => {
				expect(await selected(`${textsLiteral(elements, "\t")}::text[]`)).toEqual(elements);
			}),
			{ numRuns: 100 },
		);
		expect(textsLiteral([], "")).toBe("'{}'");
		expect(textsLiteral(["a", "b"], "")).toBe("array['a', 'b']");
		expect(textsLiteral(["a".repeat(60), "b".repeat(60)], "\t")).toBe(
			`array[\n\t\t'${"a".repeat(60)}',\n\t\t'${"b".repeat(60)}'\n\t]`,
		);
	});

	test("intervals, in the largest whole unit", async () => {
		for (const [seconds, literal] of [
			[1, "'1 seconds'"],
			[90, "'90 seconds'"],
			[60, "'1 minute'"],
			[900, "'15 minutes'"],
			[3_600, "'1 hour'"],
			[172_800, "'2 days'"],
			[0.25, "'0.25 seconds'"],
		] as const) {
			expect(intervalLiteral(seconds)).toBe(literal);
			expect(Number(await selected(`extract(epoch from ${literal}::interval)`))).toBe(seconds);
		}
	});

	test("ranges", () => {
		expect(rangeLiteral(null, null)).toBe("tstzrange(null, null)");
		expect(rangeLiteral("2026-01-31T12:00:00.000000Z", null)).toBe("tstzrange('2026-01-31T12:00:00.000000Z', null)");
	});
});

test("a comment stays on its line", () => {
	expect(oneLine("a\nb\u202ec")).toBe("a\ufffdb\ufffdc");
});

describe("the arguments of every function are the schema's own, with the same defaults", () => {
	const declared = (signature: string) =>
		signature.split(", ").map((argument) => {
			const [name] = argument.split(" ") as [string];
			return { name, optional: argument.includes(" DEFAULT ") };
		});

	test.each(Object.entries(ARGUMENTS))("%s", async (kind, list) => {
		const signature = SIGNATURES[kind === "policy" ? "allow" : kind]!;
		expect(list.map(({ name, omitted }) => ({ name, optional: omitted !== undefined }))).toEqual(declared(signature));
		for (const [index, { type, omitted }] of list.entries()) {
			if (omitted === undefined) continue;
			const text = signature.split(", ")[index]!.split(" DEFAULT ")[1]!;
			const value = await selected(
				type === "interval"
					? `extract(epoch from ${text})::float`
					: type === "range"
						? `array[lower(${text}), upper(${text})]`
						: text,
			);
			expect(value).toEqual(omitted);
		}
	});

	test("deny takes what allow takes", () => expect(SIGNATURES.deny).toBe(SIGNATURES.allow));
});
