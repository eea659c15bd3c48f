/**
 * A CheckRequest as one canonical request, or a refusal. Total: whatever arrives gives one of the two. The only page that
 * knows how Envoy tells of a request.
 */
import { canonicalAddress } from "../core/canonical/address.ts";
import { HeaderCollector, type HeaderDetail } from "../core/canonical/headers.ts";
import { canonicalHost, type HostDetail } from "../core/canonical/host.ts";
import { type MethodDetail, methodDetail } from "../core/canonical/method.ts";
import { canonicalPath, type PathDetail } from "../core/canonical/path.ts";
import { readUpgrade, type UpgradeDetail } from "../core/canonical/upgrade.ts";
import { parseForwardedClientCert } from "../core/canonical/xfcc.ts";
import { LIMITS } from "../core/limits.ts";
import type { PathException } from "../core/model.ts";
import type { Peer, Request } from "../core/request.ts";
import { certificateHash } from "./certificate.ts";
import type { CheckRequest, HttpRequest, WireHeader, WirePeer } from "./wire.ts";

/** Why a request is `ambiguous_request`: the record's detail. */
export type RefusalDetail =
	| PathDetail
	| HostDetail
	| MethodDetail
	| HeaderDetail
	| UpgradeDetail
	/** The bytes were no CheckRequest. */
	| "message_malformed"
	/** Nothing about an HTTP request in it. */
	| "http_missing"
	/** Both forms of headers at once. */
	| "headers_twice"
	/** A pseudo-header, or Host, says something else than the attribute that stands for it. */
	| "pseudo_header_mismatch"
	/** Neither http nor https. */
	| "scheme_unknown";

export interface DestinationFacts {
	/** The destination listener's certificate principal, untouched; null when it has none. */
	readonly destinationPrincipal: string | null;
	/** Context extension `firebreak.destination`; null when not set. */
	readonly destinationHint: string | null;
}

/** What is known of a request that was refused, for its record: bounded, printable, without the query. */
export interface RefusedFacts extends DestinationFacts {
	readonly enforcer: string | null;
	readonly peer: Peer;
	readonly method: string;
	readonly path: string;
	readonly host: string;
}

export type Normalized =
	| { readonly ok: true; readonly request: Request }
	| { readonly ok: false; readonly detail: RefusalDetail; readonly facts: RefusedFacts };

export const DESTINATION_EXTENSION = "firebreak.destination";

/** Reads what the destination is looked up by. It comes before all else, since the destination permits path exceptions. */
export function destinationOf(check: CheckRequest): DestinationFacts {
	const attributes = check.attributes;
	return {
		destinationPrincipal: textOf(attributes?.destination?.principal) || null,
		destinationHint: textOf(attributes?.contextExtensions?.[DESTINATION_EXTENSION]) || null,
	};
}

/**
 * Brings a request to its one form.
 *
 * @param enforcer the SPIFFE ID of the proxy that asks, or null.
 * @param exceptions what the destination segment permits in paths.
 */
