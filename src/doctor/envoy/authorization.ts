/** The settings of one authorization filter. */
import { RE2JS } from "re2js";
import type { Place } from "../finding.ts";
import { type EnvoyFinding, type FindingId, finding } from "./catalogue.ts";
import { at, durationAt, listAt, type Message, messageAt, textAt } from "./json.ts";

/** Times in milliseconds: shorter ones fail at the first pause, longer ones outlast callers. */
const TIMEOUT_MS = { envoy: 200, least: 200, most: 5_000 } as const;

/** A body up to this size is small; what is larger is said with its size. */
const SMALL_BODY_BYTES = 65_536;

/** Headers that Firebreak sets or removes, each with a spelling that CGI takes for it. */
export const CHANGED_HEADERS = [
	...["x-firebreak-principal", "x_firebreak_principal", "authorization", "dpop"],
	...["x-forwarded-for", "x-forwarded-client-cert", "x-real-ip", "forwarded"],
] as const;

/** Headers that no answer of Firebreak's touches. */
const OTHER_HEADERS = ["cookie", "content-type", "x-tenant"] as const;

/**
 * What is wrong with an ExtAuthz configuration, wherever it stands.
 *
 * @param matchesAll what the metadata that it looks at say is so of every request.
 */
export function examineAuthorization(filter: Message, place: Place, matchesAll = false): EnvoyFinding[] {
	const findings: EnvoyFinding[] = [];
	const say = (id: FindingId, detail?: string) => findings.push(finding(id, place, detail));
	const service = messageAt(filter, "grpc_service");
	if (service === null) say("not_grpc");
	else findings.push(...examineService(service, place));
	if (at(filter, "failure_mode_allow") === true) say("fail_open");
	if (at(filter, "shadow_mode") === true) say("authorization_shadow");
	const share = sharedOf(filter, matchesAll);
	if (share !== null) say("authorization_partial", share);
	const status = textAt(filter, "status_on_error", "code");
	if (status !== "ServiceUnavailable") say("status_on_error", status === "" ? undefined : `it is ${status}`);
	if (at(filter, "include_peer_certificate") !== true) say("peer_certificate_missing");
	if (at(filter, "encode_raw_headers") !== true) say("raw_headers_missing");
	if (messageAt(filter, "allowed_headers") ?? messageAt(filter, "disallowed_headers")) say("headers_hidden");
	if (at(filter, "validate_mutations") !== true) say("mutations_unvalidated");
	findings.push(...examineMutations(messageAt(filter, "decoder_header_mutation_rules"), place));
	const body = messageAt(filter, "with_request_body");
	if (body !== null) {
		const bytes = Number(at(body, "max_request_bytes") ?? 0);
		say("body_sent", bytes > SMALL_BODY_BYTES ? `up to ${bytes.toLocaleString("en")} bytes` : undefined);
	}
	if (at(filter, "clear_route_cache") === true) say("route_cache_cleared");
	if (METADATA.some((field) => listAt(filter, field).length > 0)) say("metadata_sent");
	return findings;
}

const METADATA = [
	...["metadata_context_namespaces", "typed_metadata_context_namespaces"],
	...["route_metadata_context_namespaces", "route_typed_metadata_context_namespaces"],
];

/** Of which requests Firebreak is not asked; null when of none. */
function sharedOf(filter: Message, matchesAll: boolean): string | null {
	if (messageAt(filter, "filter_enabled_metadata") !== null && !matchesAll) {
		return "filter_enabled_metadata chooses which";
	}
	const enabled = messageAt(filter, "filter_enabled");
	if (enabled === null) return null;
	const key = textAt(enabled, "runtime_key");
	if (key !== "") return `the runtime key ${key} decides how many`;
	const all = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };
	const unit = (textAt(enabled, "default_value", "denominator") || "HUNDRED") as keyof typeof all;
	const numerator = Number(at(enabled, "default_value", "numerator") ?? 0);
	return numerator >= all[unit] ? null : `${numerator} of ${all[unit]}`;
}

function examineService(service: Message, place: Place): EnvoyFinding[] {
	const findings: EnvoyFinding[] = [];
	const timeout = durationAt(service, "timeout");
	if (timeout === null) findings.push(finding("timeout_unset", place));
	else if (timeout === 0) findings.push(finding("timeout_long", place, "it waits for ever"));
	else if (timeout < TIMEOUT_MS.least) findings.push(finding("timeout_short", place, `it waits ${timeout} ms`));
	else if (timeout > TIMEOUT_MS.most) findings.push(finding("timeout_long", place, `it waits ${timeout / 1_000} s`));
	if (textAt(service, "retry_policy", "retry_on") === "") findings.push(finding("retry_missing", place));
	return findings;
}

/** How long the filter waits, in milliseconds: Envoy's own default when nothing says, and without end when it says 0. */
export function timeoutOf(filter: Message): number {
	return (durationAt(filter, "grpc_service", "timeout") ?? TIMEOUT_MS.envoy) || Number.POSITIVE_INFINITY;
}

function examineMutations(rules: Message | null, place: Place): EnvoyFinding[] {
	if (rules === null) return [finding("mutations_unbounded", place)];
	const blocked = CHANGED_HEADERS.filter((name) => !permits(rules, name));
	const open = OTHER_HEADERS.some((name) => permits(rules, name));
	return [
		...(blocked.length > 0 ? [finding("mutations_blocked", place, blocked.join(", "))] : []),
		...(open ? [finding("mutations_unbounded", place)] : []),
	];
}

/** Envoy's HeaderMutationRules, for a header that is neither a pseudo-header nor `x-envoy-`. An expression has to match the whole name. */
function permits(rules: Message, name: string): boolean {
	if (matches(textAt(rules, "disallow_expression", "regex"), name)) return false;
	if (matches(textAt(rules, "allow_expression", "regex"), name)) return true;
	return at(rules, "disallow_all") !== true;
}

/** Whether a regular expression matches the whole text, as Envoy judges it. An unreadable one, which Envoy would not take, does not. */
export function matches(regex: string, text: string): boolean {
	if (regex === "") return false;
	try {
		return RE2JS.compile(regex).matches(text);
	} catch {
		return false;
	}
}
