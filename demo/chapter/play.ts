/** Plays the chapter on tokens, scene by scene. */
import type { Stage } from "../stage.ts";
import { type Told, tell } from "../teller.ts";
import type { Act } from "./acts.ts";
import { Kit } from "./kit.ts";
import { SCRIPT, type Scene } from "./script.ts";

export type Played =
	| { readonly scene: Scene; readonly told: Told }
	/** What came of it, or why it failed. */
	| { readonly act: Act; readonly lines: readonly string[]; readonly error: unknown };

/** Each part in turn, as soon as it was played. A command that fails is told of, and the rest goes on. */
export async function* playChapter(stage: Stage): AsyncGenerator<Played, void> {
	const kit = new Kit(stage);
	for (const part of SCRIPT) yield "bring" in part ? await playScene(kit, part) : await playAct(kit, part);
}

async function playScene(kit: Kit, scene: Scene): Promise<Played> {
	const { bring, ...line } = scene;
	return { scene, told: await tell(kit.stage.world, kit.stage.issuers, { ...line, headers: bring(kit) }) };
}

async function playAct(kit: Kit, act: Act): Promise<Played> {
	try {
		return { act, lines: await act.run(kit), error: null };
	} catch (error) {
		return { act, lines: [], error };
	}
}
