/** Steps that servers read targets in. Texts are bytes: one character each, up to 0xFF. */

/** A server's reading of a request target: the path that it serves, decoded, as bytes; null when it refuses the request. */
export type Reading = (target: string) => string | null;

export const untilQuery = (target: string) => target.split("?", 1)[0] as string;
export const untilFragment = (target: string) => target.split("#", 1)[0] as string;

/** Decodes each escape once; what is none stays as it is, or is refused. */
export function decodeOnce(text: string, broken: "keep" | "refuse" = "keep"): string | null {
	if (broken === "refuse" && /%(?![0-9A-Fa-f]{2})/.test(text)) return null;
	return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Merges slashes and resolves dot segments; a trailing slash stays. `above` is what `..` at the root comes to. */
export function clean(path: string, above: "root" | "refuse" = "root"): string | null {
	const kept: string[] = [];
	for (const segment of path.split("/")) {
		if (segment === "..") {
			if (kept.length === 0 && above === "refuse") return null;
			kept.pop();
		} else if (segment !== "" && segment !== ".") kept.push(segment);
	}
	const trailing = /\/\.{0,2}$/.test(path) && kept.length > 0 ? "/" : "";
	return `/${kept.join("/")}${trailing}`;
}

/** Each step on the result of the one before, until one refuses. */
export function pipe(...steps: readonly ((text: string) => string | null)[]): Reading {
	return (target) => steps.reduce<string | null>((text, step) => (text === null ? null : step(text)), target);
}

export const decode = (text: string) => decodeOnce(text);
export const decodeStrictly = (text: string) => decodeOnce(text, "refuse");
export const cleaned = (path: string) => clean(path);
export const cleanedStrictly = (path: string) => clean(path, "refuse");
export const mergeSlashes = (path: string) => path.replace(/\/{2,}/g, "/");
export const backslashes = (path: string) => path.replaceAll("\\", "/");

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const holdsControl = (target: string) => /[\x00-\x1f\x7f]/.test(target);
