/** The policy set of the simulated company, and the ways in which a commit changes it. */
import type { DomainRow, PolicyRow, PolicySet, SegmentRow } from "../../src/core/model.ts";
import { crossing, domain, issuer, policy, policySet, segment } from "../support/policy-set.ts";
import type { Random } from "./random.ts";

export const CHANGES = [
	"policy",
	"drop",
	"move",
	"sweep",
	"large",
	"members",
	"exceptions",
	"domain",
	"crossing",
	"issuer",
	"limit",
	"newcomer",
	"bad",
	"repair",
] as const;
export type ChangeKind = (typeof CHANGES)[number];

export const ISSUER = "https://id.example.org";
export const SEGMENTS = ["a", "b", "c", "d", "e"];
export const PATHS = ["/v1", "/v1/x", "/v2/x/y", "/"];
const TEMPLATES = ["/v1", "/v1/*", "/**", "/v2/**", "/{any}"];
const LARGE = 300;

export const workload = (name: string) => `spiffe://prod.example.org/${name}`;

export function firstSet(): PolicySet {
	const pairs = SEGMENTS.flatMap((source) => SEGMENTS.map((destination) => ({ source, destination })));
	return policySet(
		{
			domains: [domain({ name: "internal" }), domain({ name: "partner", flow: "mtls" })],
			issuers: [issuer({ url: ISSUER, domain: "internal" })],
			segments: SEGMENTS.map((name) =>
				segment({ name, domain: name === "e" ? "partner" : "internal", members: [workload(name)] }),
			),
			policies: pairs.map(({ source, destination }) =>
				policy({ name: `${source}-${destination}`, source, destination, paths: ["/v1"] }),
			),
		},
		0,
	);
}

/** The set after one commit. All that differs is a new row; `bad` sets never compile. */
export function changed(set: PolicySet, kinds: readonly ChangeKind[], tag: string, dice: Random): PolicySet {
	return kinds.reduce((before, kind) => EDITS[kind](before, dice, tag), set);
}

type Edit = (set: PolicySet, dice: Random, tag: string) => PolicySet;

