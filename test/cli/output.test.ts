import { describe, expect, test } from "@jest/globals";
import { createOutput, harmless } from "../../src/cli/output.ts";
import { fakeIo } from "../support/fake-io.ts";

const columns = [{ head: "NAME" }, { head: "COUNT", align: "right" }, { head: "NOTE" }] as const;
const rows = [
	["orders", "7", "fine"],
	[{ text: "payments-gateway", style: "red" }, "1234567", ""],
] as const;

describe("table", () => {
	test("is aligned, and plain when piped", () => {
		const io = fakeIo();
		createOutput(io, { color: true }).table(columns, rows);
		expect(io.out()).toBe(
			[
				"NAME                COUNT  NOTE", //
				"orders                  7  fine",
				"payments-gateway  1234567",
				"",
			].join("\n"),
		);
	});

	test("is coloured on a terminal, aligned alike", () => {
		const io = fakeIo({ colour: true });
		createOutput(io, { color: true }).table(columns, rows);
		expect(io.out()).toContain("\u001b[31mpayments-gateway\u001b[39m  1234567");
	});

	test("is plain under --no-color", () => {
		const io = fakeIo({ colour: true });
		createOutput(io, { color: false }).table(columns, rows);
		expect(io.out()).not.toContain("\u001b");
	});
});

describe("answer and item", () => {
	test("render for people", () => {
		const io = fakeIo();
		const output = createOutput(io, { color: true });
		output.answer({ a: 1 }, () => output.line("a is ", { text: "1", style: "bold" }));
		output.item({ b: 2 }, () => output.line("b"));
		expect(io.out()).toBe("a is 1\nb\n");
	});

	test("are JSON for programs: one document, or an object a line", () => {
		const io = fakeIo({ colour: true });
		const output = createOutput(io, { json: true, color: true });
		output.answer({ a: [1] }, () => output.line("unseen"));
		expect(JSON.parse(io.out())).toEqual({ a: [1] });
		const stream = fakeIo();
		const lines = createOutput(stream, { json: true, color: true });
		for (const b of [1, 2]) lines.item({ b }, () => lines.line("unseen"));
		expect(stream.out()).toBe('{"b":1}\n{"b":2}\n');
	});

	test("progress goes to stderr", () => {
		const io = fakeIo();
		createOutput(io, { json: true, color: true }).progress("loading");
		expect([io.out(), io.err()]).toEqual(["", "loading\n"]);
	});
});

test.each([
	["\u001b[2Jgone", "\ufffd[2Jgone"],
	["a\r\nb\0", "a\ufffd\ufffdb\ufffd"],
	["\u009b31m", "\ufffd31m"],
	["\u202egnp.exe", "\ufffdgnp.exe"],
	["plain ünïcode ✓", "plain ünïcode ✓"],
])("harmless(%j)", (text, expected) => {
	expect(harmless(text)).toBe(expected);
});
