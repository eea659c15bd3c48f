/** Puts generated text between the markers of a page: `<!-- generated: NAME -->` and `<!-- end -->`. */

const BLOCK = /<!-- generated: ([a-z-]+) -->\n[\s\S]*?<!-- end -->/g;

/** The names that a page asks for, in order. */
export function blocksOf(page: string): readonly string[] {
	return [...page.matchAll(BLOCK)].map(([, name]) => name!);
}

/** The page with each block as `render` gives it. */
export async function fill(page: string, render: (name: string) => Promise<string>): Promise<string> {
	const texts = new Map<string, string>();
	for (const name of blocksOf(page)) texts.set(name, await render(name));
	return page.replace(BLOCK, (_, name: string) => `<!-- generated: ${name} -->\n${texts.get(name)}\n<!-- end -->`);
}
