/** Request targets that somebody could read as another path. */
import fc from "fast-check";

const PIECES = [
	..."/.;%\\#?@:*+ \t\0!|",
	...["//", "..", "a", "admin", "public", "%2e", "%2E", "%2f", "%2F", "%5c", "%25", "%252f", "%252e", "%3b", "%3f"],
	...["%23", "%00", "%61", "%40", "%20", "%7B", "{", '"', "%c3%a9", "%C3", "%A9", "é", "\ufffd", "%c0%af", "%c0%ae"],
	...["%u002e", "..;", ";x", "/../", "/./", "%2e%2e/", "..%2f", "%0a", "%09"],
];

/** Anything at all. */
export const wildTargets: fc.Arbitrary<string> = fc
	.array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ maxLength: 2, unit: "binary" })), {
		maxLength: 10,
	})
	.map((pieces) => `/${pieces.join("")}`);

/** Mostly in order, so that the readers have something to disagree about. */
export const tameTargets: fc.Arbitrary<string> = fc
	.array(
		fc.constantFrom("a", "b", "/c", "/", "%20", "%c3%a9", "%40", "@", "{", "%7b", "%3F", "%23", "*", ":", ".x", "?x"),
		{
			maxLength: 10,
		},
	)
	.map((pieces) => `/${pieces.join("")}`);

const spelled = (character: string): fc.Arbitrary<string> => {
	const hex = character.charCodeAt(0).toString(16).padStart(2, "0");
	return fc.oneof(
		{ weight: 12, arbitrary: fc.constant(character) },
		fc.constantFrom(`%${hex}`, `%${hex.toUpperCase()}`, `%25${hex}`, `%u00${hex}`),
	);
};
const noise = fc.oneof({ weight: 12, arbitrary: fc.constant("") }, fc.constantFrom(...PIECES));

/** Spellings of these paths, and of ways around them. */
export const spellingsOf = (...paths: readonly string[]): fc.Arbitrary<string> =>
	fc
		.constantFrom(...paths)
		.chain((path) => fc.tuple(...[...path].map((character) => fc.tuple(spelled(character), noise))))
		.map((parts) => parts.flat().join(""));
