/**
 * Several servers, one store, and everything that can go wrong between them, in random order.
 *
 *   npm test -- test/sim                              some stories, other ones each time
 *   SIM_RUNS=5000 npm test -- test/sim                many (make sim)
 *   SIM_SEED=1 SIM_RUNS=100 npm test -- test/sim      the same ones again
 *   SIM_SEED=1 SIM_PATH=17:0:3 npm test -- test/sim   one of them, as a failure prints it, with all that happened
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Story, stories, tell } from "./actions.ts";
import { World } from "./world.ts";

const { SIM_SEED, SIM_RUNS, SIM_PATH } = process.env;
const RUNS = 30;
const DAY_MS = 86_400_000;

async function failureOf(story: Story): Promise<{ readonly error: unknown; readonly world: World } | null> {
	const world = new World(story);
	return world.run().then(
		() => null,
		(error: unknown) => ({ error, world }),
	);
}

test(
	"every invariant holds in every storm",
	async () => {
		const result = await fc.check(
			fc.asyncProperty(stories, async (story) => {
				await new World(story).run();
			}),
			{
				numRuns: SIM_RUNS === undefined ? RUNS : Number(SIM_RUNS),
				...(SIM_SEED === undefined ? {} : { seed: Number(SIM_SEED) }),
				...(SIM_PATH === undefined ? {} : { path: SIM_PATH }),
			},
		);
		if (!result.failed) return;
		const [story] = result.counterexample!;
		const again = await failureOf(story);
		const replay = `SIM_SEED=${result.seed} SIM_PATH=${result.counterexamplePath} npm test -- test/sim`;
		const happened = again?.world.log.join("\n") ?? "it passes when it is run again";
		throw new Error(`${String(again?.error)}\n\n${tell(story)}\n\nreplay: ${replay}\n\nwhat happened:\n${happened}`);
	},
	DAY_MS,
);

test("one story told twice goes the same way", async () => {
	const [story] = fc.sample(stories, { numRuns: 1, seed: 4 });
	const [once, twice] = [new World(story!), new World(story!)];
	await once.run();
	await twice.run();
	expect(twice.log).toEqual(once.log);
	expect([twice.asked, twice.passed]).toEqual([once.asked, once.passed]);
	expect(once.passed).toBeGreaterThan(0);
	expect(once.passed).toBeLessThan(once.asked);
});
