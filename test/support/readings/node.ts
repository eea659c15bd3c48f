/** Node: its URL, its http with the frameworks' ways to take a path from it. */
import { decodeStrictly, pipe, type Reading, untilQuery } from "./bytes.ts";

const bytesOf = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const textOf = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");

/** `new URL(request.url, base)`: also dot segments, backslashes, tabs and authorities. */
const urlWithBase: Reading = (target) => {
	const pathname = URL.parse(textOf(target), "http://host.internal")?.pathname;
	return pathname === undefined ? null : decodeStrictly(bytesOf(pathname));
};

/** `new URL(base + request.url)`. */
const urlConcatenated: Reading = (target) => {
	const pathname = URL.parse(`http://host.internal${textOf(target)}`)?.pathname;
	return pathname === undefined ? null : decodeStrictly(bytesOf(pathname));
};

/** As Express and Fastify: up to `?`, decoded by decodeURIComponent, which refuses what is no UTF-8. */
const framework: Reading = (target) => {
	try {
		return bytesOf(decodeURIComponent(textOf(untilQuery(target))));
	} catch {
		return null;
	}
};

/** The same with a fragment or a parameter cut off, as older parsers did. */
const legacy: Reading = pipe((target) => target.split(/[?#]/, 1)[0] as string, framework);

export const NODE: Readonly<Record<string, Reading>> = { urlWithBase, urlConcatenated, framework, legacy };
