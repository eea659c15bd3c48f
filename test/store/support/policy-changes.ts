/** Random changes of a small policy set, as calls of the schema's functions. Many are refused; what is left is a history. */
import fc from "fast-check";
import type { ClientBase } from "pg";
import { type Arguments, call, inTransaction } from "../schema/calls.ts";

type Call = readonly [name: string, args: Arguments];

const OWNERS = ["platform", "orders", "payments"];
const DOMAINS = ["internal", "public"];
const SEGMENTS = ["orders", "payments", "web"];
const ISSUER = "https://id.example.org";
const LIMITS = ["segment:orders", "source:orders", "domain:internal", `token:${ISSUER}`];

const owner = fc.constantFrom(...OWNERS);
const domain = fc.constantFrom(...DOMAINS);
const segment = fc.constantFrom(...SEGMENTS);
const mode = fc.constantFrom("enforce", "monitor");
const some = <Value>(...values: readonly Value[]) => fc.subarray([...values]);
/** Left out, or one of these. */
const maybe = <Value>(...values: readonly Value[]) => fc.constantFrom(undefined, ...values);
const reason = maybe("because", "it's 5 o'clock", "C:\\path", "two\nlines", "a\r\nb", "$$ ; -- /*", "ünïcode 🔥");
const selectors = ["a", "b", "c", "d"].map((name) => `spiffe://prod.example.org/ns/${name}/*`);

const calls: fc.Arbitrary<Call> = fc.oneof(
	record("owner", { name: owner }),
	record("domain", {
		name: domain,
		owner,
		flow: maybe("mtls", "mtls+bound-token"),
		hidden: maybe(true),
		mode: maybe("monitor"),
		audit: maybe("denials"),
	}),
	record("segment", {
		name: segment,
		domain,
		environment: fc.constantFrom("prod", "staging"),
		owner,
		members: some(...selectors),
		probes: maybe(["/healthz"], ["/a%20b", "/it's"]),
		path_exceptions: maybe(["utf8", "semicolon"]),
		enforcer: maybe(true),
		mode,
	}),
	record("issuer", {
		url: fc.constant(ISSUER),
		domain,
		audiences: fc.constantFrom(["api"], ["a", "b'c\\"]),
		max_lifetime: maybe("90 minutes", "0.25 seconds", "1 day"),
		jwks_uri: fc.constant(`${ISSUER}/keys`),
		options: maybe({ claim: "it's", deep: [1, 2.5, { a: null }] }),
	}),
	record("crossing", {
		name: fc.constant("join"),
		owner,
		reason: fc.constantFrom("check-out", "it's needed\nfor long"),
		expires: fc.constantFrom("2036-01-01T00:00:00Z", "2020-01-01T00:00:00.123456Z"),
		source_domain: fc.constant("public"),
		destination_domain: fc.constant("internal"),
		flow: maybe("mtls"),
	}),
	record("accept_crossing", { name: fc.constant("join"), owner }),
	fc.constantFrom("allow", "deny").chain((effect) =>
		record(effect, {
			name: fc.constantFrom("p1", "p2", "p3"),
			source: fc.constantFrom(...SEGMENTS, "*", "anonymous"),
			destination: segment,
			owner,
			methods: fc.constantFrom(["GET"], ["*"], ["GET", "M'ETHOD"]),
			paths: fc.constantFrom(
				["/**"],
				["/v1/{id}", "/v2/*"],
				Array.from({ length: 12 }, (_, i) => `/v1/long/path/${i}`),
			),
			scopes: maybe(["a:b", "it's"]),
			condition: maybe("request.path == '/it\\'s'", 'params.id == "a"\n|| true'),
			valid: maybe("[2026-01-01T00:00:00.5Z,)", "(,2027-01-01)", "[2026-01-01,2027-01-01)"),
			mode,
			reason,
		}),
	),
	fc.constantFrom(...LIMITS).chain((of) =>
		record("rate_limit", {
			kind: fc.constant(of.slice(0, of.indexOf(":"))),
			name: fc.constant(of.slice(of.indexOf(":") + 1)),
			per_second: fc.constantFrom("10", "0.1", "0.123456789012345678901", "1000000"),
			burst: fc.integer({ min: 1, max: 5 }),
		}),
	),
	fc.oneof(
		record("remove", { kind: fc.constant("policy"), name: fc.constantFrom("p1", "p2", "p3") }),
		record("remove", { kind: fc.constant("rate_limit"), name: fc.constantFrom(...LIMITS) }),
		record("remove", { kind: fc.constant("crossing"), name: fc.constant("join") }),
		record("remove", { kind: fc.constant("segment"), name: segment }),
		record("remove", { kind: fc.constant("issuer"), name: fc.constant(ISSUER) }),
		record("remove", { kind: fc.constant("domain"), name: domain }),
		record("remove", { kind: fc.constant("owner"), name: owner }),
	),
);

function record(name: string, args: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Call> {
	return fc
		.record(args)
		.map((values) => [name, Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))]);
}

/** Transactions of one to four calls. */
export const policyChanges: fc.Arbitrary<readonly (readonly Call[])[]> = fc.array(
	fc.array(calls, { minLength: 1, maxLength: 4 }),
	{ minLength: 5, maxLength: 40 },
);

/**
 * Makes them, each transaction as far as it is not refused.
 * @param more changes the arguments of a call
 */
export async function makeChanges(
	client: ClientBase,
	transactions: readonly (readonly Call[])[],
	more: (name: string, args: Arguments) => Arguments = (_name, args) => args,
): Promise<void> {
	for (const transaction of transactions) {
		await inTransaction(client, async () => {
			for (const [name, args] of transaction) {
				await client.query("savepoint one");
				await call(client, name, more(name, args)).catch(() => client.query("rollback to one"));
			}
		}).catch(() => undefined);
	}
}
