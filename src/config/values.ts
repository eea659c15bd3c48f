/** Readers of single values. Each throws {@link Malformed}; none ever quotes the value, which may be a credential put into the wrong place. */
import { formatDuration, parseDuration } from "../core/duration.ts";
import { type Address, parseAddress } from "./address.ts";

/** What is wrong with one value, and its cure; see Problem in core/errors.ts. */
export class Malformed extends Error {
	readonly cure: string;

	constructor(message: string, cure: string) {
		super(message);
		this.cure = cure;
	}
}

export type Reader<T> = (text: string) => T;

/** A duration between two bounds in milliseconds, both included; milliseconds. */
export function duration(min: number, max: number): Reader<number> {
	return (text) => {
		const ms = parseDuration(text);
		if (ms === null) {
			throw new Malformed("it is no duration", "write a number with a unit, such as 500ms, 20s, 5m, 24h or 30d");
		}
		if (ms < min || ms > max) {
			throw new Malformed("it is out of range", `choose between ${formatDuration(min)} and ${formatDuration(max)}`);
		}
		return ms;
	};
}

/** A whole number between two bounds, both included. */
export function count(min: number, max: number): Reader<number> {
	return (text) => {
		const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
		if (!(number >= min && number <= max)) {
			throw new Malformed("it is no whole number in range", `choose between ${min} and ${max}`);
		}
		return number;
	};
}

/** One of a closed list of words. */
export function word<const T extends string>(words: readonly T[]): Reader<T> {
	return (text) => {
		const found = words.find((known) => known === text);
		if (found === undefined) throw new Malformed("it is no known word", `choose one of: ${words.join(", ")}`);
		return found;
	};
}

export function address(text: string): Address {
	const parsed = parseAddress(text);
	if (typeof parsed === "string") {
		throw new Malformed(parsed, "write host:port, as 127.0.0.1:9001, or unix:PATH, as unix:/run/firebreak.sock");
	}
	return parsed;
}

/** `off`, or what the reader makes of the text. */
export function orOff<T>(reader: Reader<T>): Reader<T | "off"> {
	return (text) => (text === "off" ? "off" : reader(text));
}

/** A path on this machine, as given. */
export function path(text: string): string {
	if (text.includes("\0")) throw new Malformed("it is no path", "name a file without NUL bytes");
	return text;
}

/** A URL with one of the schemes. */
export function url(schemes: readonly string[], example: string): Reader<string> {
	return (text) => {
		const scheme = URL.parse(text)?.protocol.slice(0, -1);
		if (scheme === undefined || !schemes.includes(scheme)) {
			throw new Malformed(
				`it is no ${schemes.join(":// or ")}:// URL`,
				`write ${example}, with special characters in user and password percent-encoded`,
			);
		}
		return text;
	};
}
