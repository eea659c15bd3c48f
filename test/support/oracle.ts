/**
 * A naive second reading of CONTRACT's rules: loops over rows, no index, no sharing, none of the program's code but its
 * types. Slow and plain on purpose; `decide` is held against it.
 */
import type { PolicyRow, PolicySet, SegmentRow } from "../../src/core/model.ts";
import type { DenyReason } from "../../src/core/reasons.ts";
import type { CredentialVerdict, Request, TokenFacts } from "../../src/core/request.ts";

export interface Answer {
	readonly reason: string;
	readonly would: string | null;
	readonly hidden: boolean;
}

/** Conditions that the generated policies use, and what they come to. */
export const CONDITIONS: Readonly<Record<string, "true" | "false" | "error">> = {
	"1 == 1": "true",
	"1 == 2": "false",
	"token.never_there == 1": "error",
};

export function oracle(set: PolicySet, request: Request, credential: CredentialVerdict, now: number): Answer {
	const destination = set.segments.find(({ name }) => name === request.destinationHint);
	const source = request.peer.principal === null ? null : holder(set.segments, request.peer.principal);
	const anonymous = request.peer.principal === null;
	const monitored =
		destination?.mode === "monitor" || set.domains.find(({ name }) => name === destination?.domain)?.mode === "monitor";
	const joined = source && destination ? crossingOf(set, source, destination, now) : null;
	const failures: DenyReason[] = [];

	const probe = destination?.probes.includes(request.path) && ["GET", "HEAD"].includes(request.method);
	if (destination && probe) return { reason: "allowed_probe", would: null, hidden: false };
	if (anonymous) {
		const named = policiesOf(set, destination, ["anonymous"]).some(
			(row) => row.effect === "allow" && isAbout(row, request, now),
		);
		if (!named) failures.push("identity_missing");
	} else if (!source) failures.push("source_unknown");
	if (!destination) failures.push("destination_unknown");
	if (joined?.failure) failures.push(joined.failure);
	const domain = set.domains.find(({ name }) => name === destination?.domain);
	const flows = [domain?.flow, joined?.crossing?.flow];
	const tokenIsDue = flows.some((flow) => flow?.includes("token"));
	if (tokenIsDue && credential.kind === "refused") failures.push(credential.reason);
	const token = tokenIsDue && credential.kind === "token" ? credential.token : { scopes: [], allScopes: [] };
	const sources = anonymous ? ["anonymous"] : source ? [source.name, "*"] : [];
	const judged = judgeRows(policiesOf(set, destination, sources), request, token, now);
	if (judged.failure) {
		failures.push(anonymous && judged.failure === "no_policy" ? "identity_missing" : judged.failure);
	}

	const WAIVED_NEVER = ["destination_unknown", "token_revoked"];
	const fatal = failures.find((reason) => !monitored || WAIVED_NEVER.includes(reason));
	if (fatal) {
		const forbidden = !fatal.startsWith("token_") && fatal !== "identity_missing";
		const apart = source && destination && source.domain !== destination.domain && !joined?.crossing;
		return { reason: fatal, would: null, hidden: Boolean(forbidden && domain?.hidden && apart) };
	}
	const would = failures[0] ?? judged.would;
	return { reason: would ? "allowed_monitor" : "allowed", would, hidden: false };
}

function holder(segments: readonly SegmentRow[], principal: string): SegmentRow | null {
	let best: { segment: SegmentRow; length: number } | null = null;
	for (const segment of segments) {
		for (const member of segment.members) {
			if (member === principal) return segment;
			const prefix = member.endsWith("/*") ? member.slice(0, -1) : null;
			if (prefix === null || !principal.startsWith(prefix)) continue;
			if (!best || prefix.length > best.length) best = { segment, length: prefix.length };
		}
	}
	return best?.segment ?? null;
}

