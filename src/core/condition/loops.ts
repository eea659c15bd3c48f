/**
 * CEL's macros over lists and the keys of maps. Each iteration costs as much work as its body has nodes, counted before
 * it runs, beside what the operators in it count for themselves.
 */
import type { Expression, Frame } from "./frame.ts";
import { isList, isMap, type Value } from "./value.ts";

export interface Loop {
	readonly range: Expression;
	/** Where the loop's variable lives in {@link Frame.locals}. */
	readonly slot: number;
	/** Work of one iteration. */
	readonly work: number;
}

/** `range.exists(x, p)` (`decisive` true) and `range.all(x, p)` (`decisive` false); a decisive element absorbs errors. */
export function quantify({ range, slot, work }: Loop, decisive: boolean, predicate: Expression): Expression {
	return (frame) => {
		const items = elements(range(frame));
		if (items === undefined) return undefined;
		let failed = false;
		for (const item of items) {
			if (!frame.spend(work)) return undefined;
			frame.locals[slot] = item;
			const verdict = predicate(frame);
			if (verdict === decisive) return decisive;
			if (verdict !== !decisive) failed = true;
		}
		return failed ? undefined : !decisive;
	};
}

/** `range.exists_one(x, p)`: exactly one; any error is one of the whole. */
export function existsOne(loop: Loop, predicate: Expression): Expression {
	const matches = collect(loop, predicate, null);
	return (frame) => {
		const found = matches(frame);
		return found === undefined ? undefined : found.length === 1;
	};
}

/** `range.filter(x, p)`, `range.map(x, t)` and `range.map(x, p, t)`; null keeps all, and the element itself. */
export function collect(
	{ range, slot, work }: Loop,
	predicate: Expression | null,
	transform: Expression | null,
): (frame: Frame) => readonly Value[] | undefined {
	return (frame) => {
		const items = elements(range(frame));
		if (items === undefined) return undefined;
		const collected: Value[] = [];
		for (const item of items) {
			if (!frame.spend(work)) return undefined;
			frame.locals[slot] = item;
			const keep = predicate === null || predicate(frame);
			if (keep === false) continue;
			if (keep !== true) return undefined;
			const value = transform === null ? item : transform(frame);
			if (value === undefined) return undefined;
			collected.push(value);
		}
		return collected;
	};
}

function elements(value: Value | undefined): Iterable<Value> | undefined {
	if (value === undefined) return undefined;
	if (isList(value)) return value;
	return isMap(value) ? value.keys() : undefined;
}
