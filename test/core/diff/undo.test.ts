import { describe, expect, test } from "@jest/globals";
import { takers } from "../../../src/core/diff/claims.ts";
import type { ObjectChange, ObjectSpec } from "../../../src/core/diff/objects.ts";
import { type LookUp, planUndo } from "../../../src/core/diff/undo.ts";

const NAMES: Readonly<Record<string, string>> = { issuer: "url" };
const change = (kind: ObjectChange["kind"], before: ObjectSpec | null, after: ObjectSpec | null): ObjectChange => {
	const spec = (before ?? after)!;
	const name = kind === "rate_limit" ? `${spec.kind}:${spec.name}` : String(spec[NAMES[kind] ?? "name"]);
	return { kind, name, before, after };
};

const segment = (name: string, owner: string, members: string[] = [`spiffe://t/${name}`], domain = "d") => ({
	name,
	owner,
	domain,
	members,
});
const policy = (name: string, owner: string, rest: ObjectSpec = {}) => ({ name, owner, ...rest });
const domain = (name: string, owner: string) => ({ name, owner });
const crossing = (owner: string, accepted: boolean, reason = "r") => ({
	name: "join",
	owner,
	reason,
	source_domain: "s",
	destination_domain: "d",
	accepted,
});

/** What is there now: whatever the changes leave, and domain `d` of owner `dora`. */
const presentOf =
	(changes: readonly ObjectChange[]): LookUp =>
	(kind, name) => {
		const changed = changes.find((one) => one.kind === kind && one.name === name);
		if (changed) return changed.after;
		return kind === "domain" ? domain(name, "dora") : null;
	};

function plan(changes: readonly ObjectChange[], only: string | null = null) {
	const { files, left } = planUndo(changes, { present: presentOf(changes), operators: "ops", only });
	const lines = files.map((steps) => [
		steps[0]!.owner,
		...steps.map(({ call, kind, name }) => `${call.do} ${kind} ${name}`),
	]);
	for (const steps of files) expect(new Set(steps.map(({ owner }) => owner)).size).toBe(1);
	return { lines, left: left.map(({ kind, name, owner }) => `${kind} ${name}, ${owner}`) };
}

