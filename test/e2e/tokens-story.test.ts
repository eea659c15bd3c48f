/** The chapter on tokens, scene by scene, through a real Envoy: the answer, and whether the service was reached. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { playChapter } from "../../demo/chapter/play.ts";
import { SCENES, SCRIPT } from "../../demo/chapter/script.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { chosenStory } from "../../demo/stories.ts";
import { differences, type Told } from "../../demo/teller.ts";

let stage: Stage;
/** By row; each stands on what was played before it. */
const scenes = new Map<number, { readonly told: Told; readonly reached: number }>();
/** In the script's order. */
const acts: { readonly command: string; readonly lines: readonly string[]; readonly error: unknown }[] = [];

beforeAll(async () => {
	stage = await setStage(chosenStory("tokens").stage);
	const requests = () => stage.world.upstream("payments").requests();
	let before = requests();
	for await (const played of playChapter(stage)) {
		if ("scene" in played) scenes.set(played.scene.row, { told: played.told, reached: requests() - before });
		else acts.push({ ...played, command: played.act.command });
		before = requests();
	}
});
afterAll(() => stage?.world.stop());

test.each(SCENES.map((scene) => [scene.row, scene.shows, scene] as const))("row %i: %s", (row, _shows, scene) => {
	const { told, reached } = scenes.get(row)!;
	expect(differences(scene, told)).toEqual([]);
	expect(reached).toBe(scene.expect.status === 200 ? 1 : 0);
});

test("every command did what it is for", () => {
	expect(acts.map(({ command, error }) => [command, error])).toEqual(
		SCRIPT.flatMap((part) => ("command" in part ? [[part.command, null]] : [])),
	);
});

test("rotation lost no request, and the receipts name each server", () => {
	const linesOf = (words: string) =>
		acts.filter(({ command }) => command.includes(words)).flatMap(({ lines }) => lines);
	expect(linesOf("token rotate").at(-1)).toMatch(/^(\d{2,}) of \1 requests passed meanwhile$/);
	const receipts = linesOf("token revoke");
	expect(receipts).toHaveLength(4);
	for (const line of [receipts[1], receipts[3]]) expect(line).toMatch(/ confirmed after \d+ ms$/);
});

test("tokens that are worth nothing get one public text, whatever is wrong with them", () => {
	const texts = [2, 3, 8].map((row) => {
		const { body, headers } = scenes.get(row)!.told.response;
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
