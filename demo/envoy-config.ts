/**
 * Envoy's bootstrap for the example company: one process that stands in for all sidecars, with one mutual-TLS listener a
 * service. Pure: options to a JSON document (Envoy reads JSON as it reads YAML).
 */

/** PEM files. */
export interface CertificateFiles {
	readonly certificate: string;
	readonly key: string;
}

export interface SidecarOptions {
	/** Names the listener, its clusters and its spans. */
	readonly name: string;
	/** The service's own certificate: shown to callers, and to Firebreak to prove which destination asks. */
	readonly files: CertificateFiles;
	/** Where the service itself listens, on 127.0.0.1. */
	readonly upstreamPort: number;
	/** What the service speaks; `h2` (without TLS) for gRPC. `http/1.1` by default. */
	readonly upstreamProtocol?: "http/1.1" | "h2";
	/** Sent as context extension `firebreak.destination`; absent by default, since the listener's certificate says it. */
	readonly destination?: string;
}

export interface FirebreakAddress {
	/** On 127.0.0.1. */
	readonly port: number;
	/** Ports of further servers, which take turns with the first as long as their health checks pass. */
	readonly replicas?: readonly number[];
	/** The SPIFFE ID that Firebreak must prove, by mutual TLS; plaintext when absent. */
	readonly spiffeId?: string;
}

export interface EnvoyOptions {
	readonly sidecars: readonly SidecarOptions[];
	readonly firebreak: FirebreakAddress;
	/** PEM file of the authority whose certificates count. */
	readonly authorityFile: string;
	/** One JSON object a line for each request, with Firebreak's dynamic metadata in it. */
	readonly accessLogFile: string;
	/** An OTLP gRPC receiver on 127.0.0.1; no spans when absent. */
	readonly otlpPort?: number;
	/** Milliseconds that Envoy waits for an answer, its retry included. 200 is Envoy's default; 1,000 here, for slow machines. */
	readonly authorizationTimeoutMs?: number;
	/** Has Envoy resolve `..` and `//` and refuse escaped slashes by itself. Off by default, so that Firebreak sees paths as sent. */
	readonly normalizePaths?: boolean;
	/** Milliseconds that one stream may live: what bounds a permission once given. An hour by default. */
	readonly maxStreamDurationMs?: number;
	/** Upgrades that the proxies carry (`websocket`); none by default. */
	readonly upgrades?: readonly string[];
}

/** A JSON document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

const LOOPBACK = "127.0.0.1";
const OTLP_CLUSTER = "otlp";
const TYPE = "type.googleapis.com/envoy";

/** The whole bootstrap. Every listener and the admin interface take free ports, which the admin interface tells. */
export function envoyBootstrap(options: EnvoyOptions): Json {
	return {
		admin: { address: socket(0) },
		static_resources: {
			listeners: options.sidecars.map((sidecar) => listener(sidecar, options)),
			clusters: [
				...options.sidecars.flatMap((sidecar) => [upstreamCluster(sidecar), firebreakCluster(sidecar, options)]),
				...(options.otlpPort === undefined ? [] : [cluster(OTLP_CLUSTER, [options.otlpPort], { http2: true })]),
			],
		},
		layered_runtime: {
			layers: [
				// Spans leave at once, not after five seconds or with the fifth: people and tests wait for them.
				{ name: "static", static_layer: { "tracing.opentelemetry.min_flush_spans": 1 } },
			],
		},
	};
}

function socket(port: number): Json {
	return { socket_address: { address: LOOPBACK, port_value: port } };
}

function milliseconds(value: number): string {
	return `${value / 1000}s`;
}

