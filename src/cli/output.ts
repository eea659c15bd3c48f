/** How commands answer: aligned and coloured for people, plain when piped, JSON for programs. */
import { styleText } from "node:util";
import { redactSecrets } from "../core/redact.ts";
import type { Io, Surroundings } from "./io.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Text, with a style or without. What it holds of control characters is made harmless when it is written. */
export type Cell = string | { readonly text: string; readonly style: Style };

export interface Column {
	readonly head: string;
	readonly align?: "left" | "right";
}

export interface OutputOptions {
	readonly json?: true | undefined;
	readonly color: boolean;
}

export interface Output {
	/** Whether `--json` was given. */
	readonly json: boolean;
	/** The one answer of a command: `value` under `--json`, else what `render` writes. */
	answer(value: unknown, render: () => void): void;
	/** One of many answers: a JSON object a line under `--json`, else what `render` writes. */
	item(value: unknown, render: () => void): void;
	/** A line made of cells. */
	line(...cells: readonly Cell[]): void;
	/** Rows under a head; each column as wide as its widest cell. Writes nothing but the head when there are no rows. */
	table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void;
	/** Says on stderr what long work is about, in JSON mode too. */
	progress(text: string): void;
}

// C0, DEL and C1 controls and the bidirectional overrides: a path from a request must not steer the terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with every character that could steer a terminal replaced by U+FFFD. */
export function harmless(text: string): string {
	return text.replace(STEERING, "\ufffd");
}

const GAP = "  ";

/** The output of one command. Colours need a terminal that has them (`io.colour`) and no `--no-color`. */
export function createOutput(io: Pick<Surroundings, "stdout" | "stderr" | "colour">, options: OutputOptions): Output {
	const json = options.json === true;
	const coloured = io.colour && options.color && !json;
	const write = (text: string) => io.stdout.write(`${text}\n`);

	function paint(cell: Cell, padded: string): string {
		return coloured && typeof cell === "object" ? styleText(cell.style, padded, { validateStream: false }) : padded;
	}

	const output: Output = {
		json,
		answer(value, render) {
			if (json) write(JSON.stringify(value, null, 2));
			else render();
		},
		item(value, render) {
			if (json) write(JSON.stringify(value));
			else render();
		},
		line: (...cells) => write(cells.map((cell) => paint(cell, textOf(cell))).join("")),
		table(columns, rows) {
			const head: readonly Cell[] = columns.map((column) => ({ text: column.head, style: "dim" }));
			const all = [head, ...rows];
			const widths = columns.map((_, index) => Math.max(...all.map((row) => textOf(row[index] ?? "").length)));
			for (const row of all) {
				const cells = columns.map((column, index) => {
					const cell = row[index] ?? "";
					const text = textOf(cell);
					const last = index === columns.length - 1;
					if (column.align === "right") return paint(cell, text.padStart(widths[index]!));
					return paint(cell, last ? text : text.padEnd(widths[index]!));
				});
				write(cells.join(GAP).trimEnd());
			}
		},
		progress: (text) => io.stderr.write(`${harmless(text)}\n`),
	};
	return output;
}

function textOf(cell: Cell): string {
	return harmless(typeof cell === "string" ? cell : cell.text);
}

/**
 * Hands out a token that the command made: the only credential that a command ever writes, and the only way to write one.
 * Alone for people; under `--json` as `token`, before the facts.
 */
export function handOut(
	io: Pick<Io, "reveal">,
	json: boolean,
	token: string,
	facts: Readonly<Record<string, unknown>>,
) {
	const told = JSON.parse(redactSecrets(JSON.stringify(facts))) as Record<string, unknown>;
	io.reveal(`${json ? JSON.stringify({ token, ...told }, null, 2) : token}\n`);
}
