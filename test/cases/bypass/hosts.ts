/** Hosts that are another host to somebody on the way. `secret.example.org` is denied, any other allowed. */
import type { Bypass, Crafted } from "./case.ts";

const at = (host: string, more: Partial<Crafted> = {}): Crafted => ({ target: "/hosts/x", host, ...more });

export const HOSTS: readonly Bypass[] = [
	{ id: "CVE-2021-39155", what: "another case", request: at("Secret.example.ORG"), answer: "policy_denied" },
	{ id: "Istio 2021-008", what: "a port", request: at("secret.example.org:8080"), answer: "policy_denied" },
	{ id: "Istio 2021-008", what: "a trailing dot", request: at("secret.example.org."), answer: "policy_denied" },
	{ id: "Istio 2021-008", what: "both", request: at("secret.example.org.:8080"), answer: "policy_denied" },
	{ id: "Istio 2021-008", what: "another host", request: at("open.example.org"), answer: "allowed" },
	{
		id: "none",
		what: "a user before the host",
		request: at("open@secret.example.org"),
		answer: "ambiguous_request host_userinfo",
		through: [[{ http: 2 }, "envoy"]],
	},
	{
		id: "none",
		what: "a second Host",
		request: at("open.example.org", { headers: [["host", "secret.example.org"]] }),
		answer: "ambiguous_request pseudo_header_mismatch",
		through: [
			// Envoy joins the two, which no host name survives.
			[{ http: 1 }, "ambiguous_request host_several"],
			// Envoy drops it: the service gets the first, as judged.
			[{ http: 2 }, "allowed"],
		],
	},
	{
		id: "CVE-2026-73550",
		what: "an oversized Host",
		request: at("a".repeat(300)),
		answer: "ambiguous_request host_too_long",
	},
	{
		id: "CVE-2026-73550",
		what: "a Host that fills the headers",
		request: at("a".repeat(60_000)),
		answer: "ambiguous_request host_too_long",
		through: [[{ http: 2 }, "envoy"]],
	},
];
