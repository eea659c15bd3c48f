/** How the story looks on the page: aligned; coloured on a terminal, plain when piped. */
import { styleText } from "node:util";
import type { Shown } from "./story.ts";
import { differences, type Told, type Verdict } from "./teller.ts";

type Style = Parameters<typeof styleText>[0];
type Cell = string | readonly [text: string, style: Style];

interface Column {
	readonly head: string;
	readonly width: number;
	readonly right?: boolean;
}

export interface Page {
	head(): string;
	/** One line, and under it what differs from the story, if anything does. `note` stands in place of the policy. */
	line(line: Shown, told: Told, note?: string): string;
	/** A command that was run between lines, and under it what came of it. */
	command(text: string, lines: readonly string[], good: boolean): string;
	/** A line that nothing was sent for, and why. */
	skipped(line: Shown, why: string): string;
}

/** A page for these lines: each column is as wide as the widest that is expected in it. */
export function createPage(lines: readonly Shown[]): Page {
	const column = (head: string, cell: (line: Shown) => string): Column => ({
		head,
		width: Math.max(head.length, ...lines.map((line) => cell(line).length)),
	});
	const columns: readonly Column[] = [
		{ head: " ", width: 1 },
		{ head: "#", width: 2, right: true },
		column("FROM → TO", partiesOf),
		column("REQUEST", requestOf),
		column("WITH", ({ brings }) => brings),
		{ head: "EXPECTED", width: 8 },
		{ head: "GOT", width: 3 },
		column("REASON", ({ expect: { would, ...rest } }) =>
			reasonOf({ ...rest, ...(would && { would: { reason: would } }) }),
		),
		{ head: "MS", width: 4, right: true },
	];
	const row = (...cells: readonly Cell[]): string => {
		const padded = columns.map(({ width, right }, index) => {
			const cell = cells[index] ?? "";
			const [text, style] = typeof cell === "string" ? [cell] : cell;
			const wide = right ? text.padStart(width) : text.padEnd(width);
			return style ? styleText(style, wide) : wide;
		});
		return `${padded.join("  ").trimEnd()}\n`;
	};
	const asked = (line: Shown): string[] => {
		return [String(line.row), partiesOf(line), requestOf(line), line.brings, String(line.expect.status)];
	};
	return {
		head: () => styleText("dim", row(...columns.map(({ head }) => head))),
		line(line, told, note) {
			const found = differences(line, told);
			const { response, verdict, milliseconds } = told;
			const style = styleOf(verdict);
			const mark: Cell = found.length === 0 ? ["✓", "green"] : ["✗", "red"];
			const reason = note === undefined ? reasonOf(verdict) : `${verdict.reason} ${note}`;
			const got: Cell[] = [
				[String(response.status), style],
				[reason, style],
				[milliseconds.toFixed(0), "dim"],
			];
			return row(mark, ...asked(line), ...got) + found.map((text) => styleText("red", `       ${text}\n`)).join("");
		},
		command(text, lines, good) {
			const mark = good ? styleText("green", "✓") : styleText("red", "✗");
			const told = lines.map((line) => `       ${styleText(good ? "dim" : "red", line)}\n`);
			return `${mark}   $  ${styleText("bold", text)}\n${told.join("")}`;
		},
		skipped: (line, why) => row("-", ...asked(line), "-", why),
	};
}

function styleOf({ decision, would }: Verdict): Style {
	if (would) return "yellow";
	return decision === "allow" ? "green" : "cyan";
}

function partiesOf({ from, to }: Shown): string {
	return `${from ?? "(nobody)"} → ${to}`;
}

function requestOf({ method = "GET", path }: Shown): string {
	return `${method} ${path}`;
}

/** The reason, and the word or the policy that tells more. */
function reasonOf({ reason, detail, policy, would }: Pick<Verdict, "reason" | "detail" | "policy" | "would">): string {
	if (would) return `${reason}, would: ${would.reason}`;
	return [reason, detail ?? policy].filter((word) => word !== undefined).join(" ");
}
