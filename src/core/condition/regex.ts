/**
 * `matches`: RE2 syntax, unanchored as CEL has it, in time linear in the input (JavaScript's own engine backtracks).
 * Patterns are literals, so each is compiled once, when the condition is.
 */
import { RE2JS, RE2Set } from "re2js";
import { LIMITS } from "../limits.ts";

export interface Regex {
	readonly test: (input: string) => boolean;
	/** Work of one character of input at worst: a step of the simulation, or a new state, for each instruction. */
	readonly workPerCharacter: number;
}

const WORK_PER_INSTRUCTION = 3;

/** @returns a sentence on what is wrong with the pattern when it is refused. */
export function compileRegex(pattern: string): Regex | string {
	if (Buffer.byteLength(pattern) > LIMITS.regexBytes) {
		return `the regular expression is longer than ${LIMITS.regexBytes} bytes`;
	}
	try {
		const instructions = RE2JS.compile(pattern).programSize();
		if (instructions > LIMITS.regexInstructions) {
			return `the regular expression compiles to ${instructions} instructions, more than ${LIMITS.regexInstructions}`;
		}
		// A set of one, since only sets take a limit for the memory of their states: 8 MiB each otherwise.
		const set = new RE2Set(RE2Set.UNANCHORED, 0, LIMITS.regexCacheBytes);
		set.add(pattern);
		set.compile();
		return { test: (input) => set.match(input).length > 0, workPerCharacter: instructions * WORK_PER_INSTRUCTION };
	} catch (error) {
		return error instanceof Error ? error.message : "the regular expression does not compile";
	}
}
