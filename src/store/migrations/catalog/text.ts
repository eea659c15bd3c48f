/** A catalog as the text that is kept in the repository, and back. */
import type { Catalog, Property } from "./read.ts";

/**
 * One paragraph for each object: its name, then a property a line, `name: value`, or `name ~ value` for what Postgres words
 * anew. Further lines of a value stand behind `|`.
 */
export function formatCatalog({ major, objects }: Catalog): string {
	const paragraphs = [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(formatObject);
	return `${HEAD}postgres ${major}\n\n${paragraphs.join("\n")}`;
}

function formatObject([object, properties]: [string, ReadonlyMap<string, Property>]): string {
	const lines = [...properties.values()].map(({ name, value, deparsed }) => {
		const [first = "", ...rest] = value.split("\n");
		const mark = deparsed ? " ~" : ":";
		return [`  ${name}${mark}${first === "" ? "" : ` ${first}`}`, ...rest.map((line) => `    |${line}`)].join("\n");
	});
	return `${object}\n${lines.join("\n")}\n`;
}

/** @throws SyntaxError when the text is not what {@link formatCatalog} writes. */
export function parseCatalog(text: string): Catalog {
	const objects = new Map<string, Map<string, Property>>();
	let major: number | null = null;
	let properties: Map<string, Property> | null = null;
	let last: Property | null = null;
	for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
		if (line === "" || line.startsWith("#")) continue;
		if (major === null && /^postgres \d+$/.test(line)) {
			major = Number(line.slice("postgres ".length));
		} else if (line.startsWith("    |") && last && properties) {
			const { name, value, deparsed }: Property = last;
			last = { name, value: `${value}\n${line.slice("    |".length)}`, deparsed };
			properties.set(name, last);
		} else if (line.startsWith("  ") && properties) {
			last = parseProperty(line.slice(2));
			properties.set(last.name, last);
		} else if (major !== null && !line.startsWith(" ")) {
			properties = new Map();
			objects.set(line, properties);
		} else {
			throw new SyntaxError(`the schema's catalog is malformed: ${line}`);
		}
	}
	if (major === null) throw new SyntaxError("the schema's catalog does not say which Postgres described it");
	return { major, objects };
}

function parseProperty(line: string): Property {
	const [, name, mark, value] = /^(.*?)( ~|:)(?: (.*))?$/.exec(line) ?? [];
	if (name === undefined) throw new SyntaxError(`the schema's catalog is malformed: ${line}`);
	return { name, value: value ?? "", deparsed: mark !== ":" };
}

const HEAD = `# The schema that migrations/schema/ makes, as Postgres describes it. firebreak migrate verify holds databases against it.
# Written by scripts/schema.ts after each change of the schema; never edited by hand.
`;
