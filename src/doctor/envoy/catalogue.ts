/** Everything that can be wrong with an Envoy that asks Firebreak. docs/reference/findings.md is written from this table. */
import { type CatalogueEntry, type Finding, finder } from "../finding.ts";

export const FINDINGS = {
	authorization_missing: {
		severity: "danger",
		what: "requests are forwarded without asking Firebreak: there is no authorization filter",
		cure: "add envoy.filters.http.ext_authz as the last filter before the router",
	},
	authorization_disabled: {
		severity: "danger",
		what: "requests of these routes are forwarded without asking Firebreak: the filter is switched off for them",
		cure: "remove `disabled` from typed_per_filter_config; probes do not need it, a segment names its own",
	},
	authorization_partial: {
		severity: "danger",
		what: "only some requests are judged, the rest passes",
		cure: "remove filter_enabled, filter_enabled_metadata and matchers around the filter; in Istio, give the CUSTOM policy one empty rule",
	},
	authorization_shadow: {
		severity: "danger",
		what: "Firebreak is asked and its denials are ignored",
		cure: "remove shadow_mode; to watch first, use mode => 'monitor' of a policy, segment or domain",
	},
	fail_open: {
		severity: "danger",
		what: "when Firebreak does not answer, requests pass unjudged",
		cure: "set failure_mode_allow: false (Istio and Envoy Gateway: failOpen: false)",
	},
	not_grpc: {
		severity: "danger",
		what: "the filter asks by HTTP, which Firebreak does not answer",
		cure: "replace http_service by grpc_service, with transport_api_version: V3",
	},
	asked_elsewhere: {
		severity: "danger",
		what: "another server than the filter's is asked about these routes: it may allow anything",
		cure: "remove grpc_service and http_service from the check_settings of the route's ExtAuthzPerRoute",
	},
	tcp_unguarded: {
		severity: "danger",
		what: "connections are forwarded without asking Firebreak, which judges HTTP requests only",
		cure: "put an HTTP connection manager with ext_authz in its place, or remove the filter chain",
	},
	upgrade_unguarded: {
		severity: "danger",
		what: "an upgrade has filters of its own, and no authorization among them",
		cure: "remove `filters` from the entry of upgrade_configs, or add ext_authz to them",
	},
	way_around: {
		severity: "danger",
		what: "a service that Firebreak guards elsewhere is reached from here without it",
		cure: "remove this way, or add the authorization filter to it",
	},
	cluster_by_header: {
		severity: "danger",
		what: "a header of the request chooses the service that gets it, after Firebreak judged another",
		cure: "replace cluster_header by a cluster",
	},
	answered_before: {
		severity: "danger",
		what: "a filter ahead of the authorization can answer requests by itself, from what others were allowed",
		cure: "move ext_authz ahead of it",
	},
	changed_after: {
		severity: "warning",
		what: "a filter behind the authorization can change requests that were judged already",
		cure: "move ext_authz behind it, as the last filter before the router",
	},
	status_on_error: {
		severity: "warning",
		what: "when Firebreak does not answer, callers get a status that says it was a verdict (403 by default), and do not try again",
		cure: "set status_on_error: { code: ServiceUnavailable }",
	},
	timeout_unset: {
		severity: "warning",
		what: "no timeout is set: Envoy gives up after 200 ms, its retry included",
		cure: "set grpc_service.timeout, such as 0.5s",
	},
	timeout_short: {
		severity: "warning",
		what: "a pause of Firebreak, or a connection that has to be made, already fails requests",
		cure: "set grpc_service.timeout to 0.2s or more, such as 0.5s",
	},
	timeout_long: {
		severity: "warning",
		what: "callers give up before Envoy stops waiting for Firebreak, and pile up meanwhile",
		cure: "set grpc_service.timeout well below what callers and routes wait, such as 0.5s",
	},
	connect_timeout: {
		severity: "warning",
		what: "a server that cannot be connected to uses up the whole timeout, and no time is left for the retry",
		cure: "set connect_timeout of the cluster to half of grpc_service.timeout",
	},
	retry_missing: {
		severity: "warning",
		what: "a call that fails is not tried again: each restart of a server fails some requests",
		cure: 'set grpc_service.retry_policy: { retry_on: "unavailable,reset,connect-failure", num_retries: 1 }',
	},
	peer_certificate_missing: {
		severity: "warning",
		what: "Firebreak does not see the caller's certificate: tokens that are bound to one are refused",
		cure: "set include_peer_certificate: true",
	},
	raw_headers_missing: {
		severity: "warning",
		what: "repeated headers reach Firebreak joined by commas, as if they were one",
		cure: "set encode_raw_headers: true",
	},
	headers_hidden: {
		severity: "warning",
		what: "Firebreak sees only some headers: a credential, a doubled or a forged header may be among the others",
		cure: "remove allowed_headers and disallowed_headers (Envoy Gateway: headersToExtAuth)",
	},
	mutations_unbounded: {
		severity: "warning",
		what: "whoever answers for Firebreak may change any header of a request",
		cure: "set decoder_header_mutation_rules as in envoy/sidecar-files.yaml",
	},
	mutations_blocked: {
		severity: "warning",
		what: "Firebreak may not change headers that it has to: requests fail with 500, or keep what a caller forged",
		cure: "set decoder_header_mutation_rules as in envoy/sidecar-files.yaml",
	},
	mutations_unvalidated: {
		severity: "warning",
		what: "headers of an answer are not checked before they are put into the request",
		cure: "set validate_mutations: true",
	},
	body_sent: {
		severity: "warning",
		what: "bodies are held back and sent along, though Firebreak reads none: memory, delay, and 413 for long ones",
		cure: "remove with_request_body (Istio: includeRequestBodyInCheck, Envoy Gateway: bodyToExtAuth)",
	},
	route_cache_cleared: {
		severity: "warning",
		what: "the route is chosen anew after the verdict: it may be another than the one whose settings were judged by",
		cure: "remove clear_route_cache (Envoy Gateway: recomputeRoute)",
	},
	metadata_sent: {
		severity: "notice",
		what: "metadata of the request is sent along, which Firebreak does not read; claims of tokens may be among it",
		cure: "remove metadata_context_namespaces and its kin",
	},
	firebreak_absent: {
		severity: "danger",
		what: "the cluster that the filter asks does not exist: every request is refused, or passes where it fails open",
		cure: "add the cluster, as in envoy/sidecar-files.yaml",
	},
	firebreak_unhealthy: {
		severity: "warning",
		what: "no server of the cluster can be asked now",
		cure: "see whether Firebreak runs there and serves (/readyz), and whether its certificate is the expected one",
	},
	plaintext_firebreak: {
		severity: "danger",
		what: "Firebreak is asked without TLS over the network: anyone in between may answer `allow` and read credentials",
		cure: "add a transport_socket with UpstreamTlsContext to the cluster",
	},
	firebreak_unverified: {
		severity: "danger",
		what: "whoever answers in Firebreak's place is believed: its certificate is not verified",
		cure: "add a validation_context with trusted_ca, and the name that Firebreak has to prove",
	},
	firebreak_any_name: {
		severity: "danger",
		what: "any workload of the authority can pose as Firebreak and allow everything: no name is demanded",
		cure: "add match_typed_subject_alt_names with Firebreak's SPIFFE ID",
	},
	enforcer_anonymous: {
		severity: "warning",
		what: "Envoy shows Firebreak no certificate, and is refused: it has to prove which destination it guards",
		cure: "add tls_certificates, or an SDS secret, to the cluster's TLS context",
	},
	tls_old: {
		severity: "danger",
		what: "TLS below 1.2 is accepted",
		cure: "set tls_params: { tls_minimum_protocol_version: TLSv1_2 } or TLSv1_3",
	},
	not_http2: {
		severity: "danger",
		what: "the cluster does not speak HTTP/2, and gRPC needs it: no call succeeds",
		cure: "add explicit_http_config: { http2_protocol_options: {} } to its HttpProtocolOptions",
	},
	circuit_breaker: {
		severity: "warning",
		what: "Envoy refuses requests before Firebreak does: max_requests is 1,024 by default",
		cure: "set circuit_breakers.thresholds: max_requests to 16384, max_pending_requests and max_connections to 4096",
	},
	one_server: {
		severity: "notice",
		what: "one connection to one server at a time: requests are not spread over all servers",
		cure: "set the cluster's type to STRICT_DNS or EDS",
	},
	callers_plaintext: {
		severity: "danger",
		what: "callers come without TLS: nothing proves who they are, and all are anonymous to Firebreak",
		cure: "add a transport_socket with DownstreamTlsContext (Istio: PeerAuthentication STRICT)",
	},
	callers_unverified: {
		severity: "danger",
		what: "certificates of callers are not verified: Envoy tells Firebreak any name that they carry, or none at all",
		cure: "add a validation_context with trusted_ca, without trust_chain_verification: ACCEPT_UNTRUSTED",
	},
	client_certificate_unset: {
		severity: "warning",
		what: "callers without a certificate are let in, and nothing says that it is meant",
		cure: "set require_client_certificate: true, or false where probes and anonymous callers are wanted",
	},
	client_certificate_optional: {
		severity: "notice",
		what: "callers without a certificate reach Firebreak, which refuses all that no probe and no policy for anonymous names",
		cure: "set require_client_certificate: true where all callers have a certificate",
	},
	path_changed: {
		severity: "notice",
		what: "Envoy changes paths before Firebreak judges them: what was really sent is neither refused nor recorded",
		cure: "set normalize_path: false, merge_slashes: false, path_with_escaped_slashes_action: KEEP_UNCHANGED",
	},
	path_unescaped: {
		severity: "warning",
		what: "Envoy turns escaped slashes into real ones: paths get another reading than the one they were sent with",
		cure: "set path_with_escaped_slashes_action: KEEP_UNCHANGED",
	},
	forwarded_identity_open: {
		severity: "danger",
		what: "x-forwarded-client-cert of anyone is passed on, also from callers without a certificate",
		cure: "set forward_client_cert_details: SANITIZE, or SANITIZE_SET where this proxy tells whom it met",
	},
	forwarded_identity: {
		severity: "notice",
		what: "x-forwarded-client-cert of callers is passed on: right only behind a segment that is a trusted_proxy",
		cure: "set forward_client_cert_details: SANITIZE where nothing trusted stands in front",
	},
	forwarded_address: {
		severity: "warning",
		what: "the caller's address is taken from x-forwarded-for, which callers write themselves",
		cure: "set use_remote_address: true",
	},
	identity_headers: {
		severity: "warning",
		what: "x-firebreak-* that callers send are removed by Firebreak's answer alone, so not where it is not asked",
		cure: "remove them in early_header_mutation_extensions, by the regex x[-_]firebreak[-_].*",
	},
	stream_unbounded: {
		severity: "warning",
		what: "a stream that was allowed lives for ever, whatever is revoked meanwhile",
		cure: "set common_http_protocol_options: { max_stream_duration: 3600s }, or less",
	},
	destination_unnamed: {
		severity: "warning",
		what: "nothing tells Firebreak what is called, and it refuses: the listener's certificate has no SPIFFE ID",
		cure: "set context_extensions: { firebreak.destination: SEGMENT } in the route's ExtAuthzPerRoute",
	},
	destination_twice: {
		severity: "notice",
		what: "firebreak.destination and the listener's certificate both say what is called, and every request is refused where they differ (Envoy does not show the former)",
		cure: "remove the context extension: the certificate says it",
	},
	destination_ambiguous: {
		severity: "warning",
		what: "the listener's certificate has several URI names, of which Envoy tells Firebreak the first",
		cure: "give the listener a certificate with one SPIFFE ID",
	},
	configuration_unknown: {
		severity: "notice",
		what: "this part of the configuration has not come yet, or is delivered where it cannot be read: it was not examined",
		cure: "ask again once Envoy has all of its configuration",
	},
	admin_exposed: {
		severity: "danger",
		what: "Envoy's admin side listens on the network: whoever reaches it can stop the proxy and read its configuration",
		cure: "let it listen on 127.0.0.1 or a socket",
	},
	admin_routed: {
		severity: "danger",
		what: "requests are forwarded to Envoy's own admin side",
		cure: "remove the route, or have it match /stats/prometheus alone",
	},
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
export type FindingId = keyof typeof FINDINGS;
export type EnvoyFinding = Finding<FindingId>;

export const finding = finder<FindingId>(FINDINGS);
