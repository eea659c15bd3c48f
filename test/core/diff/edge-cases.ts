/** What happens to edges when policies, segments and crossings change: cases for edges.test.ts. */
import type { PolicyRow } from "../../../src/core/model.ts";
import { crossing, domain, policy, type Rows, segment } from "../../support/policy-set.ts";
import { NOW } from "../../support/requests.ts";

export const segments = ["a", "b", "c"].map((name) => segment({ name }));
const elsewhere = segment({ name: "x", domain: "partner" });
const domains = [domain({ name: "internal" }), domain({ name: "partner" })];
const allow = (source: string, destination: string, row: Partial<PolicyRow> = {}) =>
	policy({ name: `${source}-${destination}`, source, destination, ...row });
const deny = (source: string, destination: string, row: Partial<PolicyRow> = {}) =>
	policy({ name: `no-${source}-${destination}`, source, destination, effect: "deny", methods: ["*"], ...row });
export const join = (row: Parameters<typeof crossing>[0] | object = {}) =>
	crossing({ name: "join", source_domain: "partner", destination_domain: "internal", ...row });

/** What happens to edges when the policies (and more) change from the one to the other. */
export const CASES: readonly [what: string, before: Rows, after: Rows, opened: unknown[], closed: unknown[]][] = [
	["nothing changes", { segments, policies: [allow("a", "b")] }, { segments, policies: [allow("a", "b")] }, [], []],
	["a policy is added", { segments }, { segments, policies: [allow("a", "b")] }, [["a", "b"]], []],
	["a policy is removed", { segments, policies: [allow("a", "b")] }, { segments }, [], [["a", "b"]]],
	[
		"a second policy for an open edge changes nothing",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), allow("a", "b", { name: "other" })] },
		[],
		[],
	],
	[
		"a policy moves to another destination",
		{ segments, policies: [allow("a", "b", { name: "p" })] },
		{ segments, policies: [allow("a", "c", { name: "p" })] },
		[["a", "c"]],
		[["a", "b"]],
	],
	[
		"what a policy demands on top changes no edge",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b", { scopes: ["read"], condition: "false" })] },
		[],
		[],
	],
	[
		"* opens for every segment that may meet",
		{ segments },
		{ segments, policies: [allow("*", "b")] },
		[["*", "b", ["a", "b", "c"]]],
		[],
	],
	[
		"* beside a policy by name opens only the rest",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" })] },
		[["*", "b", ["b", "c"]]],
		[],
	],
	[
		"a new segment is let in by *",
		{ segments: segments.slice(0, 2), policies: [allow("*", "b")] },
		{ segments, policies: [allow("*", "b")] },
		[["*", "b", ["c"]]],
		[],
	],
	[
		"a segment that goes closes its edges",
		{ segments, policies: [allow("*", "b"), allow("c", "a")] },
		{ segments: segments.slice(0, 2), policies: [allow("*", "b")] },
		[],
		[
			["c", "a"],
			["*", "b", ["c"]],
		],
	],
	[
		"a segment in another domain is not let in",
		{ domains, segments, policies: [allow("*", "b")] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "b")] },
		[],
		[],
	],
	[
		"a crossing opens what policies already allow",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "c")] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b"), allow("x", "c")], crossings: [join()] },
		[
			["*", "b", ["x"]],
			["x", "c"],
		],
		[],
	],
	[
		"a crossing that is not accepted opens nothing",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")] },
		{
			domains,
			segments: [...segments, elsewhere],
			policies: [allow("*", "b")],
			crossings: [join({ accepted: false })],
		},
		[],
		[],
	],
	[
		"a crossing that has ended opens nothing",
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")], crossings: [join()] },
		{ domains, segments: [...segments, elsewhere], policies: [allow("*", "b")], crossings: [join({ expires: NOW })] },
		[],
		[["*", "b", ["x"]]],
	],
	[
		"a segment that moves to another domain or environment",
		{ segments, policies: [allow("a", "b"), allow("*", "c")] },
		{
			segments: [segment({ name: "a", environment: "staging" }), ...segments.slice(1)],
			policies: [allow("a", "b"), allow("*", "c")],
		},
		[],
		[
			["a", "b"],
			["*", "c", ["a"]],
		],
	],
	[
		"a destination that moves closes what reached it",
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" })] },
		{
			segments: [segments[0]!, segment({ name: "b", environment: "dev" }), segments[2]!],
			policies: [allow("a", "b"), allow("*", "b", { name: "all" })],
		},
		[],
		[
			["*", "b", ["c"]],
			["a", "b"],
		],
	],
	[
		"anonymous is opened by name",
		{ segments },
		{ segments, policies: [allow("anonymous", "b")] },
		[["anonymous", "b"]],
		[],
	],
	[
		"anonymous is not meant by *",
		{ segments: [] },
		{ segments: [segments[0]!], policies: [allow("*", "a")] },
		[["*", "a", ["a"]]],
		[],
	],
	[
		"a deny of everything closes",
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), deny("a", "b")] },
		[],
		[["a", "b"]],
	],
	[
		"a deny of everything from * closes all, but not anonymous",
		{ segments, policies: [allow("a", "b"), allow("*", "b", { name: "all" }), allow("anonymous", "b")] },
		{
			segments,
			policies: [allow("a", "b"), allow("*", "b", { name: "all" }), allow("anonymous", "b"), deny("*", "b")],
		},
		[],
		[
			["*", "b", ["b", "c"]],
			["a", "b"],
		],
	],
	...(
		[
			["of one path", { paths: ["/v1"] }],
			["of one method", { methods: ["GET"] }],
			["of one host", { hosts: ["b.example.org"] }],
			["of who holds a scope", { scopes: ["read"] }],
			["of who holds one of some scopes", { scopes_any: ["read"] }],
			["under a condition", { condition: "false" }],
			["of an upgrade", { upgrade: "websocket" }],
			["that is monitored", { mode: "monitor" }],
			["that is not yet valid", { valid_from: NOW + 1 }],
			["that is over", { valid_until: NOW }],
		] as const
	).map(([what, row]): (typeof CASES)[number] => [
		`a deny ${what} closes nothing`,
		{ segments, policies: [allow("a", "b")] },
		{ segments, policies: [allow("a", "b"), deny("a", "b", row)] },
		[],
		[],
	]),
	[
		"an allow that is over opens nothing",
		{ segments },
		{ segments, policies: [allow("a", "b", { valid_until: NOW })] },
		[],
		[],
	],
	[
		"an allow that begins later opens",
		{ segments },
		{ segments, policies: [allow("a", "b", { valid_from: NOW + 1 })] },
		[["a", "b"]],
		[],
	],
	[
		"a monitored allow opens",
		{ segments },
		{ segments, policies: [allow("a", "b", { mode: "monitor" })] },
		[["a", "b"]],
		[],
	],
];
