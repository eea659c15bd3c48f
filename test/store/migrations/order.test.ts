import { describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../../src/core/errors.ts";
import type { MigrationFile } from "../../../src/store/migrations/files.ts";
import { limitTo, orderPending } from "../../../src/store/migrations/order.ts";

function file(name: string, ...requires: string[]): MigrationFile {
	const [owner, rest] = name.split("/") as [string, string];
	return { name, owner, stamp: rest.slice(0, 14), path: `policy/${name}.sql`, text: "", checksum: "", requires };
}

const A = "orders/20260101000000_a";
const B = "payments/20260102000000_b";
const C = "orders/20260103000000_c";
const NONE = new Set<string>();

function refusal(act: () => unknown): FirebreakError {
	try {
		act();
	} catch (error) {
		if (error instanceof FirebreakError) return error;
	}
	throw new Error("it was not refused");
}

describe("orderPending", () => {
	const order = (files: MigrationFile[], applied = NONE) => orderPending(files, applied).map(({ name }) => name);

	test("goes by time across owners, and by name at the same time", () => {
		expect(order([file(C), file(B), file(A)])).toEqual([A, B, C]);
		expect(order([file("b/20260101000000_x"), file("a/20260101000000_x")])).toEqual([
			"a/20260101000000_x",
			"b/20260101000000_x",
		]);
	});

	test("pulls what is required forward, and no more than that", () => {
		expect(order([file(A, C), file(B), file(C)])).toEqual([C, A, B]);
		expect(order([file(A, B, C), file(B, C), file(C)])).toEqual([C, B, A]);
	});

	test("leaves out what was applied, also when it is required or arrives late", () => {
		expect(order([file(A), file(B, A), file(C)], new Set([A]))).toEqual([B, C]);
		expect(order([file(A), file(C)], new Set([C]))).toEqual([A]);
		expect(order([file(B, A)], new Set([A]))).toEqual([B]);
	});

	test("refuses a requirement that nobody would heed, of a file that is still to be applied", () => {
		const loose = { ...file(B), text: `-- about it\n-- requires: ${A}\nselect 1;` };
		expect(refusal(() => order([loose, file(A)])).problems).toEqual([
			{
				object: `migration ${B}`,
				field: "requires",
				message: "its requires line is not the first line, and only there it is read",
				cure: "make it the first line of the file",
				file: `policy/${B}.sql`,
				line: 2,
			},
		]);
		expect(order([loose, file(A)], new Set([B]))).toEqual([A]);
	});

	test("names a requirement that does not exist, with the file", () => {
		const error = refusal(() => order([file(A, "nobody/20260101000000_x")]));
		expect(error.code).toBe("migration_invalid");
		expect(error.problems).toEqual([
			{
				object: `migration ${A}`,
				field: "requires",
				message: "it requires nobody/20260101000000_x, which does not exist",
				cure: "add that file, or correct the name",
				file: `policy/${A}.sql`,
				line: 1,
			},
		]);
	});

	test("names every cycle whole", () => {
		const error = refusal(() =>
			order([file(A, B), file(B, C), file(C, A), file("x/20260104000000_d", "x/20260104000000_d")]),
		);
		expect(error.problems.map(({ message }) => message)).toEqual([
			`its requirements go in a circle: ${A} requires ${B} requires ${C} requires ${A}`,
			"its requirements go in a circle: x/20260104000000_d requires x/20260104000000_d",
		]);
	});
});

describe("limitTo", () => {
	const files = [file(A), file(B), file(C)];
	const names = (to: string) => limitTo(files, to).map(({ name }) => name);

	test("takes a time, whole or in part", () => {
		expect(names("20260102000000")).toEqual([A, B]);
		expect(names("20260101")).toEqual([A]);
		expect(names("2026")).toEqual([A, B, C]);
		expect(names("2025")).toEqual([]);
	});

	test("takes a migration, with or without its ending", () => {
		expect(names(B)).toEqual([A, B]);
		expect(names(`${B}.sql`)).toEqual([A, B]);
	});

	test("refuses what is neither", () => {
		expect(refusal(() => names("orders/nothing")).code).toBe("usage");
	});

	test("refuses to leave out what is required", () => {
		const error = refusal(() => limitTo([file(C), file(A, C)], "20260101"));
		expect(error.problems[0]?.message).toBe(`it requires ${C}, which lies behind --to 20260101`);
	});
});
