/** What a dry run would change, for people. */
import type { Edge } from "../../core/diff/edges.ts";
import { type FieldDiff, isSame, type ObjectDiff } from "../../core/diff/objects.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Plan } from "../../store/migrations/plan.ts";
import type { Cell, Output, Style } from "../output.ts";

export function showPlan(output: Output, { objects, edges }: Plan): void {
	if (objects.length === 0) {
		output.line("no object of the policy set would change");
		return;
	}
	section(
		output,
		["CHANGE", "KIND", "NAME", "FIELDS"],
		objects.map(({ change, kind, name, fields }) => [
			{ text: change, style: STYLES[change] },
			kind,
			name,
			fields.map(describeField).join("; "),
		]),
	);
	const lines: Cell[][] = [
		...edges.opened.map((edge) => edgeCells({ text: "opens", style: "green" }, edge)),
		...edges.closed.map((edge) => edgeCells({ text: "closes", style: "red" }, edge)),
		...edges.monitor.begun.map((name): Cell[] => [{ text: "monitors", style: "yellow" }, "", "", name, BEGUN]),
		...edges.monitor.ended.map((name): Cell[] => [{ text: "enforces", style: "green" }, "", "", name, ENDED]),
	];
	output.line();
	if (lines.length === 0) output.line("no edge would open or close");
	else section(output, ["EDGE", "SOURCE", "", "DESTINATION", ""], lines);
	output.line();
	output.line(summary(objects), "; ", `edges: ${count(edges.opened)} open, ${count(edges.closed)} close`);
	output.line();
}

function section(output: Output, heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
	output.table(
		heads.map((head) => ({ head })),
		rows.slice(0, LIMITS.plannedLines),
	);
	const more = rows.length - LIMITS.plannedLines;
	if (more > 0) output.line({ text: `and ${more} more; --json has all of them`, style: "dim" });
}

function edgeCells(what: Cell, { source, destination, segments }: Edge): Cell[] {
	const through = segments === null ? "" : segments.length === 1 ? "(1 segment)" : `(${segments.length} segments)`;
	return [what, segments === null ? source : `${source} ${through}`, "->", destination];
}

/** Pairs of segments, those behind `*` included. */
function count(edges: readonly Edge[]): number {
	return edges.reduce((sum, { segments }) => sum + (segments?.length ?? 1), 0);
}

function summary(objects: readonly ObjectDiff[]): string {
	const of = (change: ObjectDiff["change"]) => objects.filter((object) => object.change === change).length;
	return `objects: ${of("added")} added, ${of("altered")} altered, ${of("removed")} removed`;
}

/** `mode: enforce -> monitor`; of lists, what came and went. */
function describeField({ field, before, after }: FieldDiff): string {
	if (Array.isArray(before) && Array.isArray(after)) {
		const came = after.filter((value) => !before.some((old) => isSame(old, value)));
		const went = before.filter((value) => !after.some((now) => isSame(now, value)));
		const signed = [...came.map((value) => `+${shown(value)}`), ...went.map((value) => `-${shown(value)}`)];
		return `${field}: ${signed.length === 0 ? "another order" : shorten(signed.join(" "))}`;
	}
	return `${field}: ${shorten(shown(before))} -> ${shorten(shown(after))}`;
}

function shown(value: unknown): string {
	if (value === null) return "none";
	return typeof value === "string" ? value : JSON.stringify(value);
}

function shorten(text: string): string {
	return text.length > LIMITS.plannedValueChars ? `${text.slice(0, LIMITS.plannedValueChars)}...` : text;
}

const STYLES: Readonly<Record<ObjectDiff["change"], Style>> = { added: "green", altered: "yellow", removed: "red" };
const BEGUN = "denials would be recorded only, and pass";
const ENDED = "denials would deny again";
