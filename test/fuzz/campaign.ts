/** Cases in batches: each batch begins with fresh messages and bends them, all from one seed. */
import fc from "fast-check";
import { messages } from "./messages.ts";
import { mutate, seeded } from "./mutate.ts";
import { createTarget, run, SET } from "./target.ts";
import { judgeAnswer } from "./verdict.ts";

/** Messages of one batch, and cases made of each: itself, then bent. */
const MESSAGES = 400;
const CASES_EACH = 50;
export const BATCH = MESSAGES * CASES_EACH;

export interface Finding {
	readonly fault: string;
	readonly bytes: Buffer;
	/** Of the batch: the same seed finds it again. */
	readonly seed: number;
}

export interface Outcome {
	readonly cases: number;
	readonly allowed: number;
	readonly findings: readonly Finding[];
}

/** What is wrong with the answer to these bytes; null when nothing is. */
export function examine(bytes: Buffer): { readonly allowed: boolean; readonly fault: string | null } {
	bugs.length = 0;
	try {
		const judged = judgeAnswer(SET, bytes, run(target, bytes));
		if (bugs.length === 0) return judged;
		return { allowed: false, fault: `a bug: ${stackOf(bugs[0])}` };
	} catch (error) {
		return { allowed: false, fault: `it threw: ${stackOf(error)}` };
	}
}

const bugs: unknown[] = [];
const target = createTarget((error) => bugs.push(error));
const stackOf = (error: unknown) => (error instanceof Error ? error.stack : String(error));

/** The cases of one batch, at most `most` of them. */
export function* casesOf(seed: number, most = BATCH): Generator<Buffer> {
	const random = seeded(seed);
	const count = Math.min(MESSAGES, Math.ceil(most / CASES_EACH));
	const fresh = fc.sample(messages, { seed, numRuns: count });
	let left = most;
	for (const message of fresh) {
		if (left-- > 0) yield message;
		for (let turn = 1; turn < CASES_EACH && left-- > 0; turn++) {
			yield mutate(message, fresh[Math.floor(random() * fresh.length)]!, random);
		}
	}
}

/** Runs one batch to its end, whatever is found. */
export function runBatch(seed: number, most = BATCH): Outcome {
	let cases = 0;
	let allowed = 0;
	const findings: Finding[] = [];
	for (const bytes of casesOf(seed, most)) {
		cases++;
		const judged = examine(bytes);
		if (judged.allowed) allowed++;
		if (judged.fault !== null) findings.push({ fault: judged.fault, bytes, seed });
	}
	return { cases, allowed, findings };
}
