/** Where the example's Envoy sends requests, and questions about them. */
import type { CertificateFiles, EnvoyOptions, Json, SidecarOptions } from "./envoy-options.ts";

const LOOPBACK = "127.0.0.1";
export const TYPE = "type.googleapis.com/envoy";

export function socket(port: number): Json {
	return { socket_address: { address: LOOPBACK, port_value: port } };
}

export function milliseconds(value: number): string {
	return `${value / 1000}s`;
}

export function tlsContext(files: CertificateFiles, authorityFile: string, peer?: string) {
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

export function upstreamCluster(sidecar: SidecarOptions, { authorityFile }: EnvoyOptions): Json {
	const { name, files, upstreamPort, upstreamProtocol = "http/1.1", upstreamSpiffeId, upstreamFrom } = sidecar;
	return {
		...cluster(name, [upstreamPort], { http2: upstreamProtocol === "h2" }),
		...(upstreamSpiffeId !== undefined && mutualTls(files, authorityFile, upstreamSpiffeId, upstreamProtocol)),
		...(upstreamFrom !== undefined && {
			upstream_bind_config: { source_address: { address: upstreamFrom, port_value: 0 } },
		}),
	};
}

function mutualTls(files: CertificateFiles, authorityFile: string, peer: string, protocol: string) {
	return {
		transport_socket: {
			name: "envoy.transport_sockets.tls",
			typed_config: {
				"@type": `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
				common_tls_context: {
					...tlsContext(files, authorityFile, peer),
					alpn_protocols: [protocol],
					// As a client, Envoy offers 1.2 at most unless it is told.
					tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
				},
			},
		},
	};
}

export function firebreakClusterName(sidecar: SidecarOptions): string {
	return `firebreak-for-${sidecar.name}`;
}

/** Firebreak, as this service's sidecar reaches it: with the service's own certificate, so that it asks only in its own name. */
export function firebreakCluster(sidecar: SidecarOptions, { firebreak, authorityFile }: EnvoyOptions): Json {
	const { port, replicas = [], spiffeId } = firebreak;
	const { files = sidecar.files, socket: path } = sidecar.asks ?? {};
	const name = firebreakClusterName(sidecar);
	if (path !== undefined)
		return { ...cluster(name, [], { http2: true }), load_assignment: endpoints(name, [{ pipe: { path } }]) };
	const tls = spiffeId !== undefined && mutualTls(files, authorityFile, spiffeId, "h2");
	const health = replicas.length > 0 && { health_checks: [healthCheck()] };
	return { ...cluster(name, [port, ...replicas], { http2: true }), ...tls, ...health };
}

/**
 * A server that is about to stop says so for a second before it takes no more calls: time for some checks. One that is only
 * slow, as on a busy machine, is no reason to leave it.
 */
function healthCheck(): Json {
	const quick = milliseconds(200);
	return {
		...{ timeout: "10s", interval: quick, no_traffic_interval: quick, unhealthy_interval: quick },
		...{ unhealthy_threshold: 1, healthy_threshold: 1 },
		grpc_health_check: {},
	};
}

export function cluster(name: string, ports: readonly number[], protocol: { http2: boolean }) {
	return {
		name,
		type: "STATIC",
		connect_timeout: "5s",
		// Envoy's own 1,024 would refuse requests before Firebreak or the service says that it is busy.
		circuit_breakers: {
			thresholds: [{ max_connections: 4_096, max_pending_requests: 4_096, max_requests: 16_384, max_retries: 64 }],
		},
		load_assignment: endpoints(name, ports.map(socket)),
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

function endpoints(name: string, addresses: readonly Json[]): Json {
	return { cluster_name: name, endpoints: [{ lb_endpoints: addresses.map((address) => ({ endpoint: { address } })) }] };
}
