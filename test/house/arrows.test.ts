/** Imports run one way, and nowhere in a circle. */
import { expect, test } from "@jest/globals";
import { readSources, type Source } from "./sources.ts";

/** Which rooms of src/ a room may import, itself aside. Files that stand in src/ itself are rooms of their own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
	core: [],
	authn: ["core"],
	store: ["core"],
	audit: ["core"],
	limiter: ["core"],
	issuing: ["core"],
	tls: ["core"],
	public: ["store", "authn", "audit", "issuing", "tls", "core", "socket-file.ts"],
	telemetry: ["core", "version.ts"],
	doctor: ["core"],
	extauthz: ["authn", "tls", "core", "socket-file.ts"],
	admin: ["store", "authn", "audit", "issuing", "core", "socket-file.ts", "version.ts"],
	cli: ["store", "authn", "audit", "issuing", "doctor", "core", "config.ts", "version.ts"],
	config: ["core"],
	"config.ts": ["config", "core"],
	"redis.ts": ["core"],
	"socket-file.ts": ["core"],
	"version.ts": [],
};

/** The composition root, and what hands it to the command line. */
const ROOTS = ["main.ts", "commands.ts", "serve", "serve.ts", "explain.ts"];

const sources = readSources("src");
const roomOf = (path: string) => path.split("/")[1] ?? "";

test("there is something to look at", () => {
	expect(sources.length).toBeGreaterThan(50);
	expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(100);
});

test("imports follow the arrows", () => {
	const wrong = sources.flatMap(({ path, imports }) => {
		const room = roomOf(path);
		if (ROOTS.includes(room)) return [];
		const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
		return imports.filter((target) => !allowed.includes(roomOf(target))).map((target) => `${path} -> ${target}`);
	});
	expect(wrong).toEqual([]);
});

test("every import leads to a file of src", () => {
	const known = new Set(sources.map(({ path }) => path));
	const lost = sources.flatMap(({ path, imports }) =>
		imports.filter((target) => target.endsWith(".ts") && !known.has(target)).map((target) => `${path} -> ${target}`),
	);
	expect(lost).toEqual([]);
});

test("no cycles", () => {
	expect(findCycle(sources)).toBeNull();
	const looped = [
		{ path: "src/a.ts", imports: ["src/b.ts"] },
		{ path: "src/b.ts", imports: ["src/a.ts"] },
	] as unknown as Source[];
	expect(findCycle(looped)).toEqual(["src/a.ts", "src/b.ts", "src/a.ts"]);
});

function findCycle(files: readonly Source[]): readonly string[] | null {
	const byPath = new Map(files.map((file) => [file.path, file]));
	const done = new Set<string>();
	const visit = (path: string, trail: readonly string[]): readonly string[] | null => {
		if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
		if (done.has(path)) return null;
		for (const target of byPath.get(path)?.imports ?? []) {
			const cycle = visit(target, [...trail, path]);
			if (cycle) return cycle;
		}
		done.add(path);
		return null;
	};
	for (const { path } of files) {
		const cycle = visit(path, []);
		if (cycle) return cycle;
	}
	return null;
}
