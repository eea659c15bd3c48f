/** Monitor on a policy, a segment and a domain: what it waives, and what it never waives. */
import { Lane } from "../../../src/core/lane/lane.ts";
import { domain, policy, segment } from "../../support/policy-set.ts";
import { overdrawn, spiffe, tokenFacts, withToken } from "../../support/requests.ts";
import type { Suite } from "./suite.ts";

const quarantined = new Lane();
quarantined.apply({
	seq: 1,
	kind: "quarantine",
	key: "workload",
	payload: { kind: "workload", name: spiffe("orders") },
	until: null,
});
quarantined.apply({
	seq: 2,
	kind: "quarantine",
	key: "segment",
	payload: { kind: "segment", name: "jobs" },
	until: null,
});
quarantined.apply({
	seq: 3,
	kind: "quarantine",
	key: "domain",
	payload: { kind: "domain", name: "trial" },
	until: null,
});
quarantined.apply({
	seq: 4,
	kind: "quarantine",
	key: "w2",
	payload: { kind: "workload", name: spiffe("stranger") },
	until: null,
});

const noToken = { kind: "refused", reason: "token_missing", detail: "absent" } as const;

export const monitor: Suite = {
	name: "monitor",
	rows: {
		domains: [domain({ name: "internal" }), domain({ name: "trial", mode: "monitor" })],
		segments: [
			segment({ name: "payments", probes: ["/healthz"] }),
			segment({ name: "orders" }),
			segment({ name: "jobs" }),
			segment({ name: "lab", mode: "monitor", probes: ["/healthz"] }),
			segment({ name: "trial", domain: "trial" }),
			segment({ name: "staging", environment: "staging" }),
		],
		policies: [
			policy({
				name: "try",
				source: "orders",
				destination: "payments",
				paths: ["/try"],
				scopes: ["s"],
				mode: "monitor",
			}),
			policy({
				name: "try-condition",
				source: "orders",
				destination: "payments",
				paths: ["/condition"],
				condition: "false",
				mode: "monitor",
			}),
			policy({
				name: "try-error",
				source: "orders",
				destination: "payments",
				paths: ["/error"],
				condition: "token.no == 1",
				mode: "monitor",
			}),
			policy({ name: "wide", source: "orders", destination: "payments", paths: ["/wide/**"] }),
			policy({
				name: "try-deny",
				source: "orders",
				destination: "payments",
				paths: ["/wide/deny"],
				effect: "deny",
				mode: "monitor",
			}),
			policy({
				name: "try-deny-alone",
				source: "orders",
				destination: "payments",
				paths: ["/alone"],
				effect: "deny",
				mode: "monitor",
			}),
			policy({ name: "both-enforced", source: "orders", destination: "payments", paths: ["/both"] }),
			policy({
				name: "a-both-tried",
				source: "orders",
				destination: "payments",
				paths: ["/both"],
				scopes: ["s"],
				mode: "monitor",
			}),
			policy({ name: "lab", source: "orders", destination: "lab", paths: ["/ok"] }),
			policy({ name: "lab-deny", source: "orders", destination: "lab", paths: ["/denied"], effect: "deny" }),
			policy({ name: "from-lab", source: "lab", destination: "payments", paths: ["/ok"] }),
		],
	},
	cases: [
		{
			name: "a monitored allow lacks its scope",
			ask: { path: "/try" },
			expect: {
				allow: true,
				reason: "allowed_monitor",
				policy: "try",
				mode: "monitor",
				would: { reason: "scope_missing", detail: null, policy: "try" },
			},
		},
		{
			name: "a monitored allow has its scope",
			ask: { path: "/try" },
			given: { credential: withToken({ scopes: ["s"] }) },
			expect: { reason: "allowed", policy: "try", would: null },
		},
		{ name: "a monitored allow needs its path", ask: { path: "/tries" }, expect: { reason: "no_policy" } },
		{
			name: "a monitored allow needs its method",
			ask: { path: "/try", method: "POST" },
			expect: { reason: "no_policy" },
		},
		{
			name: "a monitored allow does not waive the token",
			ask: { path: "/try" },
			given: { credential: noToken },
			expect: { reason: "token_missing" },
		},
		{
			name: "its condition is false",
			ask: { path: "/condition" },
			expect: {
				reason: "allowed_monitor",
				would: { reason: "no_policy", detail: "condition", policy: "try-condition" },
			},
		},
		{
			name: "its condition fails",
			ask: { path: "/error" },
			expect: { reason: "allowed_monitor", would: { reason: "condition_error", detail: null, policy: "try-error" } },
		},
		{
			name: "a monitored deny never denies",
			ask: { path: "/wide/deny" },
			expect: {
				allow: true,
				reason: "allowed_monitor",
				policy: "wide",
				would: { reason: "policy_denied", detail: null, policy: "try-deny" },
			},
		},
		{ name: "nor does it allow", ask: { path: "/alone" }, expect: { allow: false, reason: "no_policy" } },
		{
			name: "an enforced allow beats a monitored one",
			ask: { path: "/both" },
			expect: { reason: "allowed", policy: "both-enforced", mode: "enforce", would: null },
		},

		{
			name: "monitored segment: nothing to waive",
			ask: { to: "lab", path: "/ok" },
			expect: { reason: "allowed", mode: "monitor", would: null },
		},
		{
			name: "monitored segment: no policy",
			ask: { to: "lab", path: "/other" },
			expect: {
				allow: true,
				reason: "allowed_monitor",
				policy: null,
				would: { reason: "no_policy", detail: null, policy: null },
			},
		},
		{
			name: "monitored segment: a deny",
			ask: { to: "lab", path: "/denied" },
			expect: { reason: "allowed_monitor", would: { reason: "policy_denied", detail: null, policy: "lab-deny" } },
		},
		{
			name: "monitored segment: no token",
			ask: { to: "lab", path: "/ok" },
			given: { credential: noToken },
			expect: { reason: "allowed_monitor", would: { reason: "token_missing", detail: "absent", policy: null } },
		},
		{
			name: "monitored segment: unknown source",
			ask: { to: "lab", path: "/ok", from: "stranger" },
			expect: {
				reason: "allowed_monitor",
				source: null,
				would: { reason: "source_unknown", detail: "no_segment", policy: null },
			},
		},
		{
			name: "monitored segment: anonymous",
			ask: { to: "lab", path: "/ok", from: null },
			expect: { reason: "allowed_monitor", would: { reason: "identity_missing", detail: null, policy: null } },
		},
		{
			name: "monitored segment: environment",
			ask: { to: "lab", path: "/ok", from: "staging" },
			expect: { reason: "allowed_monitor", would: { reason: "environment_crossing", detail: "absent", policy: null } },
		},
		{
			name: "monitored segment: throttled",
			ask: { to: "lab", path: "/ok" },
			given: { throttle: overdrawn("source", 1) },
			expect: { reason: "allowed_monitor", would: { reason: "source_throttled", detail: "source", policy: null } },
		},
		{
			name: "monitored segment: over a budget",
			ask: { to: "lab", path: "/ok" },
			given: { rate: overdrawn("domain", 1) },
			expect: { reason: "allowed_monitor", would: { reason: "rate_limited", detail: "domain", policy: null } },
		},
		{
			name: "the first failing step is shown",
			ask: { to: "lab", path: "/other", from: "staging" },
			given: { credential: noToken },
			expect: { reason: "allowed_monitor", would: { reason: "environment_crossing", detail: "absent", policy: null } },
		},
		{
			name: "monitored domain: no policy",
			ask: { to: "trial", from: "trial" },
			expect: { reason: "allowed_monitor", mode: "monitor" },
		},
		{
			name: "monitored domain: crossing",
			ask: { to: "trial" },
			expect: { reason: "allowed_monitor", would: { reason: "crossing_missing", detail: "absent", policy: null } },
		},
		{
			name: "the source's mode does not count",
			ask: { from: "lab", path: "/other" },
			expect: { reason: "no_policy", mode: "enforce" },
		},

		{
			name: "a waived token vouches for nobody",
			ask: { to: "lab", path: "/ok" },
			given: {
				credential: {
					kind: "refused",
					reason: "binding_mismatch",
					detail: "proof_missing",
					token: tokenFacts({ id: "bound", subject: "user:root" }),
				},
			},
			expect: {
				reason: "allowed_monitor",
				would: { reason: "binding_mismatch", detail: "proof_missing", policy: null },
				token: tokenFacts({ id: "bound", subject: "user:root" }),
				subject: null,
			},
		},
		{
			name: "an accepted token's subject",
			ask: { to: "lab", path: "/ok" },
			given: { credential: withToken({ subject: "user:alice" }) },
			expect: { reason: "allowed", subject: "user:alice" },
		},

		{
			name: "never waived: a revoked token",
			ask: { to: "lab", path: "/ok" },
			given: { credential: { kind: "refused", reason: "token_revoked", detail: "token" } },
			expect: { allow: false, reason: "token_revoked" },
		},
		{
			name: "never waived: revoked behind a waived step",
			ask: { to: "lab", path: "/ok", from: "staging" },
			given: { credential: { kind: "refused", reason: "token_revoked", detail: "token" } },
			expect: { allow: false, reason: "token_revoked" },
		},
		{
			name: "never waived: stale revocations",
			ask: { to: "lab", path: "/ok" },
			given: { credential: { kind: "refused", reason: "revocation_stale", detail: "age" } },
			expect: { allow: false, reason: "revocation_stale" },
		},
		{
			name: "never waived: keys unavailable",
			ask: { to: "lab", path: "/ok" },
			given: { credential: { kind: "refused", reason: "keys_unavailable", detail: "unreachable" } },
			expect: { allow: false, reason: "keys_unavailable" },
		},
		{
			name: "never waived: an error",
			ask: { to: "lab", path: "/ok" },
			given: { credential: { kind: "none" } },
			expect: { allow: false, reason: "internal_error" },
		},
		{
			name: "never waived: the wrong destination",
			ask: { to: "lab", destinationPrincipal: spiffe("payments") },
			expect: { allow: false, reason: "destination_mismatch" },
		},
		{
			name: "never waived: the wrong enforcer",
			ask: { to: "lab", enforcer: spiffe("orders") },
			given: { enforcerIdentity: "tls" },
			expect: { allow: false, reason: "enforcer_mismatch" },
		},
		{
			name: "never waived: an upgrade that no policy names",
			ask: { to: "lab", upgrade: "websocket" },
			expect: { allow: false, reason: "ambiguous_request" },
		},
		{
			name: "never waived: a quarantined workload",
			ask: { to: "lab", path: "/ok" },
			given: { lane: quarantined },
			expect: { allow: false, reason: "source_quarantined", detail: "workload" },
		},

		{
			name: "a quarantined workload",
			ask: { path: "/wide/x" },
			given: { lane: quarantined },
			expect: { reason: "source_quarantined", detail: "workload" },
		},
		{
			name: "a quarantined segment",
			ask: { from: "jobs" },
			given: { lane: quarantined },
			expect: { reason: "source_quarantined", detail: "segment" },
		},
		{
			name: "a quarantined domain",
			ask: { from: "trial" },
			given: { lane: quarantined },
			expect: { reason: "source_quarantined", detail: "domain" },
		},
		{
			name: "quarantine before unknown",
			ask: { from: "stranger" },
			given: { lane: quarantined },
			expect: { reason: "source_quarantined" },
		},
		{
			name: "a quarantined prober",
			ask: { path: "/healthz" },
			given: { lane: quarantined },
			expect: { reason: "source_quarantined" },
		},
		{
			name: "nobody else is quarantined",
			ask: { from: "lab", path: "/ok" },
			given: { lane: quarantined },
			expect: { reason: "allowed" },
		},
	],
};
