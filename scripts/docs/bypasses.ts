/** Requests that got past others, from the data that tests send. */
import { BYPASSES } from "../../test/cases/bypass/all.ts";
import type { Bypass, Conditions, Crafted } from "../../test/cases/bypass/case.ts";
import { code, listOf, table } from "./markdown.ts";

export function bypassTable(): string {
	const rows = BYPASSES.map((row) => [
		row.id === "none" ? "" : row.id,
		row.what,
		requestOf(row.request),
		outcomeOf(row.answer),
		exceptionsOf(row),
	]);
	return table(["advisory", "what", "request", "answer", "but"], rows);
}

/** Those that come to the same are told together. */
function exceptionsOf({ through = [] }: Bypass): string {
	const conditions = Map.groupBy(through, ([, outcome]) => outcome);
	return [...conditions]
		.map(([outcome, same]) => `${same.map(([on]) => conditionsOf(on)).join(", or ")}: ${outcomeOf(outcome)}`)
		.join("; ");
}

const LONGEST = 80;

/** What stands in the request that is out of the ordinary; bytes that are not printable as escapes. */
function requestOf({ method = "GET", target, host, scheme, headers = [], from }: Crafted): string {
	const parts = [`${method} ${target}`];
	if (host !== undefined) parts.push(`host: ${host}`);
	if (scheme !== undefined) parts.push(`:scheme: ${scheme}`);
	for (const [name, value] of headers.slice(0, 3)) parts.push(`${name}: ${value}`);
	const shown = parts.map((part) => code(cut(printable(part))));
	if (headers.length > 3) shown.push(`${headers.length - 3} more`);
	if (from === null) shown.push("no certificate");
	return shown.join(" ");
}

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text);

function printable(text: string): string {
	return text.replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

const outcomeOf = (outcome: Bypass["answer"]) => (outcome === "envoy" ? "Envoy refuses it" : code(outcome));

const WORDS: Readonly<Record<keyof Conditions, (value: unknown) => string>> = {
	http: (value) => (value === 0 ? "straight" : `HTTP/${value}`),
	normalize: (value) => `\`normalize_path\` ${onOff(value)}`,
	mergeSlashes: (value) => `\`merge_slashes\` ${onOff(value)}`,
	rawHeaders: (value) => `\`encode_raw_headers\` ${onOff(value)}`,
};
const onOff = (value: unknown) => (value ? "on" : "off");

function conditionsOf(on: Partial<Conditions>): string {
	return listOf(Object.entries(on).map(([name, value]) => WORDS[name as keyof Conditions](value)));
}
