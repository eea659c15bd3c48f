/**
 * The story that the demo tells and that test/e2e/story.test.ts holds: who asks whom for what, with which credential, and the
 * answer that the policies in migrations/policy owe them.
 */
import type { Reason } from "../src/core/reasons.ts";
import type { TokenRecipe } from "./issuers.ts";

export interface Line {
	/** The row of the story; some rows are several lines. */
	readonly row: number;
	/** What it shows, in a sentence. */
	readonly shows: string;
	/** The service that calls; null shows no certificate. */
	readonly from: string | null;
	/** The service that is called. */
	readonly to: string;
	/** `GET` by default. */
	readonly method?: string;
	readonly path: string;
	/** In few words, what it brings along; scopes stand for a good token that has them. */
	readonly brings: string;
	readonly token?: TokenRecipe;
	readonly headers?: Readonly<Record<string, string>>;
	readonly expect: Expectation;
}

/** What of a line is shown, and what its answer is held against. */
export type Shown = Omit<Line, "token" | "headers">;

export interface Expectation {
	readonly status: number;
	readonly reason: Reason;
	/** The stable word that tells the cause apart, for operators. */
	readonly detail?: string;
	/** The policy that decided. */
	readonly policy?: string;
	/** Under monitor: the reason that it would have been denied for. */
	readonly would?: Reason;
	/** WWW-Authenticate; none when absent. */
	readonly challenge?: string;
	/** Headers as the upstream sees them; null is absent. */
	readonly upstream?: Readonly<Record<string, string | null>>;
}

const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const PAYMENT = "/v1/payments/7";

/** What orders' own tokens say. */
const OF_ORDERS: TokenRecipe = { issuer: "internal", subject: "orders", scope: "payments:read" };
const INVALID = 'Bearer realm="firebreak", error="invalid_token"';

const BARE = { from: "orders", to: "payments", path: PAYMENT } as const;
const READ: Line = {
	...BARE,
	row: 1,
	shows: "orders reads a payment, and payments learns who it is from Firebreak",
	brings: "payments:read",
	token: OF_ORDERS,
	expect: {
		status: 200,
		reason: "allowed",
		policy: "orders-reads-payments",
		upstream: {
			"x-firebreak-principal": ORDERS,
			"x-firebreak-source": "orders",
			"x-firebreak-subject": "orders",
			"x-firebreak-subject-kind": "client",
		},
	},
};

/** Paths that are read one way by one program and another way by the next. */
const AMBIGUOUS: readonly (readonly [path: string, detail: string])[] = [
	["/v1/payments/../admin", "dot_segment"],
	["/v1/payments/%2e%2e/admin", "encoded_dot"],
	["/v1//payments/7", "double_slash"],
	["/v1/payments/7;v=1", "semicolon"],
];

