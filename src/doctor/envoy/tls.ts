/** TLS contexts of both sides: what they demand, and what they show. */
import { X509Certificate } from "node:crypto";
import type { Dump } from "./dump.ts";
import { at, listAt, type Message, messageAt, textAt, typedAt } from "./json.ts";

/** URI names of the certificates that Envoy loaded from files, by path: what `GET /certs` told. */
export type Certificates = ReadonlyMap<string, readonly string[]>;

export function readCertificates(document: unknown): Certificates {
	const chains = listAt(document, "certificates").flatMap((entry) => listAt(entry, "cert_chain").slice(0, 1));
	return new Map(
		chains.map((leaf) => [
			textAt(leaf, "path"),
			listAt(leaf, "subject_alt_names").flatMap((name) => textAt(name, "uri") || []),
		]),
	);
}

/** The UpstreamTlsContext or DownstreamTlsContext of a transport socket, inside whatever wraps it; null without TLS. */
export function tlsContextOf(socket: unknown): Message | null {
	const config = typedAt(socket, "typed_config");
	if (config === null) return null;
	if (/\.(Up|Down)streamTlsContext$/.test(config.type)) return config.value;
	const quic = messageAt(config.value, "downstream_tls_context") ?? messageAt(config.value, "upstream_tls_context");
	if (quic !== null) return quic;
	const inner = messageAt(config.value, "transport_socket");
	return inner === null ? null : tlsContextOf(inner);
}

/** What a side demands of the other's certificate. */
export interface Validation {
	/** An authority, or the certificate itself, is named, and the chain to it verified. */
	readonly verified: boolean;
	/** So is the name in it. */
	readonly named: boolean;
}

export function validationOf(dump: Dump, tls: Message): Validation {
	const common = at(tls, "common_tls_context");
	const combined = at(common, "combined_validation_context");
	const references = [
		messageAt(common, "validation_context_sds_secret_config"),
		messageAt(combined, "validation_context_sds_secret_config"),
	].filter((reference) => reference !== null);
	const delivered = references.map((reference) => dump.secrets.get(textAt(reference, "name")));
	const contexts = [
		messageAt(common, "validation_context"),
		messageAt(combined, "default_validation_context"),
		...delivered.map((secret) => messageAt(secret, "validation_context")),
	].filter((context) => context !== null);
	const pinned = contexts.some((context) => has(context, "verify_certificate_hash", "verify_certificate_spki"));
	// A secret that has not come yet: Envoy waits for it before it accepts connections.
	const awaited = delivered.includes(undefined);
	const trusted = contexts.some((context) =>
		AUTHORITIES.some((field) => messageAt(context, field) !== null || at(context, field) === true),
	);
	const untrusted = contexts.some((context) => textAt(context, "trust_chain_verification") === "ACCEPT_UNTRUSTED");
	const matchers = contexts.flatMap((context) => [
		...listAt(context, "match_typed_subject_alt_names").map((entry) => at(entry, "matcher")),
		...listAt(context, "match_subject_alt_names"),
	]);
	return {
		verified: pinned || ((trusted || awaited) && !untrusted),
		named: pinned || at(tls, "auto_sni_san_validation") === true || matchers.some((matcher) => !matchesAll(matcher)),
	};
}

const AUTHORITIES = [
	...["trusted_ca", "custom_validator_config", "ca_certificate_provider_instance", "system_root_certs"],
] as const;

function has(context: Message, ...fields: readonly string[]): boolean {
	return fields.some((field) => listAt(context, field).length > 0);
}

function matchesAll(matcher: unknown): boolean {
	return /^\^?(\.\*|\.\+)\$?$/.test(textAt(matcher, "safe_regex", "regex"));
}

/** Whether this side shows a certificate of its own. */
export function hasCertificate(tls: Message): boolean {
	const common = messageAt(tls, "common_tls_context");
	if (common === null) return false;
	if (has(common, "tls_certificates", "tls_certificate_sds_secret_configs")) return true;
	return ["tls_certificate_provider_instance", "custom_tls_certificate_selector"].some(
		(field) => messageAt(common, field) !== null,
	);
}

/** The URI names of the certificate that this side shows; null when they are not known. */
export function uriNamesOf(dump: Dump, certificates: Certificates, tls: Message): readonly string[] | null {
	const common = at(tls, "common_tls_context");
	const [reference] = listAt(common, "tls_certificate_sds_secret_configs");
	const [configured] = listAt(common, "tls_certificates");
	const certificate = configured ?? at(dump.secrets.get(textAt(reference, "name")), "tls_certificate");
	const chain = at(certificate, "certificate_chain");
	const file = textAt(chain, "filename");
	if (file !== "") return certificates.get(file) ?? null;
	const pem = textAt(chain, "inline_string") || Buffer.from(textAt(chain, "inline_bytes"), "base64").toString("latin1");
	try {
		const names = new X509Certificate(pem).subjectAltName?.split(", ") ?? [];
		return names.filter((name) => name.startsWith("URI:")).map((name) => name.slice(4));
	} catch {
		return null;
	}
}

/** The oldest version that is accepted when it is below 1.2; null otherwise. Envoy's own default is 1.2. */
export function oldVersion(tls: Message): string | null {
	const version = textAt(tls, "common_tls_context", "tls_params", "tls_minimum_protocol_version");
	return version === "TLSv1_0" || version === "TLSv1_1" ? version : null;
}