function crossingOf(set: PolicySet, source: SegmentRow, destination: SegmentRow, now: number) {
	if (source.domain === destination.domain && source.environment === destination.environment) return null;
	const pair = set.crossings.filter(
		(row) => row.source_domain === source.domain && row.destination_domain === destination.domain,
	);
	const specific = pair.find(
		(row) => row.source_environment === source.environment && row.destination_environment === destination.environment,
	);
	const general = pair.find((row) => row.source_environment === null);
	const same = source.environment === destination.environment;
	const crossing = specific ?? (same ? general : undefined);
	if (!crossing) {
		return { crossing: null, failure: (same ? "crossing_missing" : "environment_crossing") as DenyReason };
	}
	if (!crossing.accepted) return { crossing: null, failure: "crossing_missing" as const };
	if (crossing.expires <= now) return { crossing: null, failure: "crossing_expired" as const };
	return { crossing, failure: null };
}

const policiesOf = (set: PolicySet, destination: SegmentRow | undefined, sources: readonly string[]): PolicyRow[] =>
	[...set.policies].filter((row) => row.destination === destination?.name && sources.includes(row.source));

function judgeRows(
	rows: readonly PolicyRow[],
	request: Request,
	token: Pick<TokenFacts, "scopes" | "allScopes">,
	now: number,
): { failure: DenyReason | null; would: DenyReason | null } {
	const about = rows.filter((row) => isAbout(row, request, now));
	const state = (row: PolicyRow) => {
		const scopes = row.effect === "deny" ? token.allScopes : token.scopes;
		const all = row.scopes.every((scope) => scopes.includes(scope));
		const any = row.scopes_any.length === 0 || row.scopes_any.some((scope) => scopes.includes(scope));
		if (!all || !any) return "scopes";
		return row.condition === null ? "true" : CONDITIONS[row.condition]!;
	};
	const denies = about.filter((row) => row.effect === "deny" && ["true", "error"].includes(state(row)));
	if (denies.some((row) => row.mode === "enforce")) return { failure: "policy_denied", would: null };
	const wouldDeny = denies.length > 0 ? "policy_denied" : null;
	const allows = about.filter((row) => row.effect === "allow");
	if (allows.some((row) => state(row) === "true")) return { failure: null, would: wouldDeny };
	const tried = allows.filter((row) => row.mode === "monitor").sort((a, b) => (a.name < b.name ? -1 : 1))[0];
	if (tried) {
		const miss = { scopes: "scope_missing", false: "no_policy", error: "condition_error" } as const;
		return { failure: null, would: wouldDeny ?? miss[state(tried) as keyof typeof miss] };
	}
	if (allows.some((row) => state(row) === "scopes")) return { failure: "scope_missing", would: null };
	if (allows.some((row) => state(row) === "error")) return { failure: "condition_error", would: null };
	return { failure: "no_policy", would: null };
}

function isAbout(row: PolicyRow, request: Request, now: number): boolean {
	if (row.valid_from !== null && now < row.valid_from) return false;
	if (row.valid_until !== null && now >= row.valid_until) return false;
	if (row.hosts.length > 0 && !row.hosts.includes(request.host)) return false;
	const byGrpc = row.grpc.some((pattern) => {
		const wanted = `/${pattern}`;
		if (request.method !== "POST" || request.path.split("/").length !== 3 || request.path.endsWith("/")) return false;
		return wanted.endsWith("*") ? request.path.startsWith(wanted.slice(0, -1)) : request.path === wanted;
	});
	const method = row.methods.includes("*") || row.methods.includes(request.method);
	return byGrpc || (method && row.paths.some((template) => covers(template, request.path)));
}

function covers(template: string, path: string): boolean {
	const wanted = template.split("/").slice(1);
	const given = path.split("/").slice(1);
	for (const [index, part] of wanted.entries()) {
		if (part === "**") return true;
		const segment = given[index];
		if (segment === undefined) return false;
		const wildcard = part === "*" || part.startsWith("{");
		if (wildcard ? segment === "" : segment !== part) return false;
	}
	return wanted.length === given.length;
}
