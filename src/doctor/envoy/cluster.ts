/** The cluster by which a filter asks Firebreak. */
import type { Place } from "../finding.ts";
import { type EnvoyFinding, finding } from "./catalogue.ts";
import { addressesOf, addressText, type Dump, isLocal } from "./dump.ts";
import { at, durationAt, entriesAt, listAt, type Message, messageAt, textAt } from "./json.ts";
import { hasCertificate, oldVersion, tlsContextOf, validationOf } from "./tls.ts";

/** Firebreak takes so many checks on one connection; Envoy's own default for a cluster is below it. */
const MAX_REQUESTS = { firebreak: 4_096, envoy: 1_024 } as const;

/** What is wrong with a cluster that a filter asks and waits for `timeout` milliseconds. */
export function examineFirebreakCluster(dump: Dump, name: string, timeout: number): EnvoyFinding[] {
	const place: Place = { listener: null, text: `cluster ${name}` };
	const cluster = dump.clusters.get(name);
	if (cluster === undefined) return [finding("firebreak_absent", place)];
	const findings = [...examineTls(dump, cluster, name, place)];
	if (!speaksHttp2(cluster)) findings.push(finding("not_http2", place));
	const connect = durationAt(cluster, "connect_timeout") ?? 5_000;
	if (connect >= timeout) findings.push(finding("connect_timeout", place, `${connect} ms of ${timeout} ms`));
	const requests = maxRequests(cluster);
	if (requests < MAX_REQUESTS.firebreak) findings.push(finding("circuit_breaker", place, `${requests} at once`));
	if (textAt(cluster, "type") === "LOGICAL_DNS") findings.push(finding("one_server", place));
	const endpoints = addressesOf(dump, name);
	if (endpoints.length === 0 || endpoints.every(({ health }) => UNUSABLE.has(health))) {
		findings.push(finding("firebreak_unhealthy", place, addressList(endpoints)));
	}
	return findings;
}

const UNUSABLE = new Set(["UNHEALTHY", "DRAINING", "TIMEOUT"]);

function addressList(endpoints: readonly { address: unknown }[]): string {
	return endpoints.map(({ address }) => addressText(address)).join(", ") || "no address is known";
}

function examineTls(dump: Dump, cluster: Message, name: string, place: Place): EnvoyFinding[] {
	// The one for endpoints that nothing matches comes last: Envoy Gateway has an empty dummy there.
	const sockets = [
		...listAt(cluster, "transport_socket_matches").map((match) => messageAt(match, "transport_socket")),
		messageAt(cluster, "transport_socket"),
	];
	const tls = sockets.map(tlsContextOf).find((context) => context !== null);
	if (!tls) {
		const remote = addressesOf(dump, name).filter(({ address }) => !isLocal(address));
		return remote.length === 0 ? [] : [finding("plaintext_firebreak", place, addressList(remote))];
	}
	const findings: EnvoyFinding[] = [];
	const { verified, named } = validationOf(dump, tls);
	if (!verified) findings.push(finding("firebreak_unverified", place));
	else if (!named) findings.push(finding("firebreak_any_name", place));
	if (!hasCertificate(tls)) findings.push(finding("enforcer_anonymous", place));
	const version = oldVersion(tls);
	if (version !== null) findings.push(finding("tls_old", place, `${version} to Firebreak`));
	return findings;
}

function speaksHttp2(cluster: Message): boolean {
	if (messageAt(cluster, "http2_protocol_options") !== null) return true;
	return entriesAt(cluster, "typed_extension_protocol_options").some(([, options]) =>
		["explicit_http_config", "use_downstream_protocol_config", "auto_config"].some(
			(kind) => messageAt(options, kind, "http2_protocol_options") !== null,
		),
	);
}

function maxRequests(cluster: Message): number {
	const thresholds = listAt(cluster, "circuit_breakers", "thresholds");
	const ordinary = thresholds.find((threshold) => ["", "DEFAULT"].includes(textAt(threshold, "priority")));
	return Number(at(ordinary, "max_requests") ?? MAX_REQUESTS.envoy);
}
