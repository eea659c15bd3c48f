/** One listener: who may connect, what is forwarded, and whether Firebreak is asked first. */

import { type Place, within } from "../finding.ts";
import { examineAuthorization, timeoutOf } from "./authorization.ts";
import { type EnvoyFinding, finding } from "./catalogue.ts";
import { type Dump, isLocal } from "./dump.ts";
import { answering, changing, filtersOf, type HttpFilter, isAuthorization, unguardedUpgrades } from "./filters.ts";
import { at, listAt, type Message, messageAt, type Typed, textAt, typedAt } from "./json.ts";
import { examineManager } from "./manager.ts";
import { markedByRbac } from "./rbac.ts";
import { clustersOfProxy, leadsNowhere, type Way, waysOf } from "./routes.ts";
import { type Certificates, oldVersion, tlsContextOf, uriNamesOf, validationOf } from "./tls.ts";

/** What is wrong with a listener, and what it forwards to. */
export interface Examined {
	readonly findings: EnvoyFinding[];
	/** Clusters that are asked for verdicts, and for how many milliseconds. */
	readonly asked: { readonly cluster: string; readonly timeout: number }[];
	readonly reached: Reached[];
}

/** A cluster that requests or connections get to. */
export interface Reached {
	readonly cluster: string;
	readonly place: Place;
	readonly guarded: boolean;
}

const MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/**
 * Examines one listener. What only leads out (`traffic_direction: OUTBOUND`) is judged where it arrives: of such a listener
 * only the clusters are told.
 */
export function examineListener(dump: Dump, certificates: Certificates, listener: Message): Examined {
	const name = textAt(listener, "name");
	const outbound = textAt(listener, "traffic_direction") === "OUTBOUND";
	const chains = [...listAt(listener, "filter_chains"), messageAt(listener, "default_filter_chain")].filter(
		(chain) => messageAt(chain) !== null,
	);
	const examined = chains.map((chain, index) => {
		const part = chains.length === 1 ? [] : [`filter chain ${textAt(chain, "name") || index + 1}`];
		const place = within({ listener: name, text: `listener ${name}` }, ...part);
		return examineChain(dump, certificates, { chain, place, isLocal: isLocal(at(listener, "address")) });
	});
	// A UDP proxy is no filter of a chain.
	if (chains.length === 0) {
		const filters = listAt(listener, "listener_filters").map((filter) => typedAt(filter, "typed_config"));
		const proxy = filters.find((config) => config?.type.endsWith(".UdpProxyConfig") === true);
		if (proxy) examined.push(examineConnections(dump, [proxy], { listener: name, text: `listener ${name}` }));
	}
	return {
		findings: outbound ? [] : examined.flatMap(({ findings }) => findings),
		asked: examined.flatMap(({ asked }) => asked),
		reached: examined.flatMap(({ reached }) => reached),
	};
}

interface Chain {
	readonly chain: unknown;
	readonly place: Place;
	readonly isLocal: boolean;
}

function examineChain(dump: Dump, certificates: Certificates, { chain, place, isLocal: local }: Chain): Examined {
	const filters = listAt(chain, "filters").map((filter) => typedAt(filter, "typed_config"));
	const manager = filters.find((config) => config?.type === MANAGER)?.value;
	if (!manager) return examineConnections(dump, filters, place);
	const tls = tlsContextOf(at(chain, "transport_socket"));
	const http = examineHttp(dump, manager, place);
	const findings = [...http.findings];
	// A listener that forwards nothing, for health checks or metrics of its own, may be without all this.
	if (http.ways === null || http.ways.length > 0) {
		findings.push(...examineCallers(dump, tls, place, local));
		findings.push(...examineManager(manager, place, http.ways));
	}
	const names = tls === null ? null : uriNamesOf(dump, certificates, tls);
	findings.push(...examineDestinations(http.ways ?? [], names, place));
	return { ...http, findings };
}

/** Network filters that end a connection themselves, and forward nothing. */
const DEAD_ENDS = /\.(Echo|direct_response\.v3\.Config)$/;

