/**
 * Envoy's bootstrap for the example company: one process that stands in for all sidecars, with one mutual-TLS listener a
 * service. Pure: options to a JSON document (Envoy reads JSON as it reads YAML).
 */
import {
	cluster,
	firebreakCluster,
	firebreakClusterName,
	milliseconds,
	socket,
	TYPE,
	tlsContext,
	upstreamCluster,
} from "./envoy-clusters.ts";
import type { EnvoyOptions, Json, PathHandling, SidecarOptions } from "./envoy-options.ts";

const OTLP_CLUSTER = "otlp";
const AS_SENT: PathHandling = { normalize: false, mergeSlashes: false, rejectEscapedSlashes: false };

/** The whole bootstrap. Every listener and the admin interface take free ports, which the admin interface tells. */
export function envoyBootstrap(options: EnvoyOptions): Json {
	return {
		admin: { address: socket(0) },
		static_resources: {
			listeners: options.sidecars.map((sidecar) => listener(sidecar, options)),
			clusters: [
				...options.sidecars.flatMap((sidecar) => [
					upstreamCluster(sidecar, options),
					firebreakCluster(sidecar, options),
				]),
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

function connectionManager(sidecar: SidecarOptions, options: EnvoyOptions): Json {
	const paths = sidecar.paths ?? options.paths ?? AS_SENT;
	return {
		"@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
		stat_prefix: sidecar.name,
		codec_type: "AUTO",
		// The caller's address is its connection's; a forwarded one is not believed.
		use_remote_address: sidecar.remoteAddress ?? true,
		forward_client_cert_details: sidecar.forwardedClientCert ?? "SANITIZE",
		set_current_client_cert_details: { uri: true },
		normalize_path: paths.normalize,
		merge_slashes: paths.mergeSlashes,
		path_with_escaped_slashes_action: paths.rejectEscapedSlashes ? "REJECT_REQUEST" : "KEEP_UNCHANGED",
		common_http_protocol_options: { max_stream_duration: milliseconds(options.maxStreamDurationMs ?? 3_600_000) },
		http2_protocol_options: { allow_connect: options.upgrades !== undefined },
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
	const timeout = options.authorizationTimeoutMs ?? 10_000;
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
		encode_raw_headers: sidecar.rawHeaders ?? true,
		validate_mutations: true,
		// Firebreak may touch these request headers and no others; anything else fails the request.
		decoder_header_mutation_rules: {
			disallow_all: true,
			// An underscore too: CGI takes it for a dash, so such names that a client sent are removed. And what it forged
			// of its way here.
			allow_expression: {
				regex:
					"x[-_]firebreak[-_].*|authorization|dpop|x[-_]forwarded[-_](for|client[-_]cert)|x[-_]real[-_]ip|forwarded",
			},
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
