/** The simulation can fail: each bug that is planted here is found, by the invariant that is about it. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { EMPTY_SNAPSHOT } from "../../src/core/compile/compile.ts";
import { CORE_COMPILER } from "../../src/store/follow/loader.ts";
import type { Head } from "../../src/store/head.ts";
import { stories } from "./actions.ts";
import { type Invariant, Violation } from "./invariants.ts";
import type { Sabotage } from "./server.ts";
import { World } from "./world.ts";

/** At most so many until a bug is found. */
const STORIES = 100;

interface Bug {
	readonly name: string;
	/** What it violates: one of these finds it. */
	readonly found: readonly Invariant[];
	readonly sabotage: () => Sabotage;
}

const BUGS: readonly Bug[] = [
	{
		name: "shards are swapped one by one",
		found: ["one revision"],
		sabotage: () => ({
			view(view, before) {
				const old = before?.snapshot ?? EMPTY_SNAPSHOT;
				if (old.shards.size === 0 || old.revision === view.snapshot.revision) return view;
				const [first] = old.shards;
				const shards = new Map(view.snapshot.shards).set(first![0], first![1]);
				return { ...view, snapshot: { ...view.snapshot, shards } };
			},
		}),
	},
	{
		name: "segments are those of the next revision",
		found: ["one revision"],
		sabotage: () => ({
			compiler: {
				...CORE_COMPILER,
				*changes(base, changes) {
					const result = yield* CORE_COMPILER.changes(base, changes);
					return result.ok ? { ok: true, snapshot: { ...result.snapshot, members: base.members } } : result;
				},
			},
		}),
	},
	{
		name: "changes leave out what was dropped",
		found: ["one revision"],
		sabotage: () => ({
			compiler: {
				...CORE_COMPILER,
				changes: (base, changes) =>
					CORE_COMPILER.changes(base, { ...changes, policies: { put: changes.policies.put, drop: [] } }),
			},
		}),
	},
	{
		name: "a snapshot is changed in place",
		found: ["one revision", "decision"],
		sabotage: () => ({
			compiler: {
				...CORE_COMPILER,
				*changes(base, changes) {
					const result = yield* CORE_COMPILER.changes(base, changes);
					const [shard] = base.shards.keys();
					if (shard !== undefined) (base.shards as Map<string, unknown>).delete(shard);
					return result;
				},
			},
		}),
	},
	{
		name: "what does not compile is adopted without the parts at fault",
		found: ["no refused revision"],
		sabotage: () => ({
			compiler: {
				...CORE_COMPILER,
				*changes(base, changes) {
					const result = yield* CORE_COMPILER.changes(base, changes);
					return result.ok ? result : { ok: true, snapshot: { ...base, revision: changes.revision } };
				},
			},
		}),
	},
	{
		name: "after a change of epoch the lane is not looked at",
		found: ["lane confirmed", "revocation bound", "ends at head"],
		sabotage: () => ({
			source(source) {
				let first: Head | null = null;
				return patched(source, {
					async readHead() {
						const head = await source.readHead();
						first ??= head;
						return head.epoch === first.epoch ? head : { ...head, seq: 0 };
					},
				});
			},
		}),
	},
	{
		name: "revocations are lost on the way",
		found: ["lane confirmed", "revocation bound", "ends at head"],
		sabotage: () => ({
			source: (source) =>
				patched(source, {
					async loadLane(seq) {
						const { head, rows } = await source.loadLane(seq);
						return { head, rows: rows.filter((row) => row.kind !== "revoke_token" || row.seq % 2 === 0) };
					},
				}),
		}),
	},
	{
		name: "silence counts as confirmation",
		found: ["lane confirmed", "policy confirmed", "revocation bound"],
		sabotage: () => ({
			view: (view, _before, clock) => ({ ...view, laneConfirmedAt: clock(), policyConfirmedAt: clock() }),
		}),
	},
	{
		name: "neither lane ever counts as too old",
		found: ["policy age", "revocation bound", "decision"],
		sabotage: () => ({ ages: { maxPolicyAge: Number.POSITIVE_INFINITY, maxRevocationAge: Number.POSITIVE_INFINITY } }),
	},
	{
		name: "the lane is asked for too rarely",
		found: ["revocation bound"],
		sabotage: () => ({
			source(source, clock) {
				let last: { readonly head: Head; readonly at: number } | null = null;
				return patched(source, {
					async readHead() {
						if (last !== null && clock() - last.at < 5_000) throw new Error("not now");
						last = { head: await source.readHead(), at: clock() };
						return last.head;
					},
				});
			},
		}),
	},
	{
		name: "what it once revoked stays revoked after a restore",
		found: ["ends at head", "decision"],
		sabotage: () => ({
			view: (view, before) => (before === null || before.lane.seq === 0 ? view : { ...view, lane: before.lane }),
		}),
	},
	{
		name: "policy is not followed behind the first revision",
		found: ["ends at head", "policy age", "policy confirmed"],
		sabotage: () => ({
			source(source) {
				let first: number | null = null;
				return patched(source, {
					async readHead() {
						const head = await source.readHead();
						first ??= head.revision;
						return { ...head, revision: first };
					},
				});
			},
		}),
	},
	{
		name: "refusals are not told",
		found: ["ends at head"],
		sabotage: () => ({
			compiler: {
				...CORE_COMPILER,
				*changes(base, changes) {
					const result = yield* CORE_COMPILER.changes(base, changes);
					return result.ok ? result : { ok: false, problems: [] };
				},
			},
		}),
	},
	{
		name: "a view cannot be read",
		found: ["nothing throws"],
		sabotage: () => ({
			view(view) {
				if (view.lane.seq > 2) throw new Error("broken");
				return view;
			},
		}),
	},
	{
		name: "a call is waited for without end",
		found: ["nothing throws"],
		sabotage: () => ({ source: (source) => patched(source, { listen: () => new Promise(() => undefined) }) }),
	},
];

test.each(BUGS)("found: $name", async ({ found, sabotage }) => {
	const others: unknown[] = [];
	for (const story of fc.sample(stories, { numRuns: STORIES, seed: 1 })) {
		const violation = await new World(story, sabotage()).run().catch((error: unknown) => error);
		if (violation instanceof Violation && found.includes(violation.invariant)) return;
		if (violation !== undefined) others.push(violation);
	}
	throw new Error(`it was not found by what it violates: ${others.join("\n")}`);
});

test("what fails is told as a short story that fails again", async () => {
	const { sabotage } = BUGS[0]!;
	const run = (view: Sabotage) =>
		fc.check(
			fc.asyncProperty(stories, (story) => new World(story, view).run()),
			{ numRuns: 20, seed: 1 },
		);
	const result = await run(sabotage());
	const [story] = result.counterexample!;
	expect(story.steps.length).toBeLessThanOrEqual(2);
	await expect(new World(story, sabotage()).run()).rejects.toThrow("one revision");
	await new World(story).run();
});

function patched<Source extends object>(source: Source, changes: Partial<Source>): Source {
	return new Proxy(source, {
		get(target, name) {
			if (name in changes) return changes[name as keyof Source];
			const value = target[name as keyof Source];
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
}