/** Filters that forward connections as they are; the last one decides where to. */
function examineConnections(dump: Dump, filters: readonly (Typed | null)[], place: Place): Examined {
	const last = filters.at(-1) ?? null;
	const nothing = { findings: [], asked: [], reached: [] };
	if (last === null || DEAD_ENDS.test(last.type)) return nothing;
	const named = clustersOfProxy(last.value);
	const clusters = named.filter((cluster) => !leadsNowhere(dump, cluster));
	if (named.length > 0 && clusters.length === 0) return nothing;
	const to = clusters.length === 0 ? "" : ` to ${[...new Set(clusters)].join(", ")}`;
	return {
		...nothing,
		findings: [finding("tcp_unguarded", place, `${last.type.split(".").at(-1)}${to}`)],
		reached: clusters.map((cluster) => ({ cluster, place, guarded: false })),
	};
}

function examineHttp(dump: Dump, manager: Message, place: Place): Examined & { ways: Way[] | null } {
	const filters = filtersOf(dump, listAt(manager, "http_filters"));
	const authorizations = filters.filter(isAuthorization);
	const ways = waysOf(dump, manager, authorizations);
	const findings = [
		...(ways === null ? [finding("configuration_unknown", place, "its routes")] : []),
		...filters
			.filter(({ config }) => config === null)
			.map(({ name }) => finding("configuration_unknown", within(place, name))),
		...examineWays(ways, authorizations, place),
		...answering(filters).map((name) => finding("answered_before", within(place, name))),
		...changing(filters).map((name) => finding("changed_after", within(place, name))),
		...unguardedUpgrades(dump, manager).map((name) => finding("upgrade_unguarded", within(place, `upgrade ${name}`))),
	];
	for (const { name, config, conditional } of authorizations) {
		const at = within(place, name);
		if (conditional) findings.push(finding("authorization_partial", at, "a matcher chooses which"));
		const filter = config?.value ?? {};
		findings.push(...examineAuthorization(filter, at, markedByRbac(filters, filter)));
	}
	const reached = (ways ?? []).flatMap(({ cluster, asked, text }) =>
		cluster === null ? [] : [{ cluster, place: within(place, text), guarded: asked.length > 0 }],
	);
	return { findings, ways, reached, asked: authorizations.flatMap(askedBy) };
}

function askedBy({ config }: HttpFilter): { cluster: string; timeout: number }[] {
	const filter = config?.value ?? {};
	const cluster = textAt(filter, "grpc_service", "envoy_grpc", "cluster_name");
	return cluster === "" ? [] : [{ cluster, timeout: timeoutOf(filter) }];
}

function examineWays(ways: Way[] | null, authorizations: readonly HttpFilter[], place: Place): EnvoyFinding[] {
	const forwards = ways === null || ways.length > 0;
	if (authorizations.length === 0) return forwards ? [finding("authorization_missing", place)] : [];
	return (ways ?? []).flatMap(({ cluster, asked, switchedOff, text }) => [
		...(asked.length === 0 ? [finding("authorization_disabled", within(place, switchedOff ?? text))] : []),
		...(asked.some(({ elsewhere }) => elsewhere) ? [finding("asked_elsewhere", within(place, text))] : []),
		...(cluster === null ? [finding("cluster_by_header", within(place, text))] : []),
	]);
}

/** Who may connect. */
function examineCallers(dump: Dump, tls: Message | null, place: Place, local: boolean): EnvoyFinding[] {
	if (tls === null) return local ? [] : [finding("callers_plaintext", place)];
	const findings: EnvoyFinding[] = [];
	const version = oldVersion(tls);
	if (version !== null) findings.push(finding("tls_old", place, `${version} from callers`));
	if (!validationOf(dump, tls).verified) findings.push(finding("callers_unverified", place));
	const required = at(tls, "require_client_certificate");
	if (required === undefined) findings.push(finding("client_certificate_unset", place));
	if (required === false) findings.push(finding("client_certificate_optional", place));
	return findings;
}

/** Whether Firebreak learns what is called: by the listener's certificate, or by the context extension. */
function examineDestinations(ways: readonly Way[], names: readonly string[] | null, place: Place): EnvoyFinding[] {
	const [first] = names ?? [];
	const isSpiffe = first?.startsWith("spiffe://") === true;
	const several = names !== null && names.length > 1 ? [finding("destination_ambiguous", place, names.join(", "))] : [];
	const each = ways.flatMap(({ asked, text }) =>
		asked.flatMap(({ namesDestination }) => {
			if (namesDestination) return isSpiffe ? [finding("destination_twice", within(place, text))] : [];
			return names !== null && !isSpiffe ? [finding("destination_unnamed", within(place, text))] : [];
		}),
	);
	return [...several, ...each];
}
