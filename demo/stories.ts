/** The stories that `make demo` can tell. */
import { styleText } from "node:util";
import { describeProblem, FirebreakError } from "../src/core/errors.ts";
import { changePolicy } from "./change.ts";
import { whatNextOfTokens } from "./chapter/next.ts";
import { playChapter } from "./chapter/play.ts";
import { SCENES } from "./chapter/script.ts";
import { whatNext } from "./next.ts";
import { createPage } from "./print.ts";
import type { Stage, StageOptions } from "./stage.ts";
import { CHANGE, OUTAGE, type Shown, STORY } from "./story.ts";
import { differences, type Told, tell } from "./teller.ts";

type Print = (text: string) => void;

export interface Story {
	/** What it needs beyond the usual stage. */
	readonly stage: Pick<StageOptions, "signs">;
	/** Tells all lines and the totals; returns how many differed. */
	tell(stage: Stage, print: Print): Promise<number>;
	/** What to try while everything stays up. */
	next(stage: Stage): string;
}

const STORIES: Readonly<Record<string, Story>> = {
	company: { stage: {}, tell: tellCompany, next: whatNext },
	tokens: { stage: { signs: true }, tell: tellTokens, next: whatNextOfTokens },
};

/** The story of this name, the company's when there is none. @throws FirebreakError usage */
export function chosenStory(name: string | undefined): Story {
	const story = Object.hasOwn(STORIES, name || "company") ? STORIES[name || "company"] : undefined;
	if (story !== undefined) return story;
	throw new FirebreakError("usage", `there is no story ${name}; STORY is one of ${Object.keys(STORIES).join(", ")}`);
}

/** Tells all lines and the totals; returns how many differed. */
async function tellCompany(stage: Stage, print: Print): Promise<number> {
	const { world, issuers } = stage;
	const page = createPage([...STORY, CHANGE.before, CHANGE.after, OUTAGE]);
	const marks: boolean[] = [];
	const show = (line: Shown, told: Told, note?: string): void => {
		marks.push(differences(line, told).length === 0);
		print(page.line(line, told, note));
	};
	const started = performance.now();
	print(page.head());
	for (const line of STORY) show(line, await tell(world, issuers, line));
	const { before, after, afterCommit } = await changePolicy(stage);
	show(CHANGE.before, before);
	show(CHANGE.after, after, `${afterCommit} ms after COMMIT`);
	if (world.postgres) {
		await world.postgres.halt();
		show(OUTAGE, await tell(world, issuers, OUTAGE), "without Postgres");
		// Records that wait are written, and what is tried next finds it there.
		await world.postgres.resume();
	} else print(page.skipped(OUTAGE, "DATABASE_URL is not ours to stop"));
	const change = `a new policy was enforced ${afterCommit} ms after COMMIT, without a restart`;
	print(`\n${totals(marks, started)}; ${change}\n`);
	return marks.filter((good) => !good).length;
}

async function tellTokens(stage: Stage, print: Print): Promise<number> {
	const page = createPage(SCENES);
	const marks: boolean[] = [];
	const started = performance.now();
	print(page.head());
	for await (const played of playChapter(stage)) {
		if ("scene" in played) {
			marks.push(differences(played.scene, played.told).length === 0);
			print(page.line(played.scene, played.told));
		} else {
			const { act, lines, error } = played;
			marks.push(error === null);
			print(page.command(act.command, error === null ? lines : whyOf(error), error === null));
		}
	}
	print(`\n${totals(marks, started)}\n`);
	return marks.filter((good) => !good).length;
}

function totals(marks: readonly boolean[], started: number): string {
	const good = marks.filter(Boolean).length;
	const seconds = ((performance.now() - started) / 1_000).toFixed(1);
	const text = `${good} of ${marks.length} answers as expected, in ${seconds} s`;
	return styleText(good === marks.length ? "green" : "red", text);
}

/** An error in lines, with its problems and their cures. */
function whyOf(error: unknown): string[] {
	const problems = error instanceof FirebreakError ? error.problems.map(describeProblem) : [];
	return [error instanceof Error ? error.message : String(error), ...problems];
}