export function normalize(
	check: CheckRequest,
	enforcer: string | null,
	exceptions: readonly PathException[],
): Normalized {
	const attributes = check.attributes;
	const http = attributes?.request?.http;
	const peer = new ProvenPeer(attributes?.source);
	const { destinationPrincipal, destinationHint } = destinationOf(check);
	const refuse = (detail: RefusalDetail): Normalized => ({
		ok: false,
		detail,
		facts: { enforcer, peer, destinationPrincipal, destinationHint, ...safeFacts(http) },
	});
	if (check.malformed === true) return refuse("message_malformed");
	if (typeof http !== "object" || http === null) return refuse("http_missing");

	const collector = new HeaderCollector();
	const headerDetail = collectHeaders(http, collector);
	if (headerDetail !== null) return refuse(headerDetail);
	const { headers, pseudo } = collector;
	const method = textOf(http.method);
	const rawHost = textOf(http.host);
	const target = textOf(http.path);
	const scheme = textOf(http.scheme).toLowerCase();
	const protocol = pseudo?.[":protocol"];

	const methodRefusal = methodDetail(method, protocol !== undefined);
	if (methodRefusal !== null) return refuse(methodRefusal);
	const host = canonicalHost(rawHost);
	if (!host.ok) return refuse(host.detail);
	const path = canonicalPath(target, exceptions);
	if (!path.ok) return refuse(path.detail);
	if (!isRaw(http) && path.rawPath.includes(REPLACEMENT)) return refuse("non_ascii");
	if (scheme !== "https" && scheme !== "http" && scheme !== "") return refuse("scheme_unknown");
	if (pseudo !== null && contradicts(pseudo, method, target, rawHost, scheme)) return refuse("pseudo_header_mismatch");
	const hostHeader = headers.host;
	if (hostHeader !== undefined && hostHeader.toLowerCase() !== host.authority) return refuse("pseudo_header_mismatch");
	const upgrade = readUpgrade(headers.upgrade, protocol, headers.connection);
	if (!upgrade.ok) return refuse(upgrade.detail);

	const forwarded = headers["x-forwarded-client-cert"];
	return {
		ok: true,
		request: {
			enforcer,
			peer,
			forwarded: forwarded === undefined ? null : parseForwardedClientCert(forwarded),
			destinationPrincipal,
			destinationHint,
			method,
			scheme,
			host: host.host,
			authority: host.authority,
			rawPath: path.rawPath,
			path: path.path,
			segments: path.segments,
			query: path.query,
			headers,
			upgrade: upgrade.upgrade,
			authorization: collector.authorization,
			dpop: collector.dpop,
		},
	};
}

/** The connection's peer. Few requests need the hash of its certificate, so it is made when it is asked for. */
class ProvenPeer implements Peer {
	readonly principal: string | null;
	readonly address: string | null;
	readonly #certificate: string;

	constructor(wire: WirePeer | null | undefined) {
		this.principal = textOf(wire?.principal) || null;
		this.address = canonicalAddress(textOf(wire?.address?.socketAddress?.address));
		this.#certificate = textOf(wire?.certificate);
	}

	get certificateHash(): string | null {
		return certificateHash(this.#certificate);
	}
}

/** What Envoy writes for each byte that is no UTF-8 (CVE-2026-73552): only raw headers tell such a path from one that says so. */
const REPLACEMENT = "!";

function isRaw({ headerMap }: HttpRequest): boolean {
	return Array.isArray(headerMap?.headers) && headerMap.headers.length > 0;
}

function collectHeaders(http: HttpRequest, collector: HeaderCollector): HeaderDetail | "headers_twice" | null {
	const lines = http.headerMap?.headers;
	const joined = http.headers;
	let any = false;
	if (typeof joined === "object" && joined !== null) {
		for (const name in joined) {
			any = true;
			const detail = collector.add(name, textOf(joined[name]));
			if (detail !== null) return detail;
		}
	}
	if (!Array.isArray(lines) || lines.length === 0) return null;
	if (any) return "headers_twice";
	for (const line of lines as readonly (WireHeader | null | undefined)[]) {
		const detail = collector.add(textOf(line?.key), textOf(line?.rawValue) || textOf(line?.value));
		if (detail !== null) return detail;
	}
	return null;
}

function contradicts(
	pseudo: Readonly<Record<string, string>>,
	method: string,
	target: string,
	host: string,
	scheme: string,
): boolean {
	return (
		(pseudo[":method"] ?? method) !== method ||
		(pseudo[":path"] ?? target) !== target ||
		(pseudo[":authority"] ?? host) !== host ||
		(pseudo[":scheme"] ?? scheme).toLowerCase() !== scheme
	);
}

function textOf(value: unknown): string {
	return typeof value === "string" ? value : "";
}

function safeFacts(http: HttpRequest | null | undefined): { method: string; path: string; host: string } {
	const target = textOf(http?.path);
	const mark = target.indexOf("?");
	return {
		method: safeText(textOf(http?.method), LIMITS.methodBytes),
		path: safeText(mark === -1 ? target : target.slice(0, mark), LIMITS.refusedPathChars),
		host: safeText(textOf(http?.host), LIMITS.hostBytes),
	};
}

/** At most `limit` characters, each one that is no printable ASCII replaced, so that logs and terminals stay whole. */
function safeText(text: string, limit: number): string {
	return text.slice(0, limit).replace(/[^\x21-\x7e]/g, "\ufffd");
}
