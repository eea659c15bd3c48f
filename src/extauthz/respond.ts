/** A decision as the answer that Envoy carries out: what the upstream sees of it, or what the caller does. */
import type { Decision } from "../core/decision.ts";
import { GRPC_CODE, HIDDEN, REASONS, type ReasonEntry } from "../core/reasons.ts";
import type { Request } from "../core/request.ts";
import { challengeOf } from "./challenge.ts";
import { headerText } from "./header-text.ts";
import { rateHeaders } from "./rate-headers.ts";
import { revealed, tellsOfTheWay } from "./way.ts";
import type { AllowedResponse, CheckResponse, DeniedResponse, Metadata, MetadataValue, SetHeader } from "./wire.ts";

const PRINCIPAL = "x-firebreak-principal";
const SOURCE = "x-firebreak-source";
const SUBJECT = "x-firebreak-subject";
const SUBJECT_KIND = "x-firebreak-subject-kind";
const DECISION = "x-firebreak-decision";
const NONCE = "dpop-nonce";

const NO_CACHE: SetHeader = { name: "cache-control", value: "no-store" };
const PROBLEM: SetHeader = { name: "content-type", value: "application/problem+json" };

/**
 * Makes the answer to one check.
 *
 * @param id the decision's opaque id, by which its record is found.
 * @param request null when it could not be read; such a request is never allowed.
 */
export function respond(decision: Decision, id: string, request: Request | null): CheckResponse {
	return decision.allow && request !== null ? allow(decision, id, request) : deny(decision, id);
}

/** The answer when even a decision could not be made. */
export const FAILED: DeniedResponse = denial(REASONS.internal_error, "", [], {
	decision: "deny",
	reason: "internal_error",
});

/** The answer when more checks come than can be judged. Always the same, so that it costs nothing to make. */
export const OVERLOADED: DeniedResponse = denial(REASONS.overloaded, "", [{ name: "retry-after", value: "1" }], {
	decision: "deny",
	reason: "overloaded",
});

/**
 * Sets what is known of the caller, over whatever the client sent under the same names. What is not known is removed,
 * also when no such header was seen: the proxy may show only some headers. So is every other name of that kind, with
 * `_` for `-` too, since CGI and what follows it take both for one. What proxies tell of the caller is cut to what is believed.
 */
function allow(decision: Decision, id: string, request: Request): AllowedResponse {
	const headers: SetHeader[] = [];
	const headersToRemove: string[] = [];
	put(headers, headersToRemove, PRINCIPAL, decision.principal);
	put(headers, headersToRemove, SOURCE, decision.source?.segment);
	put(headers, headersToRemove, SUBJECT, decision.subject);
	put(headers, headersToRemove, SUBJECT_KIND, decision.subjectKind);
	put(headers, headersToRemove, DECISION, id);
	for (const name in request.headers) {
		if (isOurs(name)) {
			if (!isFixed(name)) headersToRemove.push(name);
			continue;
		}
		if (!tellsOfTheWay(name)) continue;
		const value = request.headers[name] as string;
		const kept = revealed(name, value, decision.vouched);
		if (kept === "") headersToRemove.push(name);
		else if (kept !== null && kept !== value) headers.push({ name, value: kept });
	}
	if (decision.stripCredential) headersToRemove.push("authorization", "dpop");
	const { nonce } = decision;
	return {
		allowed: true,
		headers,
		headersToRemove,
		metadata: metadataOf(decision),
		...(nonce !== null && { responseHeaders: [{ name: NONCE, value: nonce }] }),
	};
}

function put(headers: SetHeader[], toRemove: string[], name: string, value: string | null | undefined): void {
	const text = value ? headerText(value) : "";
	if (text === "") toRemove.push(name);
	else headers.push({ name, value: text });
}

/** `x-firebreak-` and anything after it. */
function isOurs(name: string): boolean {
	return (
		name.charCodeAt(0) === 0x78 &&
		isDash(name.charCodeAt(1)) &&
		name.startsWith("firebreak", 2) &&
		isDash(name.charCodeAt(11))
	);
}

function isDash(code: number): boolean {
	return code === 0x2d || code === 0x5f;
}

function isFixed(name: string): boolean {
	return name === PRINCIPAL || name === SOURCE || name === SUBJECT || name === SUBJECT_KIND || name === DECISION;
}

function deny(decision: Decision, id: string): DeniedResponse {
	const known = REASONS[decision.reason];
	// Only a denial may end here, whatever the decision says.
	const entry = known.grpc === GRPC_CODE.OK ? REASONS.internal_error : decision.hidden ? HIDDEN : known;
	const extra: SetHeader[] = [];
	const challenge = decision.hidden ? null : challengeOf(decision);
	if (challenge !== null) extra.push({ name: "www-authenticate", value: challenge });
	if (decision.nonce !== null && !decision.hidden) extra.push({ name: NONCE, value: decision.nonce });
	if (entry.status === 429) extra.push(...rateHeaders(decision.overdrawn));
	return denial(entry, id, extra, metadataOf(decision));
}

function denial(entry: ReasonEntry, id: string, extra: readonly SetHeader[], metadata: Metadata): DeniedResponse {
	const headers = [PROBLEM, NO_CACHE, ...extra];
	const text = headerText(id);
	if (text !== "") headers.push({ name: DECISION, value: text });
	const { status, title } = entry;
	const body = JSON.stringify({ type: problemType(title), title, status, ...(id !== "" && { decision: id }) });
	return { allowed: false, code: entry.grpc, status, headers, body, metadata };
}

/** Made from the public title alone, so that it cannot tell two reasons apart which the title does not. */
function problemType(title: string): string {
	return `urn:firebreak:problem:${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
}

/** For the operator's access log. What is not known is left out, which access logs print as `-`. */
function metadataOf(decision: Decision): Metadata {
	const metadata: Record<string, MetadataValue> = {
		decision: decision.allow ? "allow" : "deny",
		reason: decision.reason,
		revision: decision.revision,
		mode: decision.mode,
	};
	if (decision.detail !== null) metadata.detail = decision.detail;
	if (decision.policy !== null) metadata.policy = decision.policy;
	if (decision.source !== null) metadata.source = decision.source.segment;
	if (decision.destination !== null) metadata.destination = decision.destination.segment;
	if (decision.would !== null) {
		const { reason, detail } = decision.would;
		metadata.would = detail === null ? { reason } : { reason, detail };
	}
	return metadata;
}
