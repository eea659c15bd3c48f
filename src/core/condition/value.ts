/**
 * What a condition computes with: CEL's values, and how JSON becomes them. Integers are BigInt and doubles are Number, as
 * in the parser. Maps are `Map`, so that `__proto__` and `constructor` are keys like any other.
 */
import { LIMITS } from "../limits.ts";

export type Value =
	| null
	| boolean
	| bigint
	| number
	| string
	| Timestamp
	| Duration
	| readonly Value[]
	/** A key without a value is present, but has no single reading. */
	| ReadonlyMap<Value, Value | undefined>;

export class Timestamp {
	/** Milliseconds since the epoch. */
	readonly ms: number;

	constructor(ms: number) {
		this.ms = ms;
	}
}

export class Duration {
	/** Milliseconds, negative for the past. */
	readonly ms: number;

	constructor(ms: number) {
		this.ms = ms;
	}
}

export const MIN_INT = -(2n ** 63n);
export const MAX_INT = 2n ** 63n - 1n;

export function isList(value: Value): value is readonly Value[] {
	return Array.isArray(value);
}

export function isMap(value: Value): value is ReadonlyMap<Value, Value | undefined> {
	return value instanceof Map;
}

const converted = new WeakMap<object, Value>();

/**
 * JSON as CEL sees it: integers that JavaScript holds exactly are ints, every other number is a double. Objects and
 * arrays are converted once and remembered for as long as they live. Undefined for what is no JSON, or nests too deep.
 */
export function fromJson(json: unknown): Value | undefined {
	switch (typeof json) {
		case "string":
		case "boolean":
			return json;
		case "number":
			return Number.isSafeInteger(json) ? BigInt(json) : json;
		case "object": {
			if (json === null) return null;
			const known = converted.get(json);
			if (known !== undefined) return known;
			const value = fromObject(json, LIMITS.tokenJsonDepth);
			if (value !== undefined) converted.set(json, value);
			return value;
		}
		default:
			return undefined;
	}
}

function fromObject(json: object, depth: number): Value | undefined {
	if (depth === 0) return undefined;
	const inner = (item: unknown) =>
		typeof item === "object" && item !== null ? fromObject(item, depth - 1) : fromJson(item);
	if (Array.isArray(json)) {
		const list: Value[] = [];
		for (const item of json) {
			const value = inner(item);
			if (value === undefined) return undefined;
			list.push(value);
		}
		return list;
	}
	const map = new Map<Value, Value>();
	for (const [key, item] of Object.entries(json)) {
		const value = inner(item);
		if (value === undefined) return undefined;
		map.set(key, value);
	}
	return map;
}
