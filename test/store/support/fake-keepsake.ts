/** What a disk keeps, as a test says; it can hang, and be refused. */
import type { Lane } from "../../../src/core/lane/lane.ts";
import type { PolicySet } from "../../../src/core/model.ts";
import type { Keepsake, KeptHead } from "../../../src/store/follow/restore.ts";

export interface FakeKeepsake extends Keepsake {
	/** Reading hangs, before or after the header is known, until released. */
	hold(where: "header" | "rows"): () => void;
	fail(error: Error): void;
	reads(): number;
}

export function fakeKeepsake(set: PolicySet, lane: Lane, header: Omit<KeptHead, "epoch" | "revision">): FakeKeepsake {
	let held: { readonly where: string; readonly until: Promise<void> } | null = null;
	let failure: Error | null = null;
	let reads = 0;
	const head = { epoch: set.epoch, revision: set.revision, ...header };
	return {
		name: "/kept",
		async read({ onHeader }) {
			reads++;
			if (held?.where === "header") await held.until;
			if (failure) throw failure;
			onHeader(head);
			if (held?.where === "rows") await held.until;
			return { header: head, set, lane: () => given(lane) };
		},
		hold(where) {
			const { promise, resolve } = Promise.withResolvers<void>();
			held = { where, until: promise };
			return resolve;
		},
		fail(error) {
			failure = error;
		},
		reads: () => reads,
	};
}

function* given(lane: Lane): Generator<void, Lane> {
	yield;
	return lane;
}
