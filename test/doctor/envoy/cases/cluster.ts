/** The way to Firebreak. */
import type { FindingId } from "../../../../src/doctor/envoy/catalogue.ts";
import { clusterOf, firebreakTlsOf, type Part } from "../bootstraps.ts";
import { type Case, CLUSTER, TYPE } from "./case.ts";

function cluster(broken: string, id: FindingId, change: (cluster: Part, bootstrap: Part) => void): Case {
	return { broken, change: (bootstrap) => change(clusterOf(bootstrap), bootstrap), expect: [[id, CLUSTER]] };
}

export const CLUSTER_CASES: readonly Case[] = [
	cluster("a connection that may take longer than the verdict", "connect_timeout", (firebreak) => {
		firebreak.connect_timeout = "1s";
	}),
	cluster("plaintext over the network", "plaintext_firebreak", (firebreak) => {
		delete firebreak.transport_socket;
		firebreak.type = "STATIC";
		const [{ endpoint }] = firebreak.load_assignment.endpoints[0].lb_endpoints;
		endpoint.address.socket_address.address = "192.0.2.1";
	}),
	cluster("no authority", "firebreak_unverified", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.validation_context;
	}),
	cluster("any authority", "firebreak_unverified", (_firebreak, bootstrap) => {
		firebreakTlsOf(bootstrap).common_tls_context.validation_context.trust_chain_verification = "ACCEPT_UNTRUSTED";
	}),
	cluster("any name", "firebreak_any_name", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.validation_context.match_typed_subject_alt_names;
	}),
	cluster("a name that everybody has", "firebreak_any_name", (_firebreak, bootstrap) => {
		const [match] = firebreakTlsOf(bootstrap).common_tls_context.validation_context.match_typed_subject_alt_names;
		match.matcher = { safe_regex: { regex: ".*" } };
	}),
	cluster("no certificate of its own", "enforcer_anonymous", (_firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.tls_certificates;
	}),
	cluster("TLS 1.1 to Firebreak", "tls_old", (_firebreak, bootstrap) => {
		firebreakTlsOf(bootstrap).common_tls_context.tls_params = { tls_minimum_protocol_version: "TLSv1_1" };
	}),
	{
		broken: "plaintext on this host, which nobody else reads",
		change: (bootstrap) => delete clusterOf(bootstrap).transport_socket,
		expect: [],
	},
	cluster("any name, inside a wrapper and chosen by a match", "firebreak_any_name", (firebreak, bootstrap) => {
		delete firebreakTlsOf(bootstrap).common_tls_context.validation_context.match_typed_subject_alt_names;
		const transport_socket = {
			name: "envoy.transport_sockets.upstream_proxy_protocol",
			typed_config: {
				"@type": `${TYPE}.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
				config: { version: "V2" },
				transport_socket: firebreak.transport_socket,
			},
		};
		delete firebreak.transport_socket;
		firebreak.transport_socket_matches = [{ name: "all", match: {}, transport_socket }];
	}),
	{
		broken: "an empty TLS context beside the one that a match chooses, as Envoy Gateway has it",
		change: (bootstrap) => {
			const firebreak = clusterOf(bootstrap);
			const { transport_socket } = firebreak;
			firebreak.transport_socket_matches = [{ name: "all", match: {}, transport_socket }];
			const common_tls_context = {};
			firebreak.transport_socket = {
				name: "dummy.transport_socket",
				typed_config: { "@type": transport_socket.typed_config["@type"], common_tls_context },
			};
		},
		expect: [],
	},
	cluster("HTTP/1.1", "not_http2", (firebreak) => delete firebreak.typed_extension_protocol_options),
	cluster("Envoy's own circuit breaker", "circuit_breaker", (firebreak) => delete firebreak.circuit_breakers),
	cluster("one server at a time", "one_server", (firebreak) => {
		firebreak.type = "LOGICAL_DNS";
		firebreak.dns_lookup_family = "V4_ONLY";
	}),
	cluster("no address", "firebreak_unhealthy", (firebreak) => {
		firebreak.load_assignment.endpoints = [];
	}),
	{
		...cluster("no cluster", "firebreak_absent", (_firebreak, { static_resources }) => {
			static_resources.clusters = static_resources.clusters.filter(({ name }: Part) => name !== "firebreak");
		}),
		dataOnly: true,
	},
];
