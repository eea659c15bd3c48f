/** Callers, paths, headers, streams, and what the listener is. */
import type { FindingId } from "../../../../src/doctor/envoy/catalogue.ts";
import { callersTlsOf, chainOf, hostOf, managerOf, type Part } from "../bootstraps.ts";
import { type Case, LISTENER, perRoute } from "./case.ts";

function manager(broken: string, id: FindingId, settings: object): Case {
	return {
		broken,
		change: (bootstrap) => Object.assign(managerOf(bootstrap), settings),
		expect: [[id, LISTENER]],
	};
}

export const LISTENER_CASES: readonly Case[] = [
	manager("resolved paths", "path_changed", { normalize_path: true, merge_slashes: true }),
	manager("unescaped slashes", "path_unescaped", { path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" }),
	manager("anybody's x-forwarded-client-cert", "forwarded_identity_open", {
		forward_client_cert_details: "ALWAYS_FORWARD_ONLY",
	}),
	manager("callers' x-forwarded-client-cert", "forwarded_identity", { forward_client_cert_details: "FORWARD_ONLY" }),
	manager("appended x-forwarded-client-cert", "forwarded_identity", { forward_client_cert_details: "APPEND_FORWARD" }),
	manager("callers' x-forwarded-for", "forwarded_address", { use_remote_address: false }),
	manager("callers' x-firebreak-*", "identity_headers", { early_header_mutation_extensions: [] }),
	manager("endless streams", "stream_unbounded", { common_http_protocol_options: {} }),
	{
		broken: "endless streams, but for what each route says",
		change: (bootstrap) => {
			managerOf(bootstrap).common_http_protocol_options = {};
			hostOf(bootstrap).routes[0].route.max_stream_duration = { max_stream_duration: "3600s" };
		},
		expect: [],
	},
	{
		broken: "streams that a route makes endless again",
		change: (bootstrap) => {
			hostOf(bootstrap).routes[0].route.max_stream_duration = { max_stream_duration: "0s" };
		},
		expect: [["stream_unbounded", LISTENER]],
	},
	manager("routes that never come", "configuration_unknown", {
		route_config: undefined,
		rds: { route_config_name: "later", config_source: { path_config_source: { path: "/dev/null" } } },
	}),
	{
		broken: "plaintext callers",
		change: (bootstrap) => delete chainOf(bootstrap).transport_socket,
		expect: [["callers_plaintext", LISTENER]],
	},
	{
		broken: "callers whose certificates nobody verifies",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).common_tls_context.validation_context.trust_chain_verification = "ACCEPT_UNTRUSTED";
		},
		expect: [["callers_unverified", LISTENER]],
	},
	{
		broken: "TLS 1.0 from callers",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).common_tls_context.tls_params.tls_minimum_protocol_version = "TLSv1_0";
		},
		expect: [["tls_old", LISTENER]],
	},
	{
		broken: "callers without a certificate, unsaid",
		change: (bootstrap) => delete callersTlsOf(bootstrap).require_client_certificate,
		expect: [["client_certificate_unset", LISTENER]],
	},
	{
		broken: "callers without a certificate, on purpose",
		change: (bootstrap) => {
			callersTlsOf(bootstrap).require_client_certificate = false;
		},
		expect: [["client_certificate_optional", LISTENER]],
	},
	{
		broken: "a destination besides the certificate's",
		change: (bootstrap) => {
			const context_extensions = { "firebreak.destination": "payments" };
			hostOf(bootstrap).typed_per_filter_config = perRoute({ check_settings: { context_extensions } });
		},
		expect: [["destination_twice", /route 1$/]],
	},
	{
		broken: "a certificate without a SPIFFE ID",
		change: (bootstrap) => useCertificate(bootstrap, "hostname"),
		expect: [["destination_unnamed", /route 1$/]],
	},
	{
		broken: "a certificate without a SPIFFE ID, and a destination that is named",
		change: (bootstrap) => {
			useCertificate(bootstrap, "hostname");
			const context_extensions = { "firebreak.destination": "payments" };
			hostOf(bootstrap).typed_per_filter_config = perRoute({ check_settings: { context_extensions } });
		},
		expect: [],
	},
	{
		broken: "a certificate with two names",
		change: (bootstrap) => useCertificate(bootstrap, "several"),
		expect: [["destination_ambiguous", LISTENER]],
	},
	{
		broken: "an admin side for everybody",
		change: (bootstrap) => {
			bootstrap.admin.address.socket_address.address = "0.0.0.0";
		},
		expect: [["admin_exposed", /^admin$/]],
	},
];

function useCertificate(bootstrap: Part, name: string): void {
	const [certificate] = callersTlsOf(bootstrap).common_tls_context.tls_certificates;
	certificate.certificate_chain.filename = certificate.certificate_chain.filename.replace("service", name);
	certificate.private_key.filename = certificate.private_key.filename.replace("service", name);
}
