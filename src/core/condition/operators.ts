/** CEL's operators over values whose types are known only when they are evaluated. Undefined is an error throughout. */
import { compare, contains, equal } from "./compare.ts";
import type { Expression, Frame } from "./frame.ts";
import { addTimes, subtractTimes } from "./time.ts";
import { Duration, isList, isMap, MAX_INT, MIN_INT, Timestamp, type Value } from "./value.ts";

export type BinaryOperator = (frame: Frame, left: Value, right: Value) => Value | undefined;

export const BINARY: ReadonlyMap<string, BinaryOperator> = new Map<string, BinaryOperator>([
	["==", equal],
	["!=", (frame, left, right) => not(equal(frame, left, right))],
	["in", contains],
	["<", (frame, left, right) => ordered(compare(frame, left, right), (order) => order < 0)],
	["<=", (frame, left, right) => ordered(compare(frame, left, right), (order) => order <= 0)],
	[">", (frame, left, right) => ordered(compare(frame, left, right), (order) => order > 0)],
	[">=", (frame, left, right) => ordered(compare(frame, left, right), (order) => order >= 0)],
	["+", add],
	["-", subtract],
	[
		"*",
		(_, left, right) =>
			arithmetic(
				left,
				right,
				(a, b) => a * b,
				(a, b) => a * b,
			),
	],
	[
		"/",
		(_, left, right) =>
			right === 0n
				? undefined
				: arithmetic(
						left,
						right,
						(a, b) => a / b,
						(a, b) => a / b,
					),
	],
	[
		"%",
		(_, left, right) =>
			typeof left === "bigint" && typeof right === "bigint" && right !== 0n ? left % right : undefined,
	],
]);

/** `&&` (`decisive` false) and `||` (`decisive` true): the decisive side wins even over an error on the other one. */
export function logical(decisive: boolean, left: Expression, right: Expression): Expression {
	return (frame) => {
		const first = left(frame);
		if (first === decisive) return decisive;
		const second = right(frame);
		if (second === decisive) return decisive;
		return first === !decisive && second === !decisive ? !decisive : undefined;
	};
}

export function not(value: Value | undefined): boolean | undefined {
	return typeof value === "boolean" ? !value : undefined;
}

export function negate(value: Value | undefined): Value | undefined {
	if (typeof value === "number") return -value;
	return typeof value === "bigint" ? int(-value) : undefined;
}

/** `container[index]`; a missing key or element is an error. */
export function index(container: Value, key: Value): Value | undefined {
	if (isMap(container)) return container.get(key);
	return isList(container) && typeof key === "bigint" ? container[Number(key)] : undefined;
}

/** Undefined when the result is no 64-bit integer. */
export function int(value: bigint): bigint | undefined {
	return value >= MIN_INT && value <= MAX_INT ? value : undefined;
}

function add(frame: Frame, left: Value, right: Value): Value | undefined {
	if (typeof left === "string") {
		if (typeof right !== "string" || !frame.spend((left.length + right.length) >> 5)) return undefined;
		return left + right;
	}
	if (isList(left)) {
		if (!isList(right) || !frame.spend(left.length + right.length)) return undefined;
		return [...left, ...right];
	}
	if (left instanceof Timestamp || left instanceof Duration) return addTimes(left, right);
	return arithmetic(
		left,
		right,
		(a, b) => a + b,
		(a, b) => a + b,
	);
}

function subtract(_: Frame, left: Value, right: Value): Value | undefined {
	if (left instanceof Timestamp || left instanceof Duration) return subtractTimes(left, right);
	return arithmetic(
		left,
		right,
		(a, b) => a - b,
		(a, b) => a - b,
	);
}

function arithmetic(
	left: Value,
	right: Value,
	ints: (a: bigint, b: bigint) => bigint,
	doubles: (a: number, b: number) => number,
): Value | undefined {
	if (typeof left === "bigint") return typeof right === "bigint" ? int(ints(left, right)) : undefined;
	return typeof left === "number" && typeof right === "number" ? doubles(left, right) : undefined;
}

function ordered(order: number | undefined, holds: (order: number) => boolean): boolean | undefined {
	return order === undefined ? undefined : holds(order);
}