const EDITS: Readonly<Record<ChangeKind, Edit>> = {
	policy: (set, dice) => put(set, [somePolicy(set, `p${dice.below(12)}`, dice)]),
	drop: (set, dice) => without(set, [dice.pick([...set.policies])?.name ?? ""]),
	move(set, dice) {
		const row = dice.pick([...set.policies]);
		const { name } = dice.pick(set.segments);
		return row && row.scopes.length === 0 ? put(set, [{ ...row, destination: name }]) : set;
	},
	/** One policy of every destination tells the commit: requests on two destinations show whether both are of it. */
	sweep: (set, _dice, tag) =>
		put(
			set,
			set.segments.map(({ name }) =>
				policy({ name: `tag-${name}`, source: "*", destination: name, methods: ["*"], paths: [`/tag/${tag}`] }),
			),
		),
	large(set, dice) {
		const rows = Array.from({ length: LARGE }, (_, index) => ({
			...somePolicy(set, `l${index}`, dice),
			paths: [`/l/${index}`],
		}));
		return dice.chance(0.3) ? without(set, new Set(rows.map(({ name }) => name))) : put(set, rows);
	},
	/** Two segments change their workloads, in one commit. */
	members(set, dice) {
		const [one, other] = [dice.pick(set.segments), dice.pick(set.segments)];
		return onSegments(set, (row) =>
			row === one ? { ...row, members: other.members } : row === other ? { ...row, members: one.members } : row,
		);
	},
	exceptions(set, dice) {
		const { name } = dice.pick(set.segments);
		const path_exceptions = dice.pick([[], ["semicolon"], ["encoded_slash"]] as const);
		return onSegments(set, (row) => (row.name === name ? { ...row, path_exceptions } : row));
	},
	domain: (set, dice) => ({
		...set,
		domains: set.domains.map(
			(row): DomainRow => ({
				...row,
				hidden: dice.chance(0.5),
				on_stale: dice.chance(0.2) ? "allow" : "deny",
				flow: row.name === "internal" ? dice.pick(["token", "mtls+token"]) : dice.pick(["mtls", "mtls+token"]),
			}),
		),
	}),
	crossing(set, dice) {
		const [source_domain, destination_domain] = dice.pick([
			["internal", "partner"],
			["partner", "internal"],
		] as const);
		const name = `${source_domain}-${destination_domain}`;
		const others = set.crossings.filter((row) => row.name !== name);
		const row = crossing({
			name,
			source_domain,
			destination_domain,
			accepted: dice.chance(0.8),
			flow: dice.pick([null, "mtls+token"]),
		});
		return { ...set, crossings: dice.chance(0.3) ? others : [...others, row] };
	},
	issuer: (set, dice) => ({
		...set,
		issuers: set.issuers.map((row) => ({ ...row, audiences: [`audience-${dice.below(5)}`] })),
	}),
	limit(set, dice) {
		const { name } = dice.pick(set.segments);
		const others = set.rate_limits.filter((row) => row.name !== name);
		const row = { kind: "segment", name, per_second: 1 + dice.below(9), burst: 10 } as const;
		return { ...set, rate_limits: dice.chance(0.3) ? others : [...others, row] };
	},
	/** A segment comes with its policies, or goes with whatever names it. */
	newcomer(set, dice) {
		if (set.segments.some(({ name }) => name === "n")) {
			const names = [...set.policies].filter(({ source, destination }) => source === "n" || destination === "n");
			const rest = without(set, new Set(names.map(({ name }) => name)));
			return {
				...rest,
				segments: rest.segments.filter(({ name }) => name !== "n"),
				rate_limits: rest.rate_limits.filter(({ name }) => name !== "n"),
			};
		}
		const row = segment({ name: "n", domain: dice.pick(["internal", "partner"]), members: [workload("n")] });
		const policies = SEGMENTS.map((source) => policy({ name: `${source}-n`, source, destination: "n" }));
		return put({ ...set, segments: [...set.segments, row] }, policies);
	},
	bad(set, dice) {
		const row = policy({ name: "bad", source: "a", destination: dice.pick(SEGMENTS) });
		const wrong: Partial<PolicyRow>[] = [
			{ condition: "nonsense(" },
			{ destination: "nowhere" },
			{ paths: ["no/path"] },
			{ owner: "somebody" },
		];
		const others = Array.from({ length: 1 + dice.below(3) }, (_, index) => somePolicy(set, `p${index}`, dice));
		return put(set, [...others, { ...row, ...dice.pick(wrong) }]);
	},
	repair: (set) => without(set, ["bad"]),
};

function somePolicy(set: PolicySet, name: string, dice: Random): PolicyRow {
	const source = dice.pick([...SEGMENTS, "*", "anonymous"]);
	const destination = dice.pick(set.segments);
	return policy({
		name,
		source,
		destination: destination.name,
		effect: dice.chance(0.8) ? "allow" : "deny",
		methods: dice.pick([["GET"], ["*"]]),
		paths: [dice.pick(TEMPLATES)],
		// Partners' flow may be one without tokens, and scopes would not compile then.
		scopes: destination.domain === "internal" && dice.chance(0.3) ? ["r"] : [],
		condition: dice.pick([null, null, "1 == 1", "1 == 2"]),
		mode: dice.chance(0.9) ? "enforce" : "monitor",
	});
}

function put(set: PolicySet, rows: readonly PolicyRow[]): PolicySet {
	const policies = new Map([...set.policies].map((row) => [row.name, row]));
	for (const row of rows) policies.set(row.name, row);
	return { ...set, policies: [...policies.values()] };
}

function without(set: PolicySet, names: Iterable<string>): PolicySet {
	const gone = new Set(names);
	return { ...set, policies: [...set.policies].filter(({ name }) => !gone.has(name)) };
}

const onSegments = (set: PolicySet, edit: (row: SegmentRow) => SegmentRow): PolicySet => ({
	...set,
	segments: set.segments.map(edit),
});
