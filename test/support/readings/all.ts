import type { Reading } from "./bytes.ts";
import { GO } from "./go.ts";
import { JAVA } from "./java.ts";
import { NGINX } from "./nginx.ts";
import { NODE } from "./node.ts";
import { OTHERS } from "./others.ts";

const named = (group: string, readings: Readonly<Record<string, Reading>>) =>
	Object.entries(readings).map(([name, reading]) => [`${group}: ${name}`, reading] as const);

/** What common programs make of a request target, by name. */
export const READINGS: readonly (readonly [name: string, reading: Reading])[] = [
	...named("Node", NODE),
	...named("Go", GO),
	...named("nginx", NGINX),
	...named("Java", JAVA),
	...named("others", OTHERS),
];
