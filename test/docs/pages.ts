/** The documentation's pages, as text. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Page {
	/** From the root. */
	readonly path: string;
	readonly text: string;
}

/** Every page: those in the root, and all below docs/. */
export function readPages(): readonly Page[] {
	const inRoot = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
	const below = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".md"),
	);
	return [...inRoot, ...below.map((name) => join("docs", name))].sort().map(readPage);
}

export function readPage(path: string): Page {
	return { path, text: readFileSync(join(ROOT, path), "utf8") };
}

export interface CodeBlock {
	readonly page: string;
	/** From 1. */
	readonly line: number;
	readonly language: string;
	readonly code: string;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

export function codeBlocks({ path, text }: Page, ...languages: readonly string[]): CodeBlock[] {
	return [...text.matchAll(FENCE)]
		.map((match) => ({
			page: path,
			line: text.slice(0, match.index).split("\n").length,
			language: match[1]!,
			code: match[2]!,
		}))
		.filter(({ language }) => languages.includes(language));
}

/** The text without its code blocks. */
export function prose({ text }: Page): string {
	return text.replace(FENCE, "");
}
