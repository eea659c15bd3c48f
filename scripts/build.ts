/**
 * Compiles src/ and packs what npm would publish; Node strips no types under node_modules, so packages hold JavaScript.
 * Prints the package's path. An argument names the folder that it goes to, in place of .cache/package/.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

interface Packed {
	readonly filename: string;
	readonly entryCount: number;
	readonly size: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, ".cache/package"));

process.stderr.write("compiling src/ to dist/ ...\n");
rmSync(join(root, "dist"), { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
chmodSync(join(root, "dist/main.js"), 0o755);

process.stderr.write("packing ...\n");
mkdirSync(folder, { recursive: true });
const pack = ["pack", "--json", "--loglevel=error", "--pack-destination", folder];
const [packed] = JSON.parse(execFileSync("npm", pack, { cwd: root, encoding: "utf8" })) as Packed[];
if (!packed) throw new Error("npm packed nothing");
process.stdout.write(
	`${join(folder, packed.filename)} (${packed.entryCount} files, ${Math.ceil(packed.size / 1024)} KiB)\n`,
);
