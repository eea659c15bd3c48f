/** `firebreak explain`: why a request passes or not, from the policies in a database, without a server. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { readDatabaseUrl } from "../config.ts";
import type { RuleOutcome, Step } from "../core/decide/trace.ts";
import { FirebreakError } from "../core/errors.ts";
import { type Explained, type ExplainQuery, type ExplanationView, viewExplanation } from "../core/explanation.ts";
import { LIMITS } from "../core/limits.ts";
import { HIDDEN, REASONS } from "../core/reasons.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { type Cell, createOutput, type Output, type Style } from "./output.ts";
import { exampleHelp, type Program, revisionArgument, timeArgument } from "./program.ts";

/** Loads the policies and judges; handed in, since it needs store and core together. */
export interface Explainer {
	/**
	 * @param revision the policy set as it stood then; null is the newest.
	 * @throws FirebreakError not_found for a revision or a name that does not exist, and what the store raises.
	 */
	explain(databaseUrl: string, query: ExplainQuery, revision: number | null): Promise<Explained>;
	/** Explains a recorded decision anew, at its time and revision. @throws FirebreakError not_found */
	explainDecision(databaseUrl: string, id: string): Promise<Explained>;
}

/** Adds `explain`. Exits 0 when the request passes, 4 when it is denied. */
export function register(program: Program, io: Io, explainer: Explainer): void {
	program
		.command("explain")
		.description("say step by step why a request passes (exit 0) or is denied (exit 4)")
		.option("--source <name>", "segment or SPIFFE ID that calls, or anonymous")
		.option("--destination <name>", "segment or SPIFFE ID that is called")
		.option("--method <method>", "HTTP method", "GET")
		.option("--path <path>", "path, with or without a query")
		.option("--header <k:v>", "a header of the request; may be repeated", collectHeader)
		.option("--token-file <file>", "file that holds the access token")
		.option("--at <time>", "judge as of this time, such as 2026-01-31T12:00:00Z", timeArgument)
		.option("--revision <n>", "judge by the policies as of this revision", revisionArgument)
		.option("--decision <id>", "explain a recorded decision in place of a made-up request")
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak explain --source orders --destination payments --method GET --path /v1/payments/42",
				"firebreak explain --decision 01J9Z6V7Q8",
			),
		)
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const databaseUrl = readDatabaseUrl(io.env, options.databaseUrl);
			const explained =
				options.decision === undefined
					? await explainer.explain(databaseUrl, await readQuery(options, io), options.revision ?? null)
					: await explainer.explainDecision(databaseUrl, recordedOnly(options, options.decision));
			const view = viewExplanation(explained);
			const output = createOutput(io, options);
			output.answer(view, () => render(view, output));
			io.setExitCode(explained.decision.allow ? EXIT.yes : EXIT.no);
		});
}

interface RequestOptions {
	readonly source?: string | undefined;
	readonly destination?: string | undefined;
	readonly method: string;
	readonly path?: string | undefined;
	readonly header?: Readonly<Record<string, string>> | undefined;
	readonly tokenFile?: string | undefined;
	readonly at?: number | undefined;
	readonly revision?: number | undefined;
}

async function readQuery(options: RequestOptions, io: Io): Promise<ExplainQuery> {
	const { source, destination, path, tokenFile } = options;
	if (source === undefined || destination === undefined || path === undefined) {
		throw new FirebreakError("usage", "explain needs --source, --destination and --path, or --decision");
	}
	return {
		source,
		destination,
		method: options.method,
		path,
		headers: options.header ?? {},
		token: tokenFile === undefined ? null : await readToken(resolve(io.cwd, tokenFile)),
		at: options.at ?? null,
	};
}

function recordedOnly(options: RequestOptions, id: string): string {
	const { source, destination, path, header, tokenFile, at, revision } = options;
	if ([source, destination, path, header, tokenFile, at, revision].some((given) => given !== undefined)) {
		throw new FirebreakError("usage", "--decision stands alone: the record says what the request was");
	}
	return id;
}

async function readToken(file: string): Promise<string> {
	let text: string;
	try {
		text = await readFile(file, "utf8");
	} catch (cause) {
		throw new FirebreakError("usage", "the token file cannot be read", {
			cause,
			problems: [{ object: "--token-file", message: "it cannot be read", cure: "name a file that this user can read" }],
		});
	}
	const token = text.trim();
	if (token === "" || token.length > LIMITS.tokenBytes) {
		throw new FirebreakError("usage", `a token has between 1 and ${LIMITS.tokenBytes} bytes`);
	}
	return token;
}

function collectHeader(text: string, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
	const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text) ?? [];
	if (name === undefined || value === undefined) throw new InvalidArgumentError("Write it as name:value.");
	const key = name.toLowerCase();
	const joined = Object.hasOwn(headers, key) ? `${headers[key]},${value}` : value;
	return { ...headers, [key]: joined };
}

const MARKS: Readonly<Record<Step["result"], { readonly text: string; readonly style: Style }>> = {
	pass: { text: "✓", style: "green" },
	fail: { text: "✗", style: "red" },
	waived: { text: "!", style: "yellow" },
	skipped: { text: "-", style: "dim" },
};

const OUTCOMES: Readonly<Record<RuleOutcome, Cell>> = {
	match: { text: "matches", style: "green" },
	validity: "not valid at that time",
	method: "another method",
	path: "another path",
	host: "another host",
	upgrade: "another upgrade",
	scopes: "scopes missing",
	condition: "condition is false",
	condition_error: { text: "condition failed", style: "red" },
};

function render(view: ExplanationView, output: Output): void {
	output.table(
		[{ head: "" }, { head: "STEP" }, { head: "REASON" }, { head: "FOUND" }],
		view.steps.map((step) => [
			MARKS[step.result],
			step.step,
			[step.reason, step.detail].filter((text) => text !== undefined).join(" "),
			step.note ?? (step.result === "skipped" ? "does not apply" : ""),
		]),
	);
	const rules = view.steps.flatMap((step) => step.rules ?? []);
	if (rules.length > 0) {
		output.line();
		output.table(
			[{ head: "POLICY" }, { head: "EFFECT" }, { head: "MODE" }, { head: "OUTCOME" }],
			rules.map((rule) => [rule.policy, rule.effect, rule.mode, OUTCOMES[rule.outcome]]),
		);
	}
	output.line();
	output.line(...verdict(view));
}

function verdict(view: ExplanationView): Cell[] {
	const allowed = view.decision === "allow";
	const open = REASONS[view.reason].status;
	const status = view.hidden && open === 403 ? HIDDEN.status : open;
	const cells: Cell[] = [
		{ text: `${view.decision.toUpperCase()} ${status}`, style: allowed ? "green" : "red" },
		` ${[view.reason, view.detail].filter((text) => text !== null).join(" ")}`,
	];
	if (view.policy !== null) cells.push(`, policy ${view.policy}`);
	if (view.would !== null) {
		const would = [view.would.reason, view.would.detail].filter((text) => text !== null).join(" ");
		cells.push({ text: `, would be denied: ${would}`, style: "yellow" });
	}
	cells.push({ text: ` (revision ${view.revision})`, style: "dim" });
	return cells;
}
