/** Findings for people: what is wrong where, each cure once, and a total. */
import { type Finding, SEVERITIES, type Severity } from "../../doctor/finding.ts";
import type { Output, Style } from "../output.ts";

const STYLES: Readonly<Record<Severity, Style>> = { danger: "red", warning: "yellow", notice: "cyan" };

/** @param accepted findings that were left out. */
export function renderFindings(output: Output, subject: string, findings: readonly Finding[], accepted: number): void {
	if (findings.length > 0) {
		output.table(
			[{ head: "SEVERITY" }, { head: "FINDING" }, { head: "WHERE" }, { head: "WHAT IS WRONG" }],
			findings.map(({ severity, id, place, what }) => [{ text: severity, style: STYLES[severity] }, id, place, what]),
		);
		output.line();
		const cures = new Map(findings.map(({ id, cure }) => [id, cure]));
		output.table([{ head: "FINDING" }, { head: "HOW TO MEND IT" }], [...cures]);
		output.line();
	}
	const counts = SEVERITIES.flatMap((severity) => {
		const count = findings.filter((finding) => finding.severity === severity).length;
		return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
	});
	const rest = accepted === 0 ? "" : `, ${accepted} accepted`;
	const style = findings[0] === undefined ? "green" : STYLES[findings[0].severity];
	output.line({ text: `${subject}: ${counts.join(", ") || "nothing is wrong"}${rest}`, style });
}