/** Rows 1 to 19: each stands for itself, in any order. */
export const STORY: readonly Line[] = [
	READ,
	{
		...BARE,
		row: 2,
		shows: "an identity alone is not enough in a domain whose flow is mtls+token",
		brings: "no token",
		expect: { status: 401, reason: "token_missing", detail: "absent", challenge: 'Bearer realm="firebreak"' },
	},
	{
		...READ,
		row: 3,
		shows: "the challenge names the scope that is missing",
		brings: "orders:read",
		token: { ...OF_ORDERS, scope: "orders:read" },
		expect: {
			status: 403,
			reason: "scope_missing",
			policy: "orders-reads-payments",
			challenge: 'Bearer realm="firebreak", error="insufficient_scope", scope="payments:read"',
		},
	},
	{
		...READ,
		row: 4,
		shows: "a token ends with its lifetime",
		brings: "expired token",
		token: { ...OF_ORDERS, lifetime: -60 },
		expect: { status: 401, reason: "token_invalid", detail: "expired", challenge: INVALID },
	},
	{
		...READ,
		row: 5,
		shows: "the issuer's name and key id, but a stranger's key",
		brings: "stranger's token",
		token: { ...OF_ORDERS, forged: true },
		expect: { status: 401, reason: "token_invalid", detail: "signature", challenge: INVALID },
	},
	{
		...READ,
		row: 6,
		shows: "a good token, made for someone else's API",
		brings: "token for others",
		token: { ...OF_ORDERS, audience: "https://mail.example.org" },
		expect: { status: 401, reason: "token_invalid", detail: "audience", challenge: INVALID },
	},
	{
		...READ,
		row: 7,
		shows: "nothing says that orders may delete, so it may not",
		method: "DELETE",
		expect: { status: 403, reason: "no_policy" },
	},
	{
		...READ,
		row: 8,
		shows: "the token moves, the identity does not",
		from: "storefront",
		brings: "orders' token",
		expect: { status: 403, reason: "no_policy" },
	},
	...AMBIGUOUS.map(
		([path, detail]): Line => ({
			...READ,
			row: 9,
			shows: "a path with two readings is refused, never repaired",
			path,
			expect: { status: 400, reason: "ambiguous_request", detail },
		}),
	),
	{
		...READ,
		row: 10,
		shows: "staging never reaches prod, whatever it brings along",
		from: "orders-staging",
		expect: { status: 403, reason: "environment_crossing", detail: "absent" },
	},
	{
		row: 11,
		shows: "for a domain that no crossing lets in, a hidden domain does not exist",
		from: "partner-gateway",
		to: "orders",
		path: "/v1/orders/7",
		brings: "partner's token",
		token: { issuer: "partner", subject: "partner-gateway", scope: "orders:read" },
		expect: { status: 404, reason: "crossing_missing", detail: "absent" },
	},
	{
		row: 12,
		shows: "from one domain to another through an accepted crossing, with a token of the destination's issuer",
		from: "storefront",
		to: "partner-gateway",
		path: "/v1/offers",
		brings: "partner's token",
		token: { issuer: "partner", subject: "storefront", scope: "offers:read" },
		expect: {
			status: 200,
			reason: "allowed",
			policy: "storefront-reads-offers",
			upstream: { "x-firebreak-source": "storefront", "x-firebreak-subject": "storefront" },
		},
	},
	{
		row: 13,
		shows: "only the destination domain's issuers count",
		from: "storefront",
		to: "partner-gateway",
		path: "/v1/offers",
		brings: "internal token",
		token: { issuer: "internal", subject: "storefront", scope: "offers:read" },
		expect: { status: 401, reason: "token_invalid", detail: "issuer", challenge: INVALID },
	},
	{
		...READ,
		row: 14,
		shows: "a token alone is not enough either",
		from: null,
		brings: "orders' token",
		expect: { status: 401, reason: "identity_missing", challenge: 'Bearer realm="firebreak"' },
	},
	{
		row: 15,
		shows: "a probe needs nothing, on the one path that the segment names",
		from: null,
		to: "payments",
		path: "/healthz",
		brings: "nothing",
		expect: {
			status: 200,
			reason: "allowed_probe",
			upstream: { "x-firebreak-principal": null, "x-firebreak-source": null, "x-firebreak-subject": null },
		},
	},
	{
		...READ,
		row: 16,
		shows: "an explicit deny beats the wider allow of row 1",
		path: `${PAYMENT}/card`,
		expect: { status: 403, reason: "policy_denied", policy: "nobody-reads-cards" },
	},
	{
		row: 17,
		shows: "under a monitored policy the denial that would have been is recorded, and the request passes",
		from: "analytics",
		to: "payments",
		path: "/v1/reports/daily",
		brings: "reports:read",
		token: { issuer: "internal", subject: "analytics", scope: "reports:read" },
		expect: {
			status: 200,
			reason: "allowed_monitor",
			policy: "analytics-reads-reports",
			would: "scope_missing",
			upstream: { "x-firebreak-source": "analytics" },
		},
	},
	{
		...READ,
		row: 18,
		shows: "what a client claims about itself is overwritten or removed",
		brings: "claims to be root",
		headers: { "x-firebreak-subject": "root", "x-firebreak-subject-kind": "user", "x-firebreak-role": "admin" },
		expect: {
			...READ.expect,
			upstream: { ...READ.expect.upstream, "x-firebreak-role": null },
		},
	},
	{
		...READ,
		row: 19,
		shows: "a condition holds the path's account against the token's",
		path: "/v1/accounts/7/statements",
		brings: "account 8's token",
		token: { ...OF_ORDERS, claims: { account: "8" } },
		expect: { status: 403, reason: "no_policy" },
	},
];

const REFUND: Line = {
	...READ,
	row: 20,
	shows: "refused before the migration that allows it",
	method: "POST",
	path: `${PAYMENT}/refunds`,
	brings: "payments:refund",
	token: { ...OF_ORDERS, scope: "payments:refund" },
	expect: { status: 403, reason: "no_policy" },
};

/** Row 20: one request, before and after a migration that is applied while it is sent again and again. */
export const CHANGE = {
	before: REFUND,
	after: {
		...REFUND,
		shows: "passes as soon as the migration is committed, without a restart",
		expect: { status: 200, reason: "allowed", policy: "orders-refunds-payments" },
	} satisfies Line as Line,
	migration: {
		owner: "payments",
		slug: "orders_refunds_payments",
		sql: `select firebreak.allow(
	name => 'orders-refunds-payments',
	source => 'orders',
	destination => 'payments',
	owner => 'payments',
	methods => array['POST'],
	paths => array['/v1/payments/{id}/refunds'],
	scopes => array['payments:refund'],
	reason => 'returned goods are paid back'
);
`,
	},
	/** Makes the request of row 20 one that is refused, whatever an earlier demo left behind. */
	undo: "select firebreak.remove(kind => 'policy', name => 'orders-refunds-payments');\n",
} as const;

/** Row 21: the request of row 1, with Postgres stopped. */
export const OUTAGE: Line = { ...READ, row: 21, shows: "Postgres is stopped, and what is known goes on" };
