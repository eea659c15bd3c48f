/**
 * What the compiler refuses about single rows. The database refuses most of it earlier, at the call; this is what
 * stands when rows come from elsewhere (a snapshot on disk, a test, a database that someone wrote to by hand).
 */
import { canonicalHost } from "../canonical/host.ts";
import { isToken } from "../canonical/method.ts";
import { lintIssuer } from "../issuer.ts";
import {
	ANONYMOUS,
	ANY_SOURCE,
	type CrossingRow,
	EFFECTS,
	type IssuerRow,
	type PolicyRow,
	type RateLimitRow,
	type SegmentRow,
} from "../model.ts";
import { parseOrigin } from "../origin.ts";
import type { Snapshot } from "../snapshot.ts";
import { parseSpiffeId } from "../spiffe.ts";
import { parseTemplate } from "../template.ts";
import type { Problems } from "./complaint.ts";

type Domains = Snapshot["domains"];
type Segments = Snapshot["segments"];

export function checkIssuer(row: IssuerRow, problems: Problems): void {
	const object = `issuer ${row.url}`;
	if (row.audiences.length === 0 && row.profile !== "api_key") {
		problems.add(object, {
			field: "audiences",
			message: "no audience is named, so that a token for any service would do",
			cure: "name the audiences that tokens of this issuer carry here",
		});
	}
	for (const problem of lintIssuer(row)) problems.add(object, problem);
}

export function checkSegment(row: SegmentRow, problems: Problems): void {
	const object = `segment ${row.name}`;
	if (row.name === ANY_SOURCE || row.name === ANONYMOUS || row.name.startsWith("spiffe://")) {
		problems.add(object, { field: "name", message: "the name is reserved", cure: "choose another name" });
	}
	for (const origin of row.origins) {
		if (parseOrigin(origin) === origin) continue;
		problems.add(object, {
			field: "origins",
			message: `${JSON.stringify(origin)} is no origin in its one form`,
			cure: "write scheme and host in lower case, with the port unless it is the scheme's own: https://api.example.org",
		});
	}
	for (const probe of row.probes) {
		const template = parseTemplate(probe, row.path_exceptions);
		const exact = template.ok && template.template.text === probe && !template.template.rest;
		if (exact && template.template.parts.every((part) => part !== null)) continue;
		problems.add(object, {
			field: "probes",
			message: `${JSON.stringify(probe)} is no exact path`,
			cure:
				template.ok && template.template.text !== probe
					? `write it in its canonical spelling, ${template.template.text}`
					: "write the path as the prober sends it, without wildcards and query",
		});
	}
}

/** `holder` is the segment that has the same selector already. */
export function checkMember(member: string, row: SegmentRow, holder: string | undefined, problems: Problems): void {
	const object = `segment ${row.name}`;
	const id = parseSpiffeId(member.endsWith("/*") ? member.slice(0, -2) : member);
	if (!id || (id.path === "" && !member.endsWith("/*"))) {
		problems.add(object, {
			field: "members",
			message: `${JSON.stringify(member)} is no workload's SPIFFE ID`,
			cure: "write spiffe://trust.domain/path, or end it in /* for all below",
		});
	}
	if (holder !== undefined && holder !== row.name) {
		problems.add(object, {
			field: "members",
			message: `segment ${holder} has the member ${member} too`,
			cure: "keep it in one of them: a workload belongs to one segment",
		});
	}
}

export function checkCrossing(row: CrossingRow, domains: Domains, problems: Problems): void {
	const object = `crossing ${row.name}`;
	for (const field of ["source_domain", "destination_domain"] as const) {
		if (!domains.has(row[field])) problems.add(object, { ...noSuch("domain", row[field]), field });
	}
	if ((row.source_environment === null) !== (row.destination_environment === null)) {
		problems.add(object, {
			field: row.source_environment === null ? "source_environment" : "destination_environment",
			message: "only one environment is named",
			cure: "name both, or neither for the same environment on both sides",
		});
	}
	if (row.source_domain === row.destination_domain && row.source_environment === row.destination_environment) {
		problems.add(object, {
			message: "both sides are the same",
			cure: "name two domains or two environments; inside one no crossing is needed",
		});
	}
}

export function checkPolicy(
	policy: PolicyRow,
	destination: SegmentRow | undefined,
	segments: Segments,
	problems: Problems,
): void {
	const object = `policy ${policy.name}`;
	if (!EFFECTS.includes(policy.effect)) {
		problems.add(object, {
			field: "effect",
			message: `${JSON.stringify(policy.effect)} is neither allow nor deny`,
			cure: `write one of ${EFFECTS.join(", ")}`,
		});
	}
	const method = policy.methods.find((method) => !isToken(method));
	if (method !== undefined) {
		problems.add(object, {
			field: "methods",
			message: `no request has the method ${JSON.stringify(method)}`,
			cure: "write methods as requests do, such as GET, or * for any",
		});
	}
	for (const host of policy.hosts) {
		const canonical = canonicalHost(host);
		if (canonical.ok && canonical.host === host) continue;
		problems.add(object, {
			field: "hosts",
			message: `no request has the host ${JSON.stringify(host)}`,
			cure: canonical.ok ? `write it as requests are read, ${canonical.host}` : "write the name or address alone",
		});
	}
	if (!destination) {
		problems.add(object, { ...noSuch("segment", policy.destination), field: "destination" });
	} else if (destination.owner !== policy.owner) {
		problems.add(object, {
			field: "owner",
			message: `${policy.owner} does not own the destination ${destination.name}`,
			cure: `a policy belongs to its destination's owner, ${destination.owner}`,
		});
	}
	if (policy.source !== ANY_SOURCE && policy.source !== ANONYMOUS && !segments.has(policy.source)) {
		problems.add(object, { ...noSuch("segment", policy.source), field: "source" });
	}
	if ((policy.methods.length === 0) !== (policy.paths.length === 0)) {
		problems.add(object, {
			field: policy.methods.length === 0 ? "methods" : "paths",
			message: "methods and paths are only meaningful together",
			cure: "write '*' for any method and '/**' for any path",
		});
	} else if (policy.methods.length === 0 && policy.grpc.length === 0) {
		problems.add(object, {
			field: "methods",
			message: "it names no operation",
			cure: "name methods and paths, or grpc; any is written '*' and '/**'",
		});
	}
}

export function checkRateLimit(
	row: RateLimitRow,
	{ domains, segments }: Pick<Snapshot, "domains" | "segments">,
	problems: Problems,
): void {
	const object = `rate_limit ${row.kind}:${row.name}`;
	const known = {
		domain: () => domains.has(row.name),
		segment: () => segments.has(row.name),
		source: () => segments.has(row.name),
		token: () => [...domains.values()].some(({ issuers }) => issuers.some(({ url }) => url === row.name)),
	}[row.kind];
	if (!known()) {
		const kind = row.kind === "token" ? "issuer" : row.kind === "source" ? "segment" : row.kind;
		problems.add(object, { ...noSuch(kind, row.name), field: "name" });
	}
	if (!(row.per_second > 0) || !Number.isFinite(row.per_second) || !(row.burst >= 1)) {
		problems.add(object, {
			field: "per_second",
			message: "the budget is not positive",
			cure: "give a rate above 0 and a burst of at least 1",
		});
	}
}

/** About something that is named and is not there. */
export const noSuch = (kind: string, name: string) => ({
	message: `there is no ${kind} ${JSON.stringify(name)}`,
	cure: `create the ${kind}, or name one that exists`,
});
