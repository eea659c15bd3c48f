/** A bootstrap in which nothing is wrong, the parts of it, and the dump that Envoy would give of it. */
import { parse } from "yaml";
import { filledIn, placeholdersOf } from "../../envoy/shipped.ts";

// biome-ignore lint/suspicious/noExplicitAny: configuration of Envoy's, bent as each case wants
export type Part = any;

export const PAYMENTS = "spiffe://prod.example.org/ns/payments/sa/payments";
export const FIREBREAK = "spiffe://prod.example.org/ns/firebreak/sa/firebreak";

/** envoy/sidecar-files.yaml on free ports, without health checks: whether a Firebreak runs is not the question here. */
export function soundBootstrap(certificates = "/certificates", changes: Readonly<Record<string, string>> = {}): Part {
	const file = "sidecar-files.yaml";
	const ports = { LISTEN_PORT: 0, ADMIN_PORT: 0, UPSTREAM_PORT: 8080, FIREBREAK_PORT: 9001, OTLP_PORT: 4317 };
	const hosts = { FIREBREAK_HOST: "127.0.0.1", OTLP_HOST: "127.0.0.1", FIREBREAK_SPIFFE_ID: FIREBREAK };
	const values = { SERVICE: "payments", CERTIFICATES: certificates, ...ports, ...hosts, ...changes };
	if (placeholdersOf(file).used.some((name) => !(name in values))) throw new Error("a placeholder is new");
	const bootstrap = parse(filledIn(file, values));
	delete clusterOf(bootstrap).health_checks;
	return bootstrap;
}

export const listenerOf = (bootstrap: Part): Part => bootstrap.static_resources.listeners[0];
export const chainOf = (bootstrap: Part): Part => listenerOf(bootstrap).filter_chains[0];
export const managerOf = (bootstrap: Part): Part => chainOf(bootstrap).filters[0].typed_config;
export const hostOf = (bootstrap: Part): Part => managerOf(bootstrap).route_config.virtual_hosts[0];
export const filtersOf = (bootstrap: Part): Part[] => managerOf(bootstrap).http_filters;
export const authorizationOf = (bootstrap: Part): Part => filtersOf(bootstrap)[0].typed_config;
export const callersTlsOf = (bootstrap: Part): Part => chainOf(bootstrap).transport_socket.typed_config;
export const clusterOf = (bootstrap: Part, name = "firebreak"): Part =>
	bootstrap.static_resources.clusters.find((cluster: Part) => cluster.name === name);
export const firebreakTlsOf = (bootstrap: Part): Part => clusterOf(bootstrap).transport_socket.typed_config;

/** What Envoy dumps of a bootstrap: `GET /config_dump?include_eds`. */
export function dumpOf(bootstrap: Part): Part {
	const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.admin.v3.${name}` });
	const { listeners, clusters, secrets = [] } = bootstrap.static_resources;
	const tables = listeners.flatMap((listener: Part) =>
		(listener.filter_chains ?? []).flatMap((chain: Part) => chain.filters[0].typed_config.route_config ?? []),
	);
	return {
		configs: [
			{ ...type("BootstrapConfigDump"), bootstrap },
			{ ...type("ClustersConfigDump"), static_clusters: clusters.map((cluster: Part) => ({ cluster })) },
			{
				...type("EndpointsConfigDump"),
				static_endpoint_configs: clusters.map(({ load_assignment }: Part) => ({ endpoint_config: load_assignment })),
			},
			{ ...type("ListenersConfigDump"), static_listeners: listeners.map((listener: Part) => ({ listener })) },
			{ ...type("RoutesConfigDump"), static_route_configs: tables.map((table: Part) => ({ route_config: table })) },
			{ ...type("SecretsConfigDump"), static_secrets: secrets.map((secret: Part) => ({ secret })) },
		],
	};
}

/** What Envoy tells of its certificates: `GET /certs`. */
export function certsOf(files: Readonly<Record<string, readonly string[]>>): Part {
	return {
		certificates: Object.entries(files).map(([path, uris]) => ({
			cert_chain: [{ path, subject_alt_names: uris.map((uri) => ({ uri })) }],
		})),
	};
}
