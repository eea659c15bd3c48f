import { LIMITS } from "../limits.ts";
import type { ConditionScope } from "./scope.ts";
import type { Value } from "./value.ts";

/** One evaluation: what it reads, the variables of its loops, and the work that is left to it. */
export class Frame {
	readonly scope: ConditionScope;
	readonly locals: Value[] = [];
	#work: number = LIMITS.conditionWork;

	constructor(scope: ConditionScope) {
		this.scope = scope;
	}

	/** Counts work before it is done; false when there is not enough left, and then the evaluation has failed. */
	spend(units: number): boolean {
		this.#work -= units;
		return this.#work >= 0;
	}

	get spent(): boolean {
		return this.#work < 0;
	}
}

/**
 * A compiled expression. Undefined is CEL's error: `&&`, `||`, `all` and `exists` may absorb it, everything else hands
 * it on.
 */
export type Expression = (frame: Frame) => Value | undefined;
