/** `firebreak token suggest`: the smallest token that the policies ask for, and the command that makes it. */
import { canonicalPath } from "../../core/canonical/path.ts";
import { compilePolicySet } from "../../core/compile/compile.ts";
import { runToEnd } from "../../core/compile/generator.ts";
import { segmentOf } from "../../core/decide/locate.ts";
import { FirebreakError } from "../../core/errors.ts";
import { isOwnIssuer } from "../../core/issuer.ts";
import type { SegmentRow } from "../../core/model.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import { parseSpiffeId } from "../../core/spiffe.ts";
import { type Reach, reachOf } from "../../issuing/reach.ts";
import { type Operation, type Suggestion, suggest } from "../../issuing/suggest.ts";
import { loadPolicySet } from "../../store/load.ts";
import { withDatabase } from "../database.ts";
import { EXIT } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { type Cell, createOutput, type Output } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";

/** Adds `suggest` to `token`. Exits 4 when no token would help. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("suggest")
		.description(
			"tell the smallest scopes and restrictions that the policies ask of a token from here to there,\n" +
				"with the command that issues it; exit 4 when the policies let nothing pass",
		)
		.requiredOption("--source <name>", "segment or SPIFFE ID that calls")
		.requiredOption("--destination <name>", "segment or SPIFFE ID that is called")
		.option("--method <method>", "for this operation alone: its HTTP method", "GET")
		.option("--path <path>", "for this operation alone: its path")
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak token suggest --source orders --destination payments",
				"firebreak token suggest --source orders --destination payments --method GET --path /v1/payments/42",
			),
		)
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const snapshot = await withDatabase(io, "token", options.databaseUrl, (database) =>
				database.withClient(async (client) => {
					const set = await loadPolicySet(client);
					const result = runToEnd(compilePolicySet(set));
					if (result.ok) return result.snapshot;
					const { problems } = result;
					throw new FirebreakError("policy_invalid", `revision ${set.revision} does not compile`, { problems });
				}),
			);
			const source = find(snapshot, options.source);
			const destination = find(snapshot, options.destination);
			const principal = options.source.startsWith("spiffe://") ? options.source : null;
			const reach = reachOf(snapshot, null, principal, source, destination, io.clock());
			if (!("allows" in reach)) {
				output.answer({ possible: false, ...reach }, () =>
					output.line(`no token helps: ${reach.reason}${reach.detail === null ? "" : ` (${reach.detail})`}`),
				);
				io.setExitCode(EXIT.no);
				return;
			}
			const operation =
				options.path === undefined ? null : operationOf(options.method, options.path, reach.destination);
			const suggestion = suggest(reach, operation);
			if (suggestion === null) {
				const detail = `no policy is about ${options.method} ${operation?.path}`;
				output.answer({ possible: false, reason: "no_policy", detail }, () => output.line(`no token helps: ${detail}`));
				io.setExitCode(EXIT.no);
				return;
			}
			const told = tell(reach, suggestion, principal);
			output.answer({ possible: true, ...told }, () => render(output, told));
		});
}

function find(snapshot: Snapshot, name: string): SegmentRow {
	const segment = name.startsWith("spiffe://")
		? parseSpiffeId(name) && segmentOf(snapshot, name)
		: snapshot.segments.get(name);
	if (segment) return segment;
	throw new FirebreakError("not_found", `there is no segment ${JSON.stringify(name)}`);
}

function operationOf(method: string, path: string, destination: SegmentRow): Operation {
	const canonical = canonicalPath(path, destination.path_exceptions);
	if (!("segments" in canonical)) throw new FirebreakError("usage", "--path: it has more than one reading");
	return { method, path: canonical.path, segments: canonical.segments };
}

interface Telling extends Suggestion {
	readonly source: string;
	readonly destination: string;
	readonly domain: string;
	/** Whether the flow asks for a token at all. */
	readonly token: boolean;
	/** Whether it has to be bound to a key. */
	readonly bound: boolean;
	readonly passport: string;
	readonly crossing: string | null;
	readonly restrictions: {
		readonly sources: readonly string[];
		readonly destinations: readonly string[];
		readonly environment: string | null;
	};
	readonly issuer: string | null;
	readonly command: string | null;
}

function tell(reach: Reach, suggestion: Suggestion, principal: string | null): Telling {
	const { source, destination, domain, demand, crossing } = reach;
	const issuer = domain.issuers.find(isOwnIssuer) ?? null;
	const bound = demand.bound || (issuer !== null && issuer.binding !== "none");
	const told = {
		...suggestion,
		source: source.name,
		destination: destination.name,
		domain: destination.domain,
		token: demand.token,
		bound,
		passport: domain.row.passport,
		crossing: crossing?.name ?? null,
		restrictions: {
			sources: [principal ?? source.name],
			destinations: [destination.name],
			environment: source.environment === destination.environment ? source.environment : null,
		},
		issuer: issuer?.url ?? null,
	};
	return { ...told, command: issuer === null || !demand.token ? null : commandOf(told, source.owner, principal) };
}

function commandOf(told: Omit<Telling, "command">, owner: string, principal: string | null): string {
	const { sources, destinations, environment } = told.restrictions;
	const words = [
		"firebreak token issue",
		`--issuer ${told.issuer}`,
		`--subject ${principal ?? told.source}`,
		`--owner ${owner}`,
		'--purpose "what it is for"',
		...told.scopes.map((scope) => `--scope ${quoted(scope)}`),
		...destinations.map((name) => `--destination ${name}`),
		...sources.map((name) => `--source ${name}`),
		...(environment === null ? [] : [`--environment ${environment}`]),
		...(told.bound ? ["--bind x5t:client.pem"] : []),
	];
	return words.join(" ");
}

/** Scopes may hold what a shell would read. */
const quoted = (text: string): string => (/^[\w:./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function render(output: Output, told: Telling): void {
	const { scopes, needs, denies, restrictions } = told;
	const line = (name: string, text: string) => output.line({ text: name.padEnd(14), style: "dim" }, text);
	line(
		"way",
		`${told.source} to ${told.destination} (${told.domain})${told.crossing ? `, by crossing ${told.crossing}` : ""}`,
	);
	if (!told.token) {
		output.line("no token is read there: the flow is by certificates alone");
		return;
	}
	line("scopes", scopes.join(" ") || "none");
	line("sources", restrictions.sources.join(" "));
	line("destinations", restrictions.destinations.join(" "));
	line("environment", restrictions.environment ?? "it crosses from one to another, so none");
	line(
		"binding",
		told.bound
			? "it must be bound to a key or a certificate"
			: "not asked for; a bound one is worth nothing to a thief",
	);
	output.table(COLUMNS, needs.map(cellsOf));
	if (denies.length > 0) output.line(`these may refuse some of it all the same: ${denies.join(", ")}`);
	if (told.command === null) output.line(`the domain ${told.domain} has no issuer that Firebreak signs for`);
	else output.line(told.command);
}

function cellsOf({ policy, scopes, anyOf, chosen, conditional, insteadOf }: Suggestion["needs"][number]): Cell[] {
	const asks = [...scopes, ...(anyOf.length > 0 ? [`one of ${anyOf.join(" | ")}`] : [])].join(" and ") || "no scope";
	const takes = insteadOf === null ? chosen.join(" ") || "nothing" : `nothing: ${insteadOf} is enough`;
	return [policy, asks, takes, conditional ? "and its condition decides" : ""];
}

const COLUMNS = [{ head: "POLICY" }, { head: "ASKS FOR" }, { head: "TAKEN" }, { head: "" }] as const;
