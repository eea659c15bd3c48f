/** As CONTRACT states them: users call by name, so names, order, types and defaults hold. */
export const SIGNATURES: Readonly<Record<string, string>> = {
	owner: "name text, role name DEFAULT NULL::name",
	domain:
		"name text, owner text, flow text DEFAULT 'mtls+token'::text, passport text DEFAULT 'optional'::text, on_stale text DEFAULT 'deny'::text, hidden boolean DEFAULT false, audit text DEFAULT 'full'::text, mode text DEFAULT 'enforce'::text",
	issuer:
		"url text, domain text, profile text DEFAULT 'rfc9068'::text, audiences text[] DEFAULT '{}'::text[], algorithms text[] DEFAULT '{ES256,EdDSA,RS256}'::text[], max_lifetime interval DEFAULT '01:00:00'::interval, binding text DEFAULT 'none'::text, jwks_uri text DEFAULT NULL::text, jwks jsonb DEFAULT NULL::jsonb, options jsonb DEFAULT '{}'::jsonb",
	segment:
		"name text, domain text, environment text, owner text, members text[], probes text[] DEFAULT '{}'::text[], path_exceptions text[] DEFAULT '{}'::text[], credential_upstream text DEFAULT 'keep'::text, trusted_proxy boolean DEFAULT false, enforcer boolean DEFAULT false, mode text DEFAULT 'enforce'::text, origins text[] DEFAULT '{}'::text[]",
	crossing:
		"name text, owner text, reason text, expires timestamp with time zone, source_domain text, destination_domain text, source_environment text DEFAULT NULL::text, destination_environment text DEFAULT NULL::text, flow text DEFAULT NULL::text",
	accept_crossing: "name text, owner text",
	allow:
		"name text, source text, destination text, owner text, methods text[] DEFAULT '{}'::text[], paths text[] DEFAULT '{}'::text[], grpc text[] DEFAULT '{}'::text[], hosts text[] DEFAULT '{}'::text[], scopes text[] DEFAULT '{}'::text[], scopes_any text[] DEFAULT '{}'::text[], condition text DEFAULT NULL::text, upgrade text DEFAULT NULL::text, valid tstzrange DEFAULT '(,)'::tstzrange, mode text DEFAULT 'enforce'::text, reason text DEFAULT NULL::text",
	deny: "name text, source text, destination text, owner text, methods text[] DEFAULT '{}'::text[], paths text[] DEFAULT '{}'::text[], grpc text[] DEFAULT '{}'::text[], hosts text[] DEFAULT '{}'::text[], scopes text[] DEFAULT '{}'::text[], scopes_any text[] DEFAULT '{}'::text[], condition text DEFAULT NULL::text, upgrade text DEFAULT NULL::text, valid tstzrange DEFAULT '(,)'::tstzrange, mode text DEFAULT 'enforce'::text, reason text DEFAULT NULL::text",
	rate_limit: "kind text, name text, per_second numeric, burst integer",
	remove: "kind text, name text",
	revoke_token: "issuer text, token_id text, reason text",
	revoke_before: "issuer text, issued_before timestamp with time zone, reason text, subject text DEFAULT NULL::text",
	quarantine:
		"kind text, name text, reason text, until timestamp with time zone DEFAULT NULL::timestamp with time zone",
	lift: "kind text, name text, reason text",
	register_token:
		"issuer text, token_id text, owner text, purpose text, expires timestamp with time zone, kind text DEFAULT 'registered'::text, subject text DEFAULT NULL::text, scopes text[] DEFAULT '{}'::text[], sources text[] DEFAULT '{}'::text[], destinations text[] DEFAULT '{}'::text[], networks cidr[] DEFAULT '{}'::cidr[], environment text DEFAULT NULL::text, device text DEFAULT NULL::text, windows jsonb DEFAULT '[]'::jsonb, not_before timestamp with time zone DEFAULT NULL::timestamp with time zone, binding text DEFAULT NULL::text, digest text DEFAULT NULL::text, issued_at timestamp with time zone DEFAULT NULL::timestamp with time zone",
	retire_token:
		"issuer text, token_id text, at timestamp with time zone, reason text, replaced_by text DEFAULT NULL::text",
	publish_key:
		"domain text, kid text, jwk jsonb, signs_from timestamp with time zone, reason text, until timestamp with time zone DEFAULT NULL::timestamp with time zone",
	withdraw_key: "domain text, kid text, until timestamp with time zone, reason text",
	policy_at: "revision bigint",
};

/** Arguments without a default. */
export function requiredArguments(name: string): string[] {
	return SIGNATURES[name]!.split(", ")
		.filter((argument) => !argument.includes("DEFAULT"))
		.map((argument) => argument.split(" ")[0]!);
}