describe("planUndo", () => {
	test("one owner's changes are one file: what goes before what comes, each behind what it refers to", () => {
		const { lines } = plan([
			change("policy", policy("b", "ann"), null),
			change("policy", null, policy("c", "ann")),
			change("policy", policy("a", "ann", { mode: "x" }), policy("a", "ann", { mode: "y" })),
			change("segment", segment("s", "ann"), null),
			change("segment", null, segment("t", "ann")),
		]);
		expect(lines).toEqual([
			["ann", "remove policy c", "remove segment t", "state segment s", "state policy a", "state policy b"],
		]);
	});

	test("what had become of each object, and in which fields", () => {
		const { files } = planUndo(
			[
				change("policy", policy("a", "ann", { mode: "x" }), policy("a", "ann", { mode: "y" })),
				change("policy", null, policy("b", "ann")),
				change("policy", policy("c", "ann"), null),
			],
			{ present: () => null, operators: "ops", only: null },
		);
		expect(files[0]!.map(({ name, change: was, fields }) => [name, was, fields])).toEqual([
			["b", "added", []],
			["a", "altered", ["mode"]],
			["c", "removed", []],
		]);
	});

	test("owners and domains are for operators: they come first and go last", () => {
		expect(
			plan([
				change("owner", { name: "ann", role: null }, null),
				change("owner", null, { name: "old", role: null }),
				change("domain", domain("e", "ann"), null),
				change("segment", segment("s", "ann", [], "e"), null),
				change("segment", null, segment("o", "old")),
			]).lines,
		).toEqual([
			["ops", "state owner ann", "state domain e"],
			["ann", "state segment s"],
			["old", "remove segment o"],
			["ops", "remove owner old"],
		]);
	});

	test("owners who do not wait for each other have one file each", () => {
		const { lines } = plan([
			change("policy", policy("a", "ann"), null),
			change("policy", null, policy("b", "bob")),
			change("policy", policy("c", "bob"), null),
			change("policy", null, policy("d", "ann")),
		]);
		expect(lines).toEqual([
			["ann", "remove policy d", "state policy a"],
			["bob", "remove policy b", "state policy c"],
		]);
	});

	test("what has gone to another owner is given up before it comes back", () => {
		const changes = [
			change("segment", segment("s", "ann"), segment("s", "bob")),
			change("policy", policy("p", "ann"), policy("p", "bob")),
			change("policy", policy("q", "ann"), null),
		];
		expect(plan(changes).lines).toEqual([
			["bob", "remove policy p", "remove segment s"],
			["ann", "state segment s", "state policy p", "state policy q"],
		]);
		expect(plan(changes, "ann")).toEqual({
			lines: [["ann", "state policy q"]],
			left: ["segment s, bob", "policy p, bob"],
		});
		expect(plan(changes, "bob")).toEqual({ lines: [], left: ["segment s, ann", "policy p, ann"] });
		expect(plan(changes, "ops")).toEqual({ lines: [], left: [] });
	});

	test("an issuer is its domain's owner's, as the domain is once it is back", () => {
		const issuer = { url: "https://i", domain: "e" };
		expect(
			plan([change("domain", domain("e", "ann"), domain("e", "bob")), change("issuer", issuer, null)]).lines,
		).toEqual([
			["ops", "state domain e"],
			["ann", "state issuer https://i"],
		]);
	});

	test("a rate limit comes behind what it bounds, and goes before it", () => {
		const limit = (kind: string, name: string) => ({ kind, name });
		expect(
			plan([
				change("segment", segment("s", "ann"), null),
				change("rate_limit", limit("source", "s"), null),
				change("rate_limit", limit("segment", "s"), null),
				change("rate_limit", limit("domain", "d"), null),
			]).lines,
		).toEqual([
			["ann", "state segment s", "state rate_limit segment:s"],
			["dora", "state rate_limit domain:d", "state rate_limit source:s"],
		]);
		expect(
			plan([change("segment", null, segment("s", "ann")), change("rate_limit", null, limit("source", "s"))]).lines,
		).toEqual([
			["dora", "remove rate_limit source:s"],
			["ann", "remove segment s"],
		]);
	});

	test("a segment takes workloads over only when their owner has given them up", () => {
		expect(
			plan([
				change("segment", segment("a", "ann", ["spiffe://t/x"]), segment("a", "ann", [])),
				change("segment", segment("z", "zoe", []), segment("z", "zoe", ["spiffe://t/x"])),
				change("policy", policy("p", "zoe"), null),
			]).lines,
		).toEqual([
			["zoe", "state segment z", "state policy p"],
			["ann", "state segment a"],
		]);
	});

	describe("a crossing and the consent to it", () => {
		test.each<[string, ObjectSpec | null, ObjectSpec | null, string[][]]>([
			[
				"consent was withdrawn since",
				crossing("ann", true),
				crossing("ann", false),
				[["dora", "accept crossing join"]],
			],
			["consent was given since", crossing("ann", false), crossing("ann", true), [["dora", "withdraw crossing join"]]],
			[
				"it was changed since",
				crossing("ann", false, "a"),
				crossing("ann", true, "b"),
				[["ann", "state crossing join"]],
			],
			[
				"it was changed and consented to anew",
				crossing("ann", true, "a"),
				crossing("ann", true, "b"),
				[
					["ann", "state crossing join"],
					["dora", "accept crossing join"],
				],
			],
			[
				"both sides are one owner's",
				crossing("dora", true),
				null,
				[["dora", "state crossing join", "accept crossing join"]],
			],
			["it was added since", null, crossing("ann", true), [["ann", "remove crossing join"]]],
		])("%s", (_what, before, after, expected) => {
			expect(plan([change("crossing", before, after)]).lines).toEqual(expected);
		});

		test("is for the present owner of the domain, when only a part comes back", () => {
			const changes = [
				change("crossing", crossing("ann", true), crossing("ann", false)),
				change("domain", domain("d", "ann"), domain("d", "bob")),
			];
			expect(plan(changes).lines).toEqual([
				["ops", "state domain d"],
				["ann", "accept crossing join"],
			]);
			expect(plan(changes, "ann").lines).toEqual([]);
			expect(plan(changes, "bob").lines).toEqual([["bob", "accept crossing join"]]);
		});
	});
});

describe("takers", () => {
	const names = (...changes: ObjectChange[]) => [...takers(changes)];
	const gives = (selector: string, owner = "bob") =>
		change("segment", segment("giver", owner, []), segment("giver", owner, [selector]));
	const wants = (...members: string[]) => change("segment", segment("taker", "ann", members), null);

	test.each([
		["the very same", "spiffe://t/a/b", "spiffe://t/a/b", true],
		["a wider one", "spiffe://t/a/b", "spiffe://t/a/*", true],
		["a narrower one", "spiffe://t/a/*", "spiffe://t/a/b/c", true],
		["the whole trust domain", "spiffe://t/a", "spiffe://t/*", true],
		["another", "spiffe://t/a", "spiffe://t/ab", false],
		["one beside", "spiffe://t/a/*", "spiffe://t/ab/c", false],
		["another trust domain", "spiffe://t/a", "spiffe://u/*", false],
	])("%s: %s wanted, %s held", (_what, wanted, held, taken) => {
		expect(names(wants(wanted), gives(held))).toEqual(taken ? ["taker"] : []);
		expect(names(wants(wanted), gives(held, "ann"))).toEqual([]);
	});

	test("what a segment has already it does not take", () => {
		const kept = change(
			"segment",
			segment("taker", "ann", ["spiffe://t/a"]),
			segment("taker", "ann", ["spiffe://t/a"]),
		);
		expect(names(kept, gives("spiffe://t/*"))).toEqual([]);
	});
});
