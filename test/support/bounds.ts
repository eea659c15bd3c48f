/** Runs `firebreak serve` with other bounds than its own. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Workspace } from "../../demo/workspace.ts";

/** The environment that sets these LIMITS before the server's modules are loaded, by a file in the workspace. */
export function withBounds(
	workspace: Workspace,
	bounds: Readonly<Record<string, number>>,
): { readonly NODE_OPTIONS: string } {
	const limits = pathToFileURL(path.resolve(import.meta.dirname, "../../src/core/limits.ts"));
	const file = workspace.write(
		"bounds.mjs",
		`import { LIMITS } from "${limits}";
		for (const [name, value] of Object.entries(${JSON.stringify(bounds)})) {
			if (!(name in LIMITS)) throw new Error(name + " is no limit");
			LIMITS[name] = value;
		}`,
	);
	return { NODE_OPTIONS: `--import=${pathToFileURL(file)}` };
}
