/** What can happen, as data: fast-check draws it, shrinks it, and prints it. */
import fc from "fast-check";
import { CHANGES, type ChangeKind } from "./company.ts";
import { MOODS, type Mood } from "./link.ts";
import { LANE_KINDS, type LaneKind, type QuarantinedKind } from "./revocations.ts";

/** How the hint of a commit travels: to every server, not at all, twice, or long after (and so after later ones). */
export const HINTS = ["prompt", "lost", "doubled", "late"] as const;
export type Hint = (typeof HINTS)[number];

export type Action =
	| { readonly kind: "commit"; readonly changes: readonly ChangeKind[]; readonly dice: number; readonly hint: Hint }
	| {
			readonly kind: "revoke";
			readonly what: LaneKind;
			readonly n: number;
			readonly lasts: number | null;
			readonly hint: Hint;
	  }
	| {
			readonly kind: "lift";
			readonly what: QuarantinedKind;
			readonly n: number;
			readonly hint: Hint;
	  }
	/** A row of a kind that servers do not know. */
	| { readonly kind: "foreign"; readonly hint: Hint }
	/** Rows that mean nothing any more go. */
	| { readonly kind: "prune" }
	/** Hints of nothing. */
	| { readonly kind: "hints"; readonly count: number }
	/** The network between one server, or all, and the store. */
	| { readonly kind: "network"; readonly server: number | null; readonly mood: Mood; readonly lasts: number }
	/** Postgres is down; listening connections end with an error or without a packet. */
	| { readonly kind: "outage"; readonly lasts: number; readonly loudly: boolean }
	/** A standby that is behind answers, and may be promoted afterwards. */
	| { readonly kind: "standby"; readonly ago: number; readonly lasts: number; readonly promoted: boolean }
	/** The database goes back to an older state: of another epoch, or of the same (a failover). */
	| { readonly kind: "restore"; readonly ago: number; readonly newEpoch: boolean; readonly hint: Hint }
	/** A listening connection ends, with an error or without a packet. */
	| { readonly kind: "cut"; readonly server: number; readonly loudly: boolean }
	| { readonly kind: "crash"; readonly server: number; readonly lasts: number }
	/** Every clock is later at once. */
	| { readonly kind: "jump"; readonly ms: number };

/** One thing that happens, so many milliseconds after the one before. */
export interface Step {
	readonly after: number;
	readonly action: Action;
}

export interface Story {
	/** Of everything that is not written out: delays, requests, how rows look. */
	readonly seed: number;
	readonly servers: number;
	readonly steps: readonly Step[];
}

const hint = fc.constantFrom(...HINTS);
const server = fc.nat({ max: 4 });
const n = fc.nat({ max: 29 });
const lasts = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 2_000, max: 40_000 }));
const ago = fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 12 }));
const of = <Kind extends string, Rest>(kind: Kind, rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> }) =>
	fc.record({ kind: fc.constant(kind), ...rest }) as unknown as fc.Arbitrary<Action>;

const action: fc.Arbitrary<Action> = fc.oneof(
	{
		weight: 12,
		arbitrary: of("commit", {
			changes: fc.array(fc.constantFrom(...CHANGES), { minLength: 1, maxLength: 4 }),
			dice: fc.nat(),
			hint,
		}),
	},
	{
		weight: 8,
		arbitrary: of("revoke", {
			what: fc.constantFrom<LaneKind>("token", "token", ...LANE_KINDS),
			n,
			lasts: fc.option(lasts, { freq: 2 }),
			hint,
		}),
	},
	{ weight: 4, arbitrary: of("lift", { what: fc.constantFrom("workload", "segment", "domain", "key"), n, hint }) },
	{ weight: 1, arbitrary: of("prune", {}) },
	{ weight: 1, arbitrary: of("hints", { count: fc.integer({ min: 1, max: 20 }) }) },
	{
		weight: 4,
		arbitrary: of("network", { server: fc.option(server), mood: fc.constantFrom(...MOODS), lasts }),
	},
	{ weight: 2, arbitrary: of("outage", { lasts, loudly: fc.boolean() }) },
	{ weight: 1, arbitrary: of("standby", { ago, lasts, promoted: fc.boolean() }) },
	{ weight: 2, arbitrary: of("restore", { ago, newEpoch: fc.boolean(), hint }) },
	{ weight: 2, arbitrary: of("cut", { server, loudly: fc.boolean() }) },
	{ weight: 2, arbitrary: of("crash", { server, lasts }) },
	{
		weight: 1,
		arbitrary: of("jump", {
			ms: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 10_000, max: 120_000 })),
		}),
	},
);

const rare: fc.Arbitrary<Action> = of("foreign", { hint });

export const stories: fc.Arbitrary<Story> = fc.record({
	seed: fc.nat(),
	servers: fc.integer({ min: 3, max: 5 }),
	steps: fc.array(
		fc.record({
			after: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 3_000 })),
			action: fc.oneof({ weight: 200, arbitrary: action }, { weight: 1, arbitrary: rare }),
		}),
		{ maxLength: 50, size: "max" },
	),
});

/** The whole story in lines, for people. */
export function tell({ seed, servers, steps }: Story): string {
	const lines = steps.map(({ after, action: { kind, ...rest } }) => {
		const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
		return `  +${after} ms ${kind} ${details.join(" ")}`.trimEnd();
	});
	return [`story of ${servers} servers, seed ${seed}:`, ...lines].join("\n");
}
