import { setTimeout as sleep } from "node:timers/promises";

/** Asks until the answer is neither undefined, null nor false; throws after `withinMs`, which is long: a slow machine is no fault. */
export async function until<Answer>(
	what: string,
	ask: () => Answer | Promise<Answer>,
	withinMs = 60_000,
): Promise<Exclude<Answer, undefined | null | false>> {
	const deadline = performance.now() + withinMs;
	for (;;) {
		const answer = await ask();
		if (answer !== undefined && answer !== null && answer !== false) {
			return answer as Exclude<Answer, undefined | null | false>;
		}
		if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
		await sleep(20);
	}
}
