/** All that is wrong with Firebreak's own side. Pure: facts to findings. */
import { formatDuration } from "../../core/duration.ts";
import { describeProblem, type Problem } from "../../core/errors.ts";
import type { PolicySet } from "../../core/model.ts";
import { type Place, sorted } from "../finding.ts";
import { type FindingId, type FirebreakFinding, finding } from "./catalogue.ts";

/** A server as it was last heard of. */
export interface ServerFacts {
	readonly id: string;
	readonly live: boolean;
	/** What it lacks; null when its numbers are of another state of the database. */
	readonly behind: { readonly revisions: number; readonly revocations: number } | null;
	/** The revision that it refuses, and why. */
	readonly refused: number | null;
	readonly problem: string | null;
}

/** What was found out about the database and what runs on it. Times are milliseconds since the epoch. */
export interface Facts {
	/** Of the environment's settings. */
	readonly configuration: readonly Problem[];
	readonly standby: boolean;
	/** This host's clock, the database's, and how long it took to ask: they are known apart only beyond that. */
	readonly clock: { readonly here: number; readonly database: number; readonly tookMs: number };
	/** Migrations of the schema that are not simply applied; null when there is no schema at all. */
	readonly schema: readonly { readonly name: string; readonly state: "pending" | "edited" | "unknown" }[] | null;
	readonly servers: readonly ServerFacts[];
	readonly policies: { readonly set: PolicySet; readonly problems: readonly Problem[] } | null;
}

/** Clocks that differ by less are as good as equal. */
const SKEW_MS = 5_000;

/** A crossing that ends within this time is about to. */
const EXPIRING_MS = 14 * 86_400_000;

/** Things of one kind that are told one by one. */
const TOLD = 20;

const SCHEMA_FINDING = { pending: "schema_pending", edited: "schema_edited", unknown: "schema_newer" } as const;

const at = (text: string): Place => ({ listener: null, text });

/** Dangers first. */
export function examineFirebreak(facts: Facts): FirebreakFinding[] {
	const { configuration, standby, clock, schema, servers, policies } = facts;
	const skew = Math.abs(clock.here - clock.database) - clock.tookMs;
	const apart = `${formatDuration(Math.round(skew / 1_000) * 1_000)} apart`;
	return sorted([
		...told(configuration, "configuration_invalid"),
		...(standby ? [finding("database_standby", at("database"))] : []),
		...(skew > SKEW_MS ? [finding("clock_skew", at("database"), apart)] : []),
		...(schema === null ? [finding("schema_missing", at("database"))] : []),
		...(schema ?? []).map(({ name, state }) => finding(SCHEMA_FINDING[state], at(`migration ${name}`))),
		...(schema === null ? [] : examineServers(servers)),
		...(policies === null ? [] : [...told(policies.problems, "policies_uncompilable")]),
		...(policies === null ? [] : examinePolicies(policies.set, clock.database)),
	]);
}

function told(problems: readonly Problem[], id: FindingId): FirebreakFinding[] {
	return problems.slice(0, TOLD).map((problem) => finding(id, at(problem.object), describeProblem(problem)));
}

function examineServers(servers: readonly ServerFacts[]): FirebreakFinding[] {
	const live = servers.filter((server) => server.live);
	const silent = servers.filter((server) => !server.live);
	return [
		...(live.length === 0 ? [finding("servers_none", at("servers"))] : []),
		...silent.map(({ id }) => finding("server_silent", at(`server ${id}`))),
		...live.flatMap(({ id, behind, refused, problem }) => {
			const place = at(`server ${id}`);
			if (refused !== null)
				return [finding("server_refuses", place, `revision ${refused}, ${problem ?? "unsaid why"}`)];
			if (behind === null) return [finding("server_behind", place, "it knows another state of the database")];
			const { revisions, revocations } = behind;
			if (revisions === 0 && revocations === 0) return [];
			return [finding("server_behind", place, `${revisions} revisions and ${revocations} revocations`)];
		}),
	];
}

function examinePolicies(set: PolicySet, now: number): FirebreakFinding[] {
	const issuing = new Set(set.issuers.map(({ domain }) => domain));
	const findings: FirebreakFinding[] = [];
	const watch = (kind: string, { name, mode }: { name: string; mode: string }) => {
		if (mode === "monitor") findings.push(finding("monitored", at(`${kind} ${name}`)));
	};
	for (const domain of set.domains) {
		watch("domain", domain);
		if (domain.flow !== "mtls" && !issuing.has(domain.name)) {
			findings.push(finding("domain_without_issuer", at(`domain ${domain.name}`), `flow ${domain.flow}`));
		}
	}
	for (const segment of set.segments) watch("segment", segment);
	for (const { name, expires, accepted } of set.crossings) {
		const place = at(`crossing ${name}`);
		if (!accepted) findings.push(finding("crossing_unaccepted", place));
		if (expires <= now) findings.push(finding("crossing_expired", place, `since ${new Date(expires).toISOString()}`));
		else if (expires - now < EXPIRING_MS) {
			findings.push(finding("crossing_expiring", place, new Date(expires).toISOString()));
		}
	}
	let allows = false;
	const watching: string[] = [];
	for (const { name, mode, effect } of set.policies) {
		if (mode === "monitor") watching.push(name);
		allows ||= effect === "allow";
	}
	findings.push(...watching.slice(0, TOLD).map((name) => finding("monitored", at(`policy ${name}`))));
	const more = watching.length - TOLD;
	if (more > 0) findings.push(finding("monitored", at(`${more} more policies`)));
	if (!allows) findings.push(finding("policies_none", at("policies")));
	return findings;
}
