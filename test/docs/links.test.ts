/** Every relative link of every page leads to a file that is there, and to a heading of it. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "@jest/globals";
import { type Page, prose, ROOT, readPage, readPages } from "./pages.ts";

const pages = readPages();

test("there are pages", () => {
	expect(pages.map(({ path }) => path)).toEqual(
		expect.arrayContaining(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md", "docs/tutorial.md"]),
	);
});

test.each(pages)("links of $path", (page) => {
	expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
});

test("every page below docs/ can be reached from its map", () => {
	const map = readPage("docs/README.md");
	const reached = linksOf(map).map((link) => normalize(join("docs", link.split("#")[0]!)));
	const below = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
	expect(below.filter((path) => !reached.includes(path))).toEqual([]);
});

test("a link that leads nowhere is found", () => {
	const page: Page = {
		path: "docs/x.md",
		text: "# A b\n[a](y.md) [b](#a-b) [c](#a-c) [d](tutorial.md#nothing) ![e](z.svg)",
	};
	expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([
		"y.md",
		"#a-c",
		"tutorial.md#nothing",
		"z.svg",
	]);
});

function linksOf(page: Page): string[] {
	return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^\w+:/.test(link));
}

function leadsSomewhere(page: Page, link: string): boolean {
	const [file, anchor] = link.split("#") as [string, string?];
	const target = file === "" ? page.path : normalize(join(dirname(page.path), file));
	if (file !== "" && !existsSync(join(ROOT, target))) return false;
	if (anchor === undefined) return file === "" || statSync(join(ROOT, target)).isFile();
	return anchorsOf(file === "" ? page : readPage(target)).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(page: Page): string[] {
	const headings = [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => heading!);
	return headings.map((heading) =>
		heading
			.toLowerCase()
			.replace(/[^\p{L}\p{N}\s_-]/gu, "")
			.trim()
			.replace(/\s/g, "-"),
	);
}
