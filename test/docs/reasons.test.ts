/** Details are plain words in the code; the reference knows each of them, and no others. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { detailsOf, REASON_TEXTS } from "../../scripts/docs/reasons.ts";
import { REASONS, type Reason } from "../../src/core/reasons.ts";
import { ROOT } from "./pages.ts";

const sources = ["src/core/decide", "src/core", "src/extauthz", "src/authn", "src/core/canonical"].flatMap((folder) =>
	readdirSync(join(ROOT, folder))
		.filter((name) => name.endsWith(".ts"))
		.map((name) => readFileSync(join(ROOT, folder, name), "utf8")),
);
const code = sources.join("\n");

/** Where the core gives a reason and a detail by name; credentials and ambiguities are held by types. */
const GIVEN: readonly (readonly [reason: string, detail: string])[] = [
	...code.matchAll(/verdict\.fail\("\w+", "(?<reason>\w+)", "(?<detail>\w+)"/g),
	...code.matchAll(/verdict\.fail\("\w+", "(?<reason>\w+)", [^"\n]*\? "(?<detail>\w+)"/g),
	...code.matchAll(/verdict\.fail\("\w+", "(?<reason>\w+)", [^"\n]*\? "\w+" : "(?<detail>\w+)"/g),
	...code.matchAll(/reason: "(?<reason>\w+)", detail: "(?<detail>\w+)"/g),
].map(({ groups }) => [groups!.reason!, groups!.detail!] as const);

describe("details", () => {
	test("are found in the sources", () => {
		expect(GIVEN.length).toBeGreaterThan(8);
	});

	test.each(GIVEN)("%s %s is told of", (reason, detail) => {
		expect(Object.keys(detailsOf(reason as Reason))).toContain(detail);
	});

	const told = (Object.keys(REASONS) as Reason[])
		.filter((reason) => REASON_TEXTS[reason].later !== true)
		.flatMap((reason) => Object.keys(detailsOf(reason)).map((detail) => [reason, detail] as const));
	test.each(told)("%s %s is a word of the code", (_reason, detail) => {
		expect(new RegExp(`"${detail}"|\\b${detail}:`).test(code)).toBe(true);
	});

	test("of an unknown destination are those that locate gives", () => {
		const given = [...code.matchAll(/unknown\("(\w+)"\)/g)].map(([, detail]) => detail);
		expect([...new Set(given)].toSorted()).toEqual(Object.keys(detailsOf("destination_unknown")).toSorted());
	});
});

test("a reason that nothing gives is said to be given by nothing", () => {
	const outside = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
		.filter(
			(name) =>
				name.endsWith(".ts") && !/reasons\.ts$|request\.ts$|challenge\.ts$|judge\.ts$|decisions\.ts$/.test(name),
		)
		.map((name) => readFileSync(join(ROOT, "src", name), "utf8"))
		.join("\n");
	const given = (reason: string) => new RegExp(`"${reason}"|\\b${reason}:`).test(outside);
	const later = (Object.keys(REASONS) as Reason[]).filter((reason) => REASON_TEXTS[reason].later);
	expect(later.filter(given)).toEqual([]);
});
