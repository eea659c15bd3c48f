/**
 * The functions of a condition. The library's own table is wider (bytes, JSON, unsigned integers, positions in strings)
 * and not bounded; what is not here is refused when the condition compiles.
 */
import type { Frame } from "./frame.ts";
import { int } from "./operators.ts";
import { toTimestamp } from "./time.ts";
import { isList, isMap, type Value } from "./value.ts";

export type ConditionFunction = (frame: Frame, ...args: Value[]) => Value | undefined;

/** By name and number of arguments: `size/1`. */
export const FUNCTIONS: ReadonlyMap<string, ConditionFunction> = new Map<string, ConditionFunction>([
	["size/1", size],
	["int/1", (_, value) => toInt(value!)],
	["double/1", (_, value) => toDouble(value!)],
	["string/1", (_, value) => toText(value!)],
	["bool/1", (_, value) => toBool(value!)],
	["timestamp/1", (_, value) => toTimestamp(value!)],
	["dyn/1", (_, value) => value],
]);

/** The same for methods; the receiver comes first and is not counted: `startsWith/1`. */
export const METHODS: ReadonlyMap<string, ConditionFunction> = new Map<string, ConditionFunction>([
	["size/0", size],
	[
		"startsWith/1",
		onTexts(
			(text, start) => text.startsWith(start),
			(_, start) => start.length / 64,
		),
	],
	[
		"endsWith/1",
		onTexts(
			(text, end) => text.endsWith(end),
			(_, end) => end.length / 64,
		),
	],
	["contains/1", onTexts((text, part) => text.includes(part), searchWork)],
	["split/1", onTexts((text, separator) => (separator === "" ? [...text] : text.split(separator)), splitWork)],
	["lowerAscii/0", (frame, text) => asciiCase(frame, text!, /[A-Z]+/g, (letters) => letters.toLowerCase())],
	["upperAscii/0", (frame, text) => asciiCase(frame, text!, /[a-z]+/g, (letters) => letters.toUpperCase())],
	["join/0", (frame, list) => join(frame, list!, "")],
	["join/1", (frame, list, separator) => join(frame, list!, separator!)],
]);

/** A method of a string whose argument is one too. */
function onTexts(
	method: (text: string, argument: string) => Value,
	work: (text: string, argument: string) => number,
): ConditionFunction {
	return (frame, text, argument) => {
		if (typeof text !== "string" || typeof argument !== "string") return undefined;
		return frame.spend(work(text, argument)) ? method(text, argument) : undefined;
	};
}

/** Searching compares every character of one with every one of the other at worst: `aaaa` for `baaa`. */
function searchWork(text: string, part: string): number {
	return (text.length * (part.length + 1)) / 64;
}

/** Beside the search an element for each character at worst. */
function splitWork(text: string, separator: string): number {
	return text.length * 2 + searchWork(text, separator);
}

const ASCII = /^[\0-\x7f]*$/;

/** ASCII letters only, as the names say: toLowerCase() alone makes a k of the Kelvin sign. */
function asciiCase(frame: Frame, text: Value, letters: RegExp, change: (letters: string) => string): Value | undefined {
	if (typeof text !== "string" || !frame.spend(text.length >> 3)) return undefined;
	if (ASCII.test(text)) return change(text);
	return frame.spend(text.length * 8) ? text.replace(letters, change) : undefined;
}

/** Of a string its code points, of a list its elements, of a map its keys. */
function size(frame: Frame, value?: Value): bigint | undefined {
	if (typeof value === "string") {
		if (!frame.spend(value.length >> 2)) return undefined;
		let points = 0;
		for (const _ of value) points++;
		return BigInt(points);
	}
	if (value === undefined) return undefined;
	if (isList(value)) return BigInt(value.length);
	return isMap(value) ? BigInt(value.size) : undefined;
}

const INT = /^[+-]?\d{1,19}$/;
const DOUBLE = /^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,4})?$/;

function toInt(value: Value): bigint | undefined {
	switch (typeof value) {
		case "bigint":
			return value;
		case "number":
			return Number.isFinite(value) ? int(BigInt(Math.trunc(value))) : undefined;
		case "string":
			return INT.test(value) ? int(BigInt(value.startsWith("+") ? value.slice(1) : value)) : undefined;
		default:
			return undefined;
	}
}

function toDouble(value: Value): number | undefined {
	if (typeof value === "number") return value;
	if (typeof value === "bigint") return Number(value);
	return typeof value === "string" && DOUBLE.test(value) ? Number(value) : undefined;
}

function toText(value: Value): string | undefined {
	switch (typeof value) {
		case "string":
			return value;
		case "number":
			if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
			return value > 0 ? "+Inf" : "-Inf";
		case "bigint":
		case "boolean":
			return String(value);
		default:
			return undefined;
	}
}

const BOOLS: ReadonlyMap<Value, boolean> = new Map<Value, boolean>([
	...["1", "t", "true", "TRUE", "True"].map((text) => [text, true] as const),
	...["0", "f", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

function toBool(value: Value): boolean | undefined {
	return typeof value === "boolean" ? value : BOOLS.get(value);
}

function join(frame: Frame, list: Value, separator: Value): Value | undefined {
	if (!isList(list) || typeof separator !== "string") return undefined;
	let length = 0;
	for (const item of list) {
		if (typeof item !== "string") return undefined;
		length += item.length + separator.length;
	}
	return frame.spend(list.length + (length >> 5)) ? list.join(separator) : undefined;
}
