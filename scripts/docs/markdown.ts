/** Pieces of Markdown. */

/** A table. Bars and line breaks inside cells are made harmless. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
	return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Inline code that may hold backticks; "" stays empty. */
export function code(text: string): string {
	if (text === "") return "";
	return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** First letter in upper case, and a full stop at the end. */
export function sentence(text: string): string {
	const whole = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.?!:]$/.test(whole) ? whole : `${whole}.`;
}

/** `a, b and c`. */
export function listOf(words: readonly string[], last = "and"): string {
	return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** Outside of inline code `<` would begin a tag. */
function cell(text: string): string {
	const parts = text
		.replaceAll("\n", " ")
		.replace(/(?<!\\)\|/g, "\\|")
		.split(/(`[^`]*`)/);
	return parts.map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;"))).join("");
}
