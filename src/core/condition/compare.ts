/** How values compare: equality, membership and order. Each counts its work before it does it. */
import type { Frame } from "./frame.ts";
import { Duration, isList, isMap, Timestamp, type Value } from "./value.ts";

/**
 * CEL's equality: numbers by their mathematical value, lists and maps by content, different types never equal.
 * Undefined when a map's value cannot be read or the frame's work is spent.
 */
export function equal(frame: Frame, left: Value, right: Value): boolean | undefined {
	switch (typeof left) {
		case "string":
			if (typeof right !== "string" || left.length !== right.length) return false;
			return frame.spend(left.length >> 6) ? left === right : undefined;
		case "bigint":
		case "number":
			// Loose on purpose: JavaScript compares a BigInt and a Number by value.
			// biome-ignore lint/suspicious/noDoubleEquals: see above
			return typeof right === "bigint" || typeof right === "number" ? left == right : false;
		case "boolean":
			return left === right;
		default:
			return left === null || right === null ? left === right : equalObjects(frame, left, right);
	}
}

function equalObjects(frame: Frame, left: object & Value, right: Value): boolean | undefined {
	if (isList(left)) {
		if (!isList(right) || left.length !== right.length) return false;
		for (let index = 0; index < left.length; index++) {
			if (!frame.spend(1)) return undefined;
			const same = equal(frame, left[index]!, right[index]!);
			if (same !== true) return same;
		}
		return true;
	}
	if (isMap(left)) {
		if (!isMap(right) || left.size !== right.size) return false;
		for (const [key, value] of left) {
			if (!frame.spend(1)) return undefined;
			if (!right.has(key)) return false;
			const other = right.get(key);
			const same = value === undefined || other === undefined ? undefined : equal(frame, value, other);
			if (same !== true) return same;
		}
		return true;
	}
	if (left instanceof Timestamp) return right instanceof Timestamp && left.ms === right.ms;
	return left instanceof Duration && right instanceof Duration && left.ms === right.ms;
}

/** Whether a list holds the value or a map the key; undefined when the right side is neither. */
export function contains(frame: Frame, needle: Value, haystack: Value): boolean | undefined {
	if (isMap(haystack)) return haystack.has(needle);
	if (!isList(haystack)) return undefined;
	for (const item of haystack) {
		if (!frame.spend(1)) return undefined;
		const same = equal(frame, needle, item);
		if (same !== false) return same;
	}
	return false;
}

/**
 * Negative, zero or positive as left stands before, beside or behind right; NaN when one of them is. Undefined for what
 * has no common order, or when the frame's work is spent.
 */
export function compare(frame: Frame, left: Value, right: Value): number | undefined {
	switch (typeof left) {
		case "bigint":
		case "number":
			return typeof right === "bigint" || typeof right === "number" ? order(left, right) : undefined;
		case "string":
			if (typeof right !== "string" || !frame.spend(Math.min(left.length, right.length) >> 6)) return undefined;
			return order(left, right);
		case "boolean":
			return typeof right === "boolean" ? order(left, right) : undefined;
		default:
			if (left instanceof Timestamp && right instanceof Timestamp) return left.ms - right.ms;
			return left instanceof Duration && right instanceof Duration ? left.ms - right.ms : undefined;
	}
}

function order<T extends number | bigint | string | boolean>(left: T, right: T): number {
	if (left < right) return -1;
	// biome-ignore lint/suspicious/noDoubleEquals: a BigInt and a Number may be equal, and NaN is not even itself
	return left > right ? 1 : left == right ? 0 : Number.NaN;
}
