/** Our own sources, as text, for the tests that hold the shape of the house. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Source {
	/** From the root, with `/`. */
	readonly path: string;
	/** Without comments, so that prose is no code. */
	readonly code: string;
	readonly lines: number;
	/** Modules of ours that it imports, also for types only, as paths from the root. */
	readonly imports: readonly string[];
	/** Packages and Node's own modules that it imports. */
	readonly packages: readonly string[];
}

export function readSources(folder: string): Source[] {
	return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts"))
		.map((name) => readSource(join(folder, name)));
}

function readSource(path: string): Source {
	const text = readFileSync(join(ROOT, path), "utf8");
	const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
	const named = [...code.matchAll(/(?:\bfrom|\bimport\(|^import)\s*"([^"]+)"/gm)].map(([, name]) => name!);
	return {
		path,
		code,
		lines: text.split("\n").length,
		imports: named
			.filter((name) => name.startsWith("."))
			.map((name) => relative(ROOT, join(ROOT, dirname(path), name))),
		packages: named.filter((name) => !name.startsWith(".")),
	};
}
