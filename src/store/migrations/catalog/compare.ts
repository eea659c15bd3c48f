/** Where a database's schema is not what its files make of it. */
import type { Problem } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { Catalog, Property } from "./read.ts";

/** Whether both were described by the same major version of Postgres: others word expressions differently. */
export const isSameWording = (expected: Catalog, actual: Catalog): boolean => expected.major === actual.major;

/** One problem for each object that is missing, unknown, or another than expected. */
export function compareCatalogs(expected: Catalog, actual: Catalog): readonly Problem[] {
	const worded = isSameWording(expected, actual);
	const problems: Problem[] = [];
	for (const [object, properties] of expected.objects) {
		const found = actual.objects.get(object);
		if (!found) {
			problems.push({ object, message: "it is missing", cure: RESTORE });
			continue;
		}
		const names = new Set([...properties.keys(), ...found.keys()]);
		const differences = [...names].flatMap((name) => differenceOf(name, properties.get(name), found.get(name), worded));
		if (differences.length > 0) problems.push({ object, message: differences.join("; "), cure: RESTORE });
	}
	for (const object of actual.objects.keys()) {
		if (!expected.objects.has(object)) problems.push({ object, message: "it is none of the schema's", cure: REMOVE });
	}
	return problems;
}

function differenceOf(
	name: string,
	expected: Property | undefined,
	actual: Property | undefined,
	worded: boolean,
): readonly string[] {
	if (expected?.value === actual?.value) return [];
	if (!expected) return [`${name} is there and should not be: ${shown(actual!)}`];
	if (!actual) return [`${name} is missing: ${shown(expected)}`];
	if (expected.deparsed && !worded) return [];
	return [`${name} is ${shown(actual)} in place of ${shown(expected)}`];
}

/** Of a long value, which of two may differ anywhere, the length says enough. */
function shown({ value }: Property): string {
	if (value.length <= LIMITS.plannedValueChars && !value.includes("\n")) return JSON.stringify(value);
	return `a text of ${value.length} characters`;
}

const RESTORE = "undo what was changed by hand, or make the schema's change in a new file of migrations/schema";
const REMOVE = "remove it, or keep it in a schema of its own";
