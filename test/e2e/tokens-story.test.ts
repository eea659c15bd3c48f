/** The chapter on tokens, scene by scene, through a real Envoy: the answer, and whether the service was reached. */
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type Played, playChapter } from "../../demo/chapter/play.ts";
import { SCENES } from "../../demo/chapter/script.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { chosenStory } from "../../demo/stories.ts";
import { differences } from "../../demo/teller.ts";

// Postgres, Firebreak and Envoy start from nothing, on a machine that may have other things to do.
jest.setTimeout(180_000);

let stage: Stage;
/** By row; each stands on those before it. */
const played = new Map<number, Played & { readonly reached: number }>();

beforeAll(async () => {
	stage = await setStage(chosenStory("tokens").stage);
	const requests = () => stage.world.upstream("payments").requests();
	let before = requests();
	for await (const one of playChapter(stage)) {
		played.set(one.scene.row, { ...one, reached: requests() - before });
		before = requests();
	}
});
afterAll(() => stage?.world.stop());

test.each(SCENES.map((scene) => [scene.row, scene.shows, scene] as const))("row %i: %s", (row, _shows, scene) => {
	const { told, reached } = played.get(row)!;
	expect(differences(scene, told)).toEqual([]);
	expect(reached).toBe(scene.expect.status === 200 ? 1 : 0);
});

test("tokens that are worth nothing get one public text, whatever is wrong with them", () => {
	const texts = [2, 3, 8].map((row) => {
		const { body, headers } = played.get(row)!.told.response;
		const { decision: _, ...rest } = body as Record<string, unknown>;
		return JSON.stringify([rest, headers["www-authenticate"]]);
	});
	expect(new Set(texts).size).toBe(1);
});

test("rows have numbers of their own, in order", () => {
	expect(SCENES.map(({ row }) => row)).toEqual(SCENES.map((_, index) => index + 1));
});

test("a story that there is not is refused by name", () => {
	expect(() => chosenStory("nope")).toThrow(/no story nope; STORY is one of company, tokens/);
	expect(chosenStory(undefined)).toBe(chosenStory("company"));
});
