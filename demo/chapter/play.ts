/** Plays the chapter on tokens, scene by scene. */
import type { Stage } from "../stage.ts";
import type { Line } from "../story.ts";
import { type Told, tell } from "../teller.ts";
import { Kit } from "./kit.ts";
import { SCENES, type Scene } from "./script.ts";

export interface Played {
	readonly scene: Scene;
	readonly told: Told;
}

/** Each scene in turn, as soon as it was played. */
export async function* playChapter(stage: Stage): AsyncGenerator<Played, void> {
	const kit = new Kit(stage);
	for (const scene of SCENES) yield { scene, told: await playScene(kit, scene) };
}

function playScene(kit: Kit, { bring, ...scene }: Scene): Promise<Told> {
	const line: Line = { ...scene, headers: bring(kit) };
	return tell(kit.stage.world, kit.stage.issuers, line);
}
