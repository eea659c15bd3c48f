/** Steps 3 to 6: enforcer, source, destination, environments and domains. */
import { Lane } from "../../../src/core/lane/lane.ts";
import { crossing, domain, policy, segment } from "../../support/policy-set.ts";
import { NOW, spiffe } from "../../support/requests.ts";
import type { Suite } from "./suite.ts";

const doorHeld = new Lane();
doorHeld.apply({
	seq: 1,
	kind: "quarantine",
	key: "workload:door",
	payload: { kind: "workload", name: spiffe("door") },
	until: null,
});
const open = { methods: ["*"], paths: ["/**"] };
const staging = "spiffe://staging.example.org/ns/orders/sa/orders";

export const places: Suite = {
	name: "places",
	rows: {
		domains: [
			domain({ name: "internal", flow: "mtls", hidden: true }),
			domain({ name: "partner", flow: "mtls" }),
			domain({ name: "public", flow: "mtls" }),
		],
		segments: [
			segment({ name: "payments", probes: ["/healthz"] }),
			segment({ name: "orders", members: [spiffe("orders"), "spiffe://prod.example.org/ns/orders/*"] }),
			segment({ name: "orders-jobs", members: ["spiffe://prod.example.org/ns/orders/sa/jobs/*"] }),
			segment({ name: "fleet", members: ["spiffe://fleet.example.org/*"] }),
			segment({ name: "staging-orders", environment: "staging", members: [staging] }),
			segment({ name: "staging-payments", environment: "staging" }),
			segment({ name: "gateway", domain: "partner" }),
			segment({ name: "partner-api", domain: "partner" }),
			segment({ name: "storefront", domain: "public" }),
			segment({ name: "door", trusted_proxy: true }),
			segment({ name: "outer-door", trusted_proxy: true }),
			segment({ name: "waypoint", enforcer: true }),
			segment({ name: "staging-waypoint", environment: "staging", enforcer: true }),
			segment({ name: "login", domain: "public" }),
		],
		crossings: [
			crossing({ name: "public-partner", source_domain: "public", destination_domain: "partner" }),
			crossing({ name: "public-internal", source_domain: "public", destination_domain: "internal", accepted: false }),
			crossing({ name: "partner-public", source_domain: "partner", destination_domain: "public", expires: NOW }),
			crossing({
				name: "staging-into-prod",
				source_domain: "internal",
				destination_domain: "partner",
				source_environment: "staging",
				destination_environment: "prod",
			}),
			crossing({ name: "internal-partner", source_domain: "internal", destination_domain: "partner" }),
			crossing({
				name: "internal-partner-prod",
				source_domain: "internal",
				destination_domain: "partner",
				source_environment: "prod",
				destination_environment: "prod",
				expires: NOW - 1,
			}),
		],
		policies: [
			policy({ ...open, name: "all", source: "*", destination: "payments" }),
			policy({ ...open, name: "partner", source: "*", destination: "partner-api" }),
			policy({ ...open, name: "public", source: "*", destination: "storefront" }),
			policy({ ...open, name: "staging", source: "*", destination: "staging-payments" }),
			policy({ name: "login", source: "anonymous", destination: "login", methods: ["POST"], paths: ["/login"] }),
			policy({
				name: "login-bad",
				source: "anonymous",
				destination: "login",
				methods: ["POST"],
				paths: ["/login"],
				effect: "deny",
				hosts: ["old.example.org"],
			}),
		],
	},
	cases: [
		{
			name: "an exact member",
			ask: {},
			expect: { reason: "allowed", source: { segment: "orders", domain: "internal", environment: "prod" } },
		},
		{
			name: "a prefix member",
			ask: { from: "spiffe://prod.example.org/ns/orders/sa/worker" },
			expect: { reason: "allowed", source: { segment: "orders", domain: "internal", environment: "prod" } },
		},
		{
			name: "the longer prefix",
			ask: { from: "spiffe://prod.example.org/ns/orders/sa/jobs/a" },
			expect: { reason: "allowed", source: { segment: "orders-jobs", domain: "internal", environment: "prod" } },
		},
		{
			name: "a whole trust domain",
			ask: { from: "spiffe://fleet.example.org/x/y" },
			expect: { reason: "allowed", source: { segment: "fleet", domain: "internal", environment: "prod" } },
		},
		{
			name: "the prefix itself is no member",
			ask: { from: "spiffe://prod.example.org/ns/orders" },
			expect: { reason: "source_unknown", detail: "no_segment" },
		},
		{
			name: "a workload in no segment",
			ask: { from: "stranger" },
			expect: { reason: "source_unknown", detail: "no_segment", principal: spiffe("stranger"), hidden: false },
		},
		{
			name: "no SPIFFE ID",
			ask: { from: "dns:orders.example.org" },
			expect: { reason: "source_unknown", detail: "malformed", principal: null },
		},
		{
			name: "a SPIFFE ID in another case",
			ask: { from: "spiffe://PROD.example.org/ns/orders/sa/orders" },
			expect: { reason: "source_unknown", detail: "malformed" },
		},
		{
			name: "an empty principal is no anonymous",
			ask: { peer: { principal: "" } },
			expect: { reason: "source_unknown", detail: "malformed" },
		},
		{
			name: "a dot where a letter was",
			ask: { from: "spiffe://prodXexample.org/ns/orders/sa/orders" },
			expect: { reason: "source_unknown" },
		},
		{
			name: "anonymous, not named",
			ask: { from: null },
			expect: { reason: "identity_missing", source: null, principal: null },
		},
		{
			name: "anonymous, named",
			ask: { from: null, to: "login", method: "POST", path: "/login" },
			expect: { reason: "allowed", policy: "login", source: null },
		},
		{
			name: "anonymous, named on another path",
			ask: { from: null, to: "login", method: "POST", path: "/other" },
			expect: { reason: "identity_missing" },
		},
		{
			name: "anonymous, denied by name",
			ask: { from: null, to: "login", method: "POST", path: "/login", host: "old.example.org" },
			expect: { reason: "policy_denied", policy: "login-bad" },
		},
		{
			name: "a policy for anonymous is for nobody else",
			ask: { from: "storefront", to: "login", method: "POST", path: "/login" },
			expect: { reason: "no_policy" },
		},
		{
			name: "* does not name anonymous",
			ask: { from: null, to: "storefront" },
			expect: { reason: "identity_missing" },
		},
		{
			name: "a probe without identity",
			ask: { from: null, path: "/healthz" },
			expect: { reason: "allowed_probe", policy: null },
		},
		{
			name: "a probe by HEAD",
			ask: { from: null, path: "/healthz", method: "HEAD" },
			expect: { reason: "allowed_probe" },
		},
		{
			name: "a probe by POST",
			ask: { from: null, path: "/healthz", method: "POST" },
			expect: { reason: "identity_missing" },
		},
		{ name: "below a probe", ask: { from: null, path: "/healthz/x" }, expect: { reason: "identity_missing" } },
		{
			name: "a probe from a stranger",
			ask: { from: "stranger", path: "/healthz" },
			expect: { reason: "allowed_probe" },
		},
		{
			name: "a probe across environments",
			ask: { from: staging, path: "/healthz" },
			expect: { reason: "allowed_probe" },
		},
		{
			name: "a probe with an upgrade",
			ask: { from: null, path: "/healthz", upgrade: "websocket" },
			expect: { reason: "ambiguous_request" },
		},

		{
			name: "an unknown destination",
			ask: { to: "nowhere" },
			expect: { reason: "destination_unknown", detail: "extension" },
		},
		{
			name: "no destination",
			ask: { destinationHint: null },
			expect: { reason: "destination_unknown", detail: "absent" },
		},
		{
			name: "by certificate",
			ask: { destinationHint: null, destinationPrincipal: spiffe("payments") },
			expect: { reason: "allowed", destinationPrincipal: spiffe("payments") },
		},
		{
			name: "a certificate of no segment",
			ask: { destinationHint: null, destinationPrincipal: spiffe("stranger") },
			expect: { reason: "destination_unknown", detail: "certificate" },
		},
		{
			name: "certificate and segment agree",
			ask: { destinationPrincipal: spiffe("payments") },
			expect: { reason: "allowed" },
		},
		{
			name: "certificate and segment differ",
			ask: { destinationPrincipal: spiffe("storefront") },
			expect: { reason: "destination_mismatch", detail: "certificate" },
		},
		{
			name: "certificate unknown, segment known",
			ask: { destinationPrincipal: spiffe("stranger") },
			expect: { reason: "destination_mismatch" },
		},
		{
			name: "certificate and SPIFFE ID agree",
			ask: { to: spiffe("payments"), destinationPrincipal: spiffe("payments") },
			expect: { reason: "allowed" },
		},
		{
			name: "certificate and SPIFFE ID differ",
			ask: { to: spiffe("orders"), destinationPrincipal: spiffe("payments") },
			expect: { reason: "destination_mismatch" },
		},
		{
			name: "a DNS certificate says nothing",
			ask: { destinationPrincipal: "payments.example.org" },
			expect: { reason: "allowed" },
		},
		{
			name: "a probe of an unknown destination",
			ask: { to: "nowhere", path: "/healthz" },
			expect: { reason: "destination_unknown" },
		},
		{
			name: "source before destination",
			ask: { from: "stranger", to: "nowhere" },
			expect: { reason: "source_unknown" },
		},

		{ name: "staging to prod", ask: { from: staging }, expect: { reason: "environment_crossing", hidden: false } },
		{
			name: "inside staging",
			ask: { from: staging, to: "staging-payments" },
			expect: { reason: "allowed", crossing: null },
		},
		{ name: "prod to staging", ask: { to: "staging-payments" }, expect: { reason: "environment_crossing" } },
		{
			name: "a crossing that names both",
			ask: { from: staging, to: "partner-api" },
			expect: { reason: "allowed", crossing: "staging-into-prod" },
		},
		{
			name: "an accepted crossing",
			ask: { from: "storefront", to: "partner-api" },
			expect: { reason: "allowed", crossing: "public-partner" },
		},
		{
			name: "a crossing that is not accepted",
			ask: { from: "storefront" },
			expect: { reason: "crossing_missing", detail: "not_accepted", hidden: true },
		},
		{
			name: "no crossing into a hidden domain",
			ask: { from: "gateway" },
			expect: { reason: "crossing_missing", detail: "absent", hidden: true },
		},
		{
			name: "an expired crossing",
			ask: { from: "gateway", to: "storefront" },
			expect: { reason: "crossing_expired", hidden: false },
		},
		{
			name: "a crossing until its last instant",
			ask: { from: "gateway", to: "storefront" },
			given: { now: NOW - 1 },
			expect: { reason: "allowed", crossing: "partner-public" },
		},
		{
			name: "the specific crossing beats the general",
			ask: { to: "partner-api" },
			expect: { reason: "crossing_expired" },
		},
		{
			name: "and lives on its own terms",
			ask: { to: "partner-api" },
			given: { now: NOW - 2 },
			expect: { reason: "allowed", crossing: "internal-partner-prod" },
		},

		{
			name: "the destination's own proxy asks",
			ask: { enforcer: spiffe("payments") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "allowed" },
		},
		{
			name: "another proxy asks",
			ask: { enforcer: spiffe("orders") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch", detail: "other_segment" },
		},
		{
			name: "a named enforcer asks",
			ask: { enforcer: spiffe("waypoint") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "allowed" },
		},
		{
			name: "a named enforcer of another environment",
			ask: { enforcer: spiffe("staging-waypoint") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch" },
		},
		{
			name: "a proxy in no segment",
			ask: { enforcer: spiffe("stranger") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch", detail: "no_segment" },
		},
		{
			name: "a proxy without identity",
			ask: {},
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch", detail: "absent" },
		},
		{
			name: "enforcer before source",
			ask: { from: "stranger", enforcer: spiffe("orders") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch" },
		},
		{
			name: "enforcer before probe",
			ask: { path: "/healthz", enforcer: spiffe("orders") },
			given: { enforcerIdentity: "tls" },
			expect: { reason: "enforcer_mismatch" },
		},

		{
			name: "forwarded by a trusted proxy",
			ask: { from: "door", forwarded: [spiffe("orders")] },
			expect: { reason: "allowed", principal: spiffe("orders") },
		},
		{
			name: "forwarded by two",
			ask: { from: "door", forwarded: [spiffe("outer-door"), spiffe("orders")] },
			expect: { reason: "allowed", principal: spiffe("orders") },
		},
		{
			name: "forged behind another proxy's hop",
			ask: { from: "door", forwarded: [spiffe("gateway"), spiffe("orders")] },
			expect: { reason: "crossing_missing", principal: spiffe("gateway") },
		},
		{
			name: "forwarded by anybody else",
			ask: { from: "gateway", forwarded: [spiffe("orders")] },
			expect: { reason: "crossing_missing", principal: spiffe("gateway") },
		},
		{
			name: "forwarded unreadably",
			ask: { from: "door", forwarded: [] },
			expect: { reason: "source_unknown", detail: "forwarded_malformed" },
		},
		{
			name: "forwarded by a proxy in quarantine",
			ask: { from: "door", forwarded: [spiffe("orders")] },
			given: { lane: doorHeld },
			expect: { reason: "source_quarantined", detail: "workload", principal: spiffe("orders") },
		},
		{
			name: "forwarded by two, the farther one in quarantine",
			ask: { from: "outer-door", forwarded: [spiffe("door"), spiffe("orders")] },
			given: { lane: doorHeld },
			expect: { reason: "source_quarantined", detail: "workload" },
		},
		{
			name: "a probe forwarded unreadably by a proxy in quarantine",
			ask: { from: "door", forwarded: [], path: "/healthz" },
			given: { lane: doorHeld },
			expect: { reason: "source_quarantined", detail: "workload" },
		},
		{
			name: "a proxy in quarantine behind the source vouches for nobody",
			ask: { from: "outer-door", forwarded: [spiffe("orders"), spiffe("door")] },
			given: { lane: doorHeld },
			expect: { reason: "allowed", principal: spiffe("orders") },
		},
		{
			name: "a trusted proxy for itself",
			ask: { from: "door" },
			expect: { reason: "allowed", principal: spiffe("door") },
		},
	],
};
