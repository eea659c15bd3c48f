/**
 * The first pure phase, steps 3 to 6: who asks, who calls whom, and whether the two may meet at all. It needs no
 * credential and says which one is due.
 */
import { type Demand, unionOf } from "../flow.ts";
import type { Lane } from "../lane/lane.ts";
import type { CrossingRow, SegmentRow } from "../model.ts";
import type { Request } from "../request.ts";
import type { Snapshot } from "../snapshot.ts";
import { parseSpiffeId } from "../spiffe.ts";
import { findCrossing } from "./crossing.ts";
import { type Forwarded, readForwarded } from "./forwarded.ts";
import { type Destination, segmentOf } from "./locate.ts";
import { admitsAnonymous } from "./policy.ts";
import { identifySource, type Source, vouchersOf } from "./source.ts";
import type { Trace } from "./trace.ts";
import { Verdict } from "./verdict.ts";

export interface RouteInput {
	readonly snapshot: Snapshot;
	readonly lane: Lane;
	readonly destination: Destination;
	readonly request: Request;
	/** `none`: whoever can reach the listener may ask (loopback or a socket). */
	readonly enforcerIdentity: "tls" | "none";
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** Explain's, or null. */
	readonly trace: Trace | null;
}

export interface Route {
	readonly input: RouteInput;
	readonly source: Source;
	/** What proxies in front tell of it: the address that it called from, above all. */
	readonly forwarded: Forwarded;
	/** Live and accepted, or null. */
	readonly crossing: CrossingRow | null;
	/** The union of the destination domain's flow and the crossing's. */
	readonly demand: Demand;
	/** Passes by step 4's exception: nothing more is asked of it. */
	readonly probe: boolean;
	readonly verdict: Verdict;
}

export function route(input: RouteInput): Route {
	const { snapshot, destination, request, now, trace } = input;
	const monitored =
		destination.ok && (destination.segment.mode === "monitor" || destination.domain.row.mode === "monitor");
	const verdict = new Verdict(monitored, trace);
	const source = identifySource(snapshot, request);
	const probe = destination.ok && isProbe(destination.segment, request);

	checkUpgrade(input, verdict);
	if (!verdict.denied) checkEnforcer(input, verdict);
	if (!verdict.denied) checkSource(input, source, probe, verdict);
	if (!verdict.denied) checkDestination(input, verdict);
	let crossing: CrossingRow | null = null;
	if (verdict.denied || probe || !destination.ok || source.segment === null) {
		if (!verdict.denied) trace?.push({ step: "crossing", result: "skipped" });
	} else {
		const found = findCrossing(snapshot, source.segment, destination.segment, now);
		if (found.ok) {
			crossing = found.crossing;
			trace?.push({ step: "crossing", result: "pass", note: crossing?.name ?? "same domain and environment" });
		} else verdict.fail("crossing", found.reason, found.detail);
	}
	const demand = destination.ok && !probe ? unionOf(destination.domain.row.flow, crossing?.flow ?? null) : NO_DEMAND;
	const forwarded = readForwarded(snapshot, request, source);
	return { input, source, forwarded, crossing, demand, probe, verdict };
}

/** Whether steps 7 to 10 are still to come. */
export function isOpen({ verdict, probe, input }: Route): boolean {
	return !verdict.denied && !probe && input.destination.ok;
}

/** Step 2, for what only policy knows: an upgrade that no policy names has two readings, ours and the upstream's. */
function checkUpgrade({ destination, request }: RouteInput, verdict: Verdict): void {
	if (request.upgrade === null) return;
	if (destination.ok && destination.shard?.upgrades.has(request.upgrade)) return;
	verdict.fail("canonical", "ambiguous_request", "upgrade");
}

/** Step 3: the proxy guards the destination that it asks about, or is a named enforcer of the same environment. */
function checkEnforcer(input: RouteInput, verdict: Verdict): void {
	const { snapshot, destination, request, trace } = input;
	if (input.enforcerIdentity === "none" || !destination.ok) {
		trace?.push({ step: "enforcer", result: "skipped" });
		return;
	}
	if (request.enforcer === null) return verdict.fail("enforcer", "enforcer_mismatch", "absent");
	const segment = parseSpiffeId(request.enforcer) ? segmentOf(snapshot, request.enforcer) : null;
	const named = segment?.enforcer && segment.environment === destination.segment.environment;
	if (segment && (named || segment.name === destination.segment.name)) {
		trace?.push({ step: "enforcer", result: "pass", note: request.enforcer });
	} else verdict.fail("enforcer", "enforcer_mismatch", segment ? "other_segment" : "no_segment");
}

function checkSource(input: RouteInput, source: Source, probe: boolean, verdict: Verdict): void {
	const { destination, request, now, trace } = input;
	const quarantined = quarantineOf(input, source);
	if (quarantined !== null) return verdict.fail("source", "source_quarantined", quarantined);
	if (probe) trace?.push({ step: "source", result: "skipped", note: "probe" });
	else if (source.kind === "unknown") verdict.fail("source", "source_unknown", source.detail);
	else if (source.kind === "segment") {
		trace?.push({ step: "source", result: "pass", note: describe(source.segment, source.principal) });
	} else if (admitsAnonymous(destination.ok ? destination.shard : null, request, now)) {
		trace?.push({ step: "source", result: "pass", note: "anonymous, named by a policy" });
	} else verdict.fail("source", "identity_missing", null);
}

/** What holds the source, or a proxy that vouches for it. */
function quarantineOf({ snapshot, lane, request, now }: RouteInput, source: Source): string | null {
	const holds = ({ principal, segment }: Source) =>
		lane.quarantined(principal, segment?.name ?? null, segment?.domain ?? null, now);
	let found = holds(source);
	for (const proxy of vouchersOf(snapshot, request, source)) found ??= holds(proxy);
	return found;
}

function checkDestination({ destination, trace }: RouteInput, verdict: Verdict): void {
	if (!destination.ok) return verdict.fail("destination", destination.reason, destination.detail);
	trace?.push({ step: "destination", result: "pass", note: describe(destination.segment, destination.principal) });
}

/** Exact path, GET or HEAD. */
function isProbe(segment: SegmentRow, { method, path, upgrade }: Request): boolean {
	return (method === "GET" || method === "HEAD") && upgrade === null && segment.probes.includes(path);
}

const describe = (segment: SegmentRow, principal: string | null) =>
	`${segment.name} (${segment.domain}, ${segment.environment})${principal === null ? "" : ` ${principal}`}`;

const NO_DEMAND: Demand = Object.freeze({ token: false, bound: false });
