/** Long work of the core, which comes as generators, driven between requests. */
import type { Timers } from "./timers.ts";

/**
 * Runs the work to its end: takes a step, then gives way to whatever waits.
 * @param stop asked after each turn; once it says true the work is left, and null is the answer.
 */
export async function drive<Result>(
	work: Generator<void, Result>,
	timers: Pick<Timers, "breathe">,
	stop: () => boolean,
): Promise<Result | null> {
	for (;;) {
		const step = work.next();
		if (step.done) return step.value;
		await timers.breathe();
		if (stop()) return null;
	}
}
