/** Figures that have a reach: told as they are measured, and gathered by run.ts into one table at the end. */
import { appendFileSync } from "node:fs";
import { printTable } from "./measure.ts";

export interface Reach {
	readonly what: string;
	readonly measured: readonly number[];
	/** For each of them. */
	readonly most: readonly number[];
	readonly unit: string;
	/** What it is held against, of the same run; and what else one has to know to judge it. */
	readonly beside: string;
}

/** Environment variable with the file that gathers them. */
export const REACHES_FILE = "BENCH_REACHES";

export function reach(reach: Reach): void {
	const file = process.env[REACHES_FILE];
	if (file) appendFileSync(file, `${JSON.stringify(reach)}\n`);
}

/** @param lines as {@link reach} wrote them. */
export function printReaches(lines: string): void {
	const rows = lines
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Reach);
	printTable(
		"what is to be reached",
		["what", "measured", "at most", "", "reached", "beside"],
		rows.map(({ what, measured, most, unit, beside }) => [
			what,
			measured.map(told).join(", "),
			most.map(String).join(", "),
			unit,
			measured.every((value, index) => value <= most[index]!) ? "yes" : "NO",
			beside,
		]),
	);
}

const told = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
