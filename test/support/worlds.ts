/** Random companies, requests and credentials: small enough that rules collide, and conditions that the oracle knows. */
import fc from "fast-check";
import type { CrossingRow, DomainRow, PolicyRow, PolicySet, SegmentRow } from "../../src/core/model.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { CONDITIONS } from "./oracle.ts";
import { crossing, domain, policy, policySet, segment } from "./policy-set.ts";
import { NOW, requestOf, tokenFacts } from "./requests.ts";

const DOMAINS = ["internal", "partner"];
const ENVIRONMENTS = ["prod", "staging"];
const SEGMENTS = ["a", "b", "c", "d"];
const SCOPES = ["r", "w"];
const PATHS = ["/", "/x", "/x/y", "/x/", "/x/y/z", "/y", "/p.S/M", "/p.S/N", "/healthz"];
const TEMPLATES = ["/", "/x", "/x/*", "/x/{id}", "/*/y", "/x/**", "/**", "/{a}/{b}/z", "/x/", "/y"];
const INSTANTS = [null, NOW - 1, NOW, NOW + 1];
const mode = fc.constantFrom("enforce", "enforce", "enforce", "monitor") as fc.Arbitrary<"enforce" | "monitor">;

const domains: fc.Arbitrary<DomainRow[]> = fc.tuple(
	...DOMAINS.map((name) =>
		fc
			.record({ flow: fc.constantFrom("mtls", "token", "mtls+token"), hidden: fc.boolean(), mode })
			.map((some) => domain({ name, ...(some as Partial<DomainRow>) })),
	),
);

const segments: fc.Arbitrary<SegmentRow[]> = fc.tuple(
	...SEGMENTS.map((name) =>
		fc
			.record({
				domain: fc.constantFrom(...DOMAINS),
				environment: fc.constantFrom(...ENVIRONMENTS),
				probes: fc.constantFrom([], ["/healthz"]),
				mode,
				members: fc.constantFrom(
					[`spiffe://t/${name}`],
					[`spiffe://t/${name}/*`],
					[`spiffe://t/all/${name}`, `spiffe://t/${name}`],
				),
			})
			.map((some) =>
				segment({ name, ...some, members: name === "d" ? [...some.members, "spiffe://t/*"] : some.members }),
			),
	),
);

const crossings: fc.Arbitrary<CrossingRow[]> = fc
	.array(
		fc.record({
			source_domain: fc.constantFrom(...DOMAINS),
			destination_domain: fc.constantFrom(...DOMAINS),
			environments: fc.constantFrom(null, ["prod", "prod"], ["prod", "staging"], ["staging", "prod"]),
			accepted: fc.boolean(),
			expires: fc.constantFrom(NOW, NOW + 1),
			flow: fc.constantFrom(null, "mtls+token", "mtls"),
		}),
		{ maxLength: 5 },
	)
	.map((rows) => {
		const seen = new Set<string>();
		return rows.flatMap(({ environments, ...row }, index) => {
			const [source = null, destination = null] = environments ?? [];
			const key = [row.source_domain, row.destination_domain, source, destination].join();
			const inside = row.source_domain === row.destination_domain && source === destination;
			if (inside || seen.has(key)) return [];
			seen.add(key);
			const named = { source_environment: source, destination_environment: destination };
			return [crossing({ name: `c${index}`, ...(row as Omit<CrossingRow, "name">), ...named })];
		});
	});

const policies: fc.Arbitrary<PolicyRow[]> = fc
	.array(
		fc.record({
			source: fc.constantFrom(...SEGMENTS, "*", "*", "anonymous"),
			destination: fc.constantFrom(...SEGMENTS),
			effect: fc.constantFrom("allow", "allow", "deny"),
			methods: fc.constantFrom(["GET"], ["*"], ["POST", "GET"]),
			paths: fc.uniqueArray(fc.constantFrom(...TEMPLATES), { minLength: 1, maxLength: 3 }),
			grpc: fc.constantFrom([], [], ["p.S/M"], ["p.S/*"], ["*"]),
			hosts: fc.constantFrom([], [], ["h1"]),
			scopes: fc.subarray(SCOPES),
			scopes_any: fc.constantFrom([], [], SCOPES),
			condition: fc.constantFrom(null, null, ...Object.keys(CONDITIONS)),
			valid_from: fc.constantFrom(...INSTANTS),
			valid_until: fc.constantFrom(...INSTANTS),
			mode,
		}),
		{ maxLength: 40 },
	)
	.map((rows) =>
		rows.map((row, index) => policy({ name: `p${index}`, ...(row as unknown as Omit<PolicyRow, "name">) })),
	);

export const worlds: fc.Arbitrary<PolicySet> = fc.record({ domains, segments, crossings, policies }).map((rows) => {
	// Scopes where no token is read do not compile; that refusal has its own test.
	const plain = new Set(rows.domains.filter(({ flow }) => flow === "mtls").map(({ name }) => name));
	const home = new Map(rows.segments.map((row) => [row.name, row.domain]));
	const fit = (row: PolicyRow) =>
		plain.has(home.get(row.destination)!) ? { ...row, scopes: [], scopes_any: [] } : row;
	return policySet({ ...rows, policies: rows.policies.map(fit) });
});

export const requests = fc
	.record({
		from: fc.constantFrom(
			null,
			"bad id",
			"spiffe://u/a",
			...SEGMENTS.flatMap((name) => [`spiffe://t/${name}`, `spiffe://t/${name}/x`, `spiffe://t/all/${name}`]),
		),
		to: fc.constantFrom(...SEGMENTS, ...SEGMENTS, "nowhere"),
		method: fc.constantFrom("GET", "POST", "HEAD", "DELETE"),
		path: fc.constantFrom(...PATHS),
		host: fc.constantFrom("h1", "h2"),
	})
	.map(requestOf);

export const credentials: fc.Arbitrary<CredentialVerdict> = fc.oneof(
	fc
		.subarray(SCOPES)
		.chain((allScopes) => fc.subarray(allScopes).map((scopes) => tokenFacts({ scopes, allScopes })))
		.map((token) => ({ kind: "token" as const, token })),
	fc.constantFrom("token_missing" as const, "token_invalid" as const, "token_revoked" as const).map((reason) => ({
		kind: "refused" as const,
		reason,
		detail: "x",
	})),
);