function listener(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	return {
		name: sidecar.name,
		address: socket(0),
		filter_chains: [
			{
				transport_socket: {
					name: "envoy.transport_sockets.tls",
					typed_config: {
						"@type": `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
						// A certificate that is shown must verify. A caller without one gets through to Firebreak, which decides.
						require_client_certificate: false,
						common_tls_context: {
							...tlsContext(sidecar.files, options.authorityFile),
							alpn_protocols: ["h2", "http/1.1"],
						},
					},
				},
				filters: [
					{ name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager(sidecar, options) },
				],
			},
		],
	};
}

function tlsContext(files: CertificateFiles, authorityFile: string, peer?: string) {
	return {
		tls_certificates: [{ certificate_chain: { filename: files.certificate }, private_key: { filename: files.key } }],
		validation_context: {
			trusted_ca: { filename: authorityFile },
			...(peer !== undefined && {
				match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }],
			}),
		},
	};
}

function connectionManager(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	return {
		"@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
		stat_prefix: sidecar.name,
		codec_type: "AUTO",
		// The caller's address is its connection's; a forwarded one is not believed.
		use_remote_address: true,
		normalize_path: options.normalizePaths ?? false,
		merge_slashes: options.normalizePaths ?? false,
		path_with_escaped_slashes_action: options.normalizePaths ? "REJECT_REQUEST" : "KEEP_UNCHANGED",
		common_http_protocol_options: { max_stream_duration: milliseconds(options.maxStreamDurationMs ?? 3_600_000) },
		upgrade_configs: (options.upgrades ?? []).map((name) => ({ upgrade_type: name })),
		route_config: {
			virtual_hosts: [
				{
					name: sidecar.name,
					domains: ["*"],
					routes: [{ match: { prefix: "/" }, route: { cluster: sidecar.name } }],
					...(sidecar.destination !== undefined && {
						typed_per_filter_config: destinationExtension(sidecar.destination),
					}),
				},
			],
		},
		http_filters: [
			{ name: "envoy.filters.http.ext_authz", typed_config: authorizationFilter(sidecar, options) },
			{
				name: "envoy.filters.http.router",
				typed_config: { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` },
			},
		],
		access_log: [accessLog(sidecar, options)],
		...(options.otlpPort !== undefined && { tracing: tracing(sidecar) }),
	};
}

function authorizationFilter(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	const timeout = options.authorizationTimeoutMs ?? 1_000;
	return {
		"@type": `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthz`,
		transport_api_version: "V3",
		grpc_service: {
			envoy_grpc: { cluster_name: firebreakClusterName(sidecar) },
			timeout: milliseconds(timeout),
			retry_policy: { retry_on: "unavailable,reset,connect-failure", num_retries: 1 },
		},
		// No answer is a refusal, and says that it is no verdict.
		failure_mode_allow: false,
		status_on_error: { code: "ServiceUnavailable" },
		include_peer_certificate: true,
		include_tls_session: true,
		// Repeated headers arrive one by one, not joined.
		encode_raw_headers: true,
		validate_mutations: true,
		// Firebreak may touch these request headers and no others; anything else fails the request.
		decoder_header_mutation_rules: {
			disallow_all: true,
			// An underscore too: CGI takes it for a dash, so such names that a client sent are removed.
			allow_expression: { regex: "x[-_]firebreak[-_].*|authorization|dpop" },
			disallow_is_error: true,
		},
	};
}

function destinationExtension(destination: string): Json {
	return {
		"envoy.filters.http.ext_authz": {
			"@type": `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute`,
			check_settings: { context_extensions: { "firebreak.destination": destination } },
		},
	};
}

function accessLog(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	return {
		name: "envoy.access_loggers.file",
		typed_config: {
			"@type": `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
			path: options.accessLogFile,
			log_format: {
				json_format: {
					time: "%START_TIME%",
					sidecar: sidecar.name,
					method: "%REQ(:METHOD)%",
					// Queries hold secrets too often.
					path: "%PATH(NQ)%",
					peer: "%DOWNSTREAM_PEER_URI_SAN%",
					traceparent: "%REQ(TRACEPARENT)%",
					status: "%RESPONSE_CODE%",
					details: "%RESPONSE_CODE_DETAILS%",
					milliseconds: "%DURATION%",
					firebreak: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%",
				},
			},
		},
	};
}

function tracing(sidecar: SidecarOptions): Json {
	return {
		random_sampling: { value: 100 },
		provider: {
			name: "envoy.tracers.opentelemetry",
			typed_config: {
				"@type": `${TYPE}.config.trace.v3.OpenTelemetryConfig`,
				grpc_service: { envoy_grpc: { cluster_name: OTLP_CLUSTER }, timeout: "5s" },
				service_name: `${sidecar.name}-sidecar`,
			},
		},
	};
}

function upstreamCluster(sidecar: SidecarOptions): Json {
	return cluster(sidecar.name, [sidecar.upstreamPort], { http2: sidecar.upstreamProtocol === "h2" });
}

function firebreakClusterName(sidecar: SidecarOptions): string {
	return `firebreak-for-${sidecar.name}`;
}

/** Firebreak, as this service's sidecar reaches it: with the service's own certificate, so that it asks only in its own name. */
function firebreakCluster(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	const { port, replicas = [], spiffeId } = options.firebreak;
	const tls = spiffeId !== undefined && {
		transport_socket: {
			name: "envoy.transport_sockets.tls",
			typed_config: {
				"@type": `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
				common_tls_context: {
					...tlsContext(sidecar.files, options.authorityFile, spiffeId),
					alpn_protocols: ["h2"],
				},
			},
		},
	};
	const health = replicas.length > 0 && { health_checks: [healthCheck()] };
	return { ...cluster(firebreakClusterName(sidecar), [port, ...replicas], { http2: true }), ...tls, ...health };
}

/** A server that is about to stop says so for a second before it takes no more calls: time for some checks. */
function healthCheck(): Json {
	const quick = milliseconds(200);
	return {
		...{ timeout: "1s", interval: quick, no_traffic_interval: quick, unhealthy_interval: quick },
		...{ unhealthy_threshold: 1, healthy_threshold: 1 },
		grpc_health_check: {},
	};
}

function cluster(name: string, ports: readonly number[], protocol: { http2: boolean }) {
	return {
		name,
		type: "STATIC",
		connect_timeout: "1s",
		// Envoy's own 1,024 would refuse requests before Firebreak or the service says that it is busy.
		circuit_breakers: {
			thresholds: [{ max_connections: 4_096, max_pending_requests: 4_096, max_requests: 16_384, max_retries: 64 }],
		},
		load_assignment: {
			cluster_name: name,
			endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socket(port) } })) }],
		},
		...(protocol.http2 && {
			typed_extension_protocol_options: {
				"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
					"@type": `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
					explicit_http_config: { http2_protocol_options: {} },
				},
			},
		}),
	};
}
