/** Steps 7, 8 and 10: verdicts that come in as values, and where in the order they stand. */
import type { CredentialReason } from "../../../src/core/request.ts";
import { crossing, domain, policy, segment } from "../../support/policy-set.ts";
import { overdrawn, withToken } from "../../support/requests.ts";
import type { Case, Suite } from "./suite.ts";

const refused = (reason: CredentialReason, detail: string): Case => ({
	name: `${reason}, ${detail}`,
	ask: {},
	given: { credential: { kind: "refused", reason, detail } },
	expect: { allow: false, reason, detail, policy: null },
});

export const credentials: Suite = {
	name: "credentials",
	rows: {
		domains: [
			domain({ name: "internal" }),
			domain({ name: "plain", flow: "mtls" }),
			domain({ name: "bound", flow: "mtls+bound-token" }),
			domain({ name: "token-only", flow: "token" }),
		],
		segments: [
			segment({ name: "payments" }),
			segment({ name: "orders" }),
			segment({ name: "plain", domain: "plain" }),
			segment({ name: "plain-two", domain: "plain" }),
			segment({ name: "bound", domain: "bound" }),
			segment({ name: "api", domain: "token-only" }),
		],
		crossings: [
			crossing({ name: "into-plain", source_domain: "internal", destination_domain: "plain", flow: "mtls+token" }),
		],
		policies: [
			policy({ name: "all", source: "*", destination: "payments" }),
			policy({ name: "plain", source: "*", destination: "plain" }),
			policy({ name: "plain-scoped", source: "*", destination: "plain", methods: ["PUT"], scopes: ["w"] }),
			policy({ name: "bound", source: "*", destination: "bound" }),
			policy({ name: "api", source: "*", destination: "api" }),
			policy({ name: "api-anonymous", source: "anonymous", destination: "api", scopes: ["s"] }),
		],
	},
	cases: [
		refused("credentials_conflict", "two_authorizations"),
		refused("token_missing", "absent"),
		refused("token_invalid", "signature"),
		refused("token_revoked", "token"),
		refused("proof_invalid", "htm"),
		refused("proof_replayed", "jti"),
		refused("proof_nonce", "stale"),
		refused("binding_mismatch", "certificate"),
		refused("passport_missing", "absent"),
		refused("passport_context", "network"),
		refused("revocation_stale", "age"),
		refused("replay_store_down", "redis"),
		refused("keys_unavailable", "unreachable"),
		{ name: "a token", ask: {}, given: { credential: withToken() }, expect: { reason: "allowed", policy: "all" } },
		{
			name: "a token that was due and not judged",
			ask: {},
			given: { credential: { kind: "none" } },
			expect: { reason: "internal_error", allow: false },
		},
		{
			name: "no token is due",
			ask: { to: "plain", from: "plain-two" },
			given: { credential: { kind: "none" } },
			expect: { reason: "allowed" },
		},
		{
			name: "a crossing adds a token",
			ask: { to: "plain" },
			given: { credential: { kind: "refused", reason: "token_missing", detail: "absent" } },
			expect: { reason: "token_missing" },
		},
		{
			name: "and with it scopes",
			ask: { to: "plain", method: "PUT" },
			given: { credential: withToken({ scopes: ["w"] }) },
			expect: { reason: "allowed", policy: "plain-scoped" },
		},
		{
			name: "scopes without the crossing's token",
			ask: { to: "plain", from: "plain-two", method: "PUT" },
			expect: { reason: "scope_missing" },
		},
		{
			name: "anonymous with a token",
			ask: { to: "api", from: null },
			given: { credential: withToken({ scopes: ["s"] }) },
			expect: { reason: "allowed", policy: "api-anonymous", source: null },
		},
		{
			name: "anonymous with too small a token",
			ask: { to: "api", from: null },
			given: { credential: withToken() },
			expect: { reason: "scope_missing", missingScopes: ["s"] },
		},
		{
			name: "anonymous without a token",
			ask: { to: "api", from: null },
			given: { credential: { kind: "refused", reason: "token_missing", detail: "absent" } },
			expect: { reason: "token_missing" },
		},
		{
			name: "source before credential",
			ask: { from: "stranger" },
			given: { credential: { kind: "refused", reason: "token_missing", detail: "absent" } },
			expect: { reason: "source_unknown" },
		},
		{
			name: "throttle before credential",
			ask: {},
			given: {
				throttle: overdrawn("source", 2),
				credential: { kind: "refused", reason: "token_invalid", detail: "signature" },
			},
			expect: { reason: "source_throttled", overdrawn: overdrawn("source", 2) },
		},
		{
			name: "credential before policy",
			ask: { method: "DELETE" },
			given: { credential: { kind: "refused", reason: "token_invalid", detail: "expired" } },
			expect: { reason: "token_invalid" },
		},
		{
			name: "policy before rate",
			ask: { method: "DELETE" },
			given: { rate: overdrawn("domain", 1) },
			expect: { reason: "no_policy", overdrawn: null },
		},
		{
			name: "over a budget",
			ask: {},
			given: { rate: overdrawn("token", 3) },
			expect: { reason: "rate_limited", detail: "token", overdrawn: overdrawn("token", 3) },
		},
	],
};
