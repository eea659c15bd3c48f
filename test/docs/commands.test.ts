/** Commands of ours that pages show are ones that the program takes; names that pages drop are names that it has. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { describe, expect, test } from "@jest/globals";
import { program } from "../../scripts/docs/cli.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { METRIC } from "../../src/telemetry/names.ts";
import { codeBlocks, ROOT, readPages } from "./pages.ts";

const pages = readPages();

/** Each command line with its continuations, and the place where it stands. */
const lines = pages
	.flatMap((page) => codeBlocks(page, "sh", "text", "console"))
	.flatMap(({ page, line, code }) =>
		code
			.replace(/\\\n\s*/g, " ")
			.split("\n")
			.map((text) => ({ place: `${page}:${line}`, text: text.replace(/^\$ /, "") })),
	);

describe("firebreak", () => {
	const ours = lines.filter(({ text }) => /^firebreak [a-z-]/.test(text) && !/\[OPTIONS\]/.test(text));

	test("is shown somewhere", () => {
		expect(ours.length).toBeGreaterThan(15);
	});

	test.each(ours)("$place: $text", async ({ text }) => {
		await expect(parse(text)).resolves.toBeUndefined();
	});

	test.each(["firebreak explian", "firebreak migrate up --dryrun", "firebreak migrate new x", "firebreak serve now"])(
		"%s would not pass",
		async (text) => {
			await expect(parse(text)).rejects.toThrow();
		},
	);
});

describe("make", () => {
	const makefile = readFileSync(join(ROOT, "Makefile"), "utf8");
	const targets = [...makefile.matchAll(/^([a-z-]+):/gm)].map(([, target]) => target!);
	const ours = lines.filter(({ text }) => /^make [a-z]/.test(text));

	test.each(ours)("$place: $text", ({ text }) => {
		expect(targets).toContain(text.split(" ")[1]);
	});
});

test.each(pages)("settings and metrics that $path names are there", ({ text }) => {
	const written = text.replace(/<!-- generated: refused[\s\S]*?<!-- end -->/, "");
	const settings = [...written.matchAll(/\bFIREBREAK_[A-Z_]+[A-Z]\b/g)].map(([name]) => name);
	const injected = /^FIREBREAK_(SERVICE|PORT)$/;
	expect(settings.filter((name) => !(name in VARIABLES) && !injected.test(name))).toEqual([]);
	const metrics = [...written.matchAll(/\bfirebreak_[a-z_]+_(?:total|seconds|length|revision|seq)\b/g)].map(
		([name]) => name,
	);
	expect(metrics.filter((name) => !(Object.values(METRIC) as string[]).includes(name))).toEqual([]);
});

/** Parses as the program would, and runs nothing. */
async function parse(line: string): Promise<void> {
	const root = program();
	disarm(root);
	await root.parseAsync(words(line).slice(1), { from: "user" });
}

function disarm(command: CommandUnknownOpts): void {
	if (command.commands.length === 0) command.action(() => {});
	for (const child of command.commands) disarm(child);
}

/** A shell's words, near enough: quotes, and no expansions; comments and what is piped on are cut off. */
function words(line: string): string[] {
	const command = line.replace(/\s+#.*$/, "").split(/\s[|>]/)[0]!;
	return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
}
