/** `firebreak doctor`: what is wrong with a running Envoy that asks Firebreak, and how to mend it. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { FINDINGS, type FindingId } from "../doctor/envoy/catalogue.ts";
import { examineEnvoy } from "../doctor/envoy/examine.ts";
import { fetchEnvoy } from "../doctor/envoy/fetch.ts";
import { type Finding, SEVERITIES, type Severity } from "../doctor/finding.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { createOutput, type Output, type Style } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `doctor`. */
export function register(program: Program, io: Io): void {
	program
		.command("doctor")
		.description(
			"read the configuration of a running Envoy, and tell what is wrong with how it asks Firebreak (exit 4 on a danger\n" +
				"or a warning; notices alone, of what is right only on purpose, are told and exit 0)",
		)
		.requiredOption("--envoy <url>", "Envoy's admin side", adminArgument)
		.option(
			"--accept <finding...>",
			"findings that are meant, each an id, or id@listener for one listener alone",
			acceptArgument,
		)
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak doctor --envoy http://127.0.0.1:9901",
				"firebreak doctor --envoy http://127.0.0.1:9901 --accept authorization_missing@metrics --json",
			),
		)
		.action(async (_options, command) => {
			const { envoy, accept = [], ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const { version, dump, certificates } = await fetchEnvoy(envoy);
			const isAccepted = ({ id, listener }: Finding) =>
				accept.some((one) => one.id === id && (one.listener === null || one.listener === listener));
			const all = examineEnvoy(dump, certificates);
			const findings = all.filter((finding) => !isAccepted(finding));
			const accepted = all.length - findings.length;
			const told = { version, listeners: dump.listeners.length, accepted };
			output.answer({ envoy: told, findings }, () => render(output, findings, told));
			if (findings.some(({ severity }) => severity !== "notice")) io.setExitCode(EXIT.no);
		});
}

interface Told {
	readonly version: string;
	readonly listeners: number;
	readonly accepted: number;
}

const STYLES: Readonly<Record<Severity, Style>> = { danger: "red", warning: "yellow", notice: "cyan" };

function render(output: Output, findings: readonly Finding<FindingId>[], told: Told): void {
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
	output.line(summary(findings, told));
}

function summary(findings: readonly Finding[], { version, listeners, accepted }: Told) {
	const counts = SEVERITIES.flatMap((severity) => {
		const count = findings.filter((finding) => finding.severity === severity).length;
		return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
	});
	const envoy = `Envoy ${version}, ${listeners} listener${listeners === 1 ? "" : "s"}`;
	const rest = accepted === 0 ? "" : `, ${accepted} accepted`;
	const worst = findings[0]?.severity;
	const text = `${envoy}: ${counts.join(", ") || "nothing is wrong"}${rest}`;
	return { text, style: worst === undefined ? ("green" as const) : STYLES[worst] };
}

/** Option parser for the URL of the admin side. */
function adminArgument(text: string): URL {
	const url = URL.canParse(text) ? new URL(text) : null;
	if (
		url === null ||
		!/^https?:$/.test(url.protocol) ||
		url.username !== "" ||
		url.password !== "" ||
		url.search !== ""
	) {
		throw new InvalidArgumentError("Write it as http://HOST:PORT, without credentials.");
	}
	return url;
}

interface Accepted {
	readonly id: string;
	readonly listener: string | null;
}

/** Option parser for accepted findings; each one adds to those before it. */
function acceptArgument(text: string, before: readonly Accepted[] = []): readonly Accepted[] {
	const [id = "", ...listener] = text.split("@");
	if (!Object.hasOwn(FINDINGS, id)) throw new InvalidArgumentError(`There is no finding ${id}.`);
	return [...before, { id, listener: listener.length === 0 ? null : listener.join("@") }];
}
