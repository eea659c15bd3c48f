/** Time that stands still until a test moves it. */
import type { Timers } from "../../../src/store/follow/timers.ts";

export interface FakeTime {
	readonly clock: () => number;
	readonly timers: Timers;
	/** Lets everything run that waits for no timer. */
	settle(): Promise<void>;
	/** Moves on, running timers in their order, each at its time. */
	advance(ms: number): Promise<void>;
	/** Timers that are set. */
	pending(): number;
}

export function fakeTime(start = Date.UTC(2026, 0, 1)): FakeTime {
	let now = start;
	const tasks = new Set<{ at: number; task: () => void }>();
	const settle = async () => {
		for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
	};
	return {
		clock: () => now,
		timers: {
			after(ms, task) {
				const entry = { at: now + ms, task };
				tasks.add(entry);
				return () => tasks.delete(entry);
			},
			breathe: () => Promise.resolve(),
		},
		settle,
		async advance(ms) {
			const end = now + ms;
			for (;;) {
				await settle();
				const next = [...tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
				if (!next) break;
				tasks.delete(next);
				now = next.at;
				next.task();
			}
			now = end;
			await settle();
		},
		pending: () => tasks.size,
	};
}

/** More turns of the event loop than any chain of awaits between two timers takes. */
const TURNS = 5;
