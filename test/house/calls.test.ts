/** Calls that have one place, or none. */
import { expect, test } from "@jest/globals";
import { readSources } from "./sources.ts";

const sources = readSources("src");

/** What may not be written, where it may not, and where all the same. */
const FORBIDDEN: readonly { what: string; pattern: RegExp; within: RegExp; except?: RegExp }[] = [
	{ what: "time in the core", pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\./, within: /^src\/core\// },
	{ what: "randomness in the core", pattern: /Math\.random|randomUUID|randomBytes/, within: /^src\/core\// },
	{
		what: "I/O and logging in the core",
		pattern: /\bprocess\.|\bconsole\.|\bfetch\(|\bpino\b/,
		within: /^src\/core\//,
	},
	{ what: "waiting in the core", pattern: /\basync\b|\bawait\b|setTimeout|setImmediate/, within: /^src\/core\// },
	{ what: "console", pattern: /\bconsole\./, within: /^src\// },
	{
		what: "the environment outside config",
		pattern: /process\.env\b/,
		within: /^src\//,
		except: /^src\/(config|cli\/io)/,
	},
	{
		what: "ending the process outside the command line",
		pattern: /process\.exit\b/,
		within: /^src\//,
		except: /^src\/(main|cli\/io)\.ts$/,
	},
	{ what: "code made from text", pattern: /\beval\(|new Function\(/, within: /^src\// },
	{ what: "a URL parser on the wire", pattern: /new URL\(/, within: /^src\/(extauthz|core\/canonical)\// },
	{ what: "leftovers", pattern: /\bTODO\b|\bFIXME\b|\bXXX\b|debugger\b|@ts-ignore/, within: /^src\// },
];

test.each(FORBIDDEN)("no $what", ({ pattern, within, except }) => {
	const looked = sources.filter(({ path }) => within.test(path) && !except?.test(path));
	expect(looked.length).toBeGreaterThan(0);
	expect(looked.filter(({ code }) => pattern.test(code)).map(({ path }) => path)).toEqual([]);
});

test("the core imports no module of Node's", () => {
	const core = sources.filter(({ path }) => path.startsWith("src/core/"));
	const packages = new Set(core.flatMap((source) => source.packages));
	expect([...packages].filter((name) => name.startsWith("node:"))).toEqual([]);
});

test("a file is read in one sitting", () => {
	expect(sources.filter(({ lines }) => lines > 400).map(({ path, lines }) => `${path} ${lines}`)).toEqual([]);
	const long = sources.filter(({ lines }) => lines > 300).length;
	expect(long / sources.length).toBeLessThan(0.05);
});
