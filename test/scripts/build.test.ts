/** The publishable package, unpacked elsewhere as npm would unpack it: compiled, whole, and nothing of ours besides. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ROOT } from "../house/sources.ts";

let folder: string;
const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "firebreak-package-"));
	const built = execFileSync(process.execPath, [join(ROOT, "scripts/build.ts"), folder], { encoding: "utf8" });
	execFileSync("tar", ["-xzf", built.split(" (")[0]!, "-C", folder, "--strip-components=1"]);
	symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("holds what runs, and no more", () => {
	expect(
		readdirSync(folder)
			.filter((name) => name !== "node_modules" && !name.endsWith(".tgz"))
			.sort(),
	).toEqual(expect.arrayContaining(["README.md", "dist", "envoy", "migrations", "package.json", "proto"]));
	expect(readdirSync(join(folder, "migrations"))).toEqual(["schema"]);
	const compiled = readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" });
	expect(compiled.filter((name) => name.endsWith(".ts"))).toEqual([]);
});

test("its command line starts, with every command", () => {
	const help = run("dist/main.js", "--help");
	for (const command of ["serve", "migrate", "explain"]) expect(help).toContain(command);
});

test("everything that the server loads is there", () => {
	const loaded = run("--input-type=module", "-e", "await import('./dist/serve.js'); console.log('loaded')");
	expect(loaded.trim()).toBe("loaded");
});
