import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import type { Workspace } from "./workspace.ts";

/** A copy of migrations/policy that may be added to. */
export interface PolicyFolder {
	/** For `firebreak migrate up --dir`. */
	readonly path: string;
	/** Writes a migration that is newer than all others, and returns its file. Nothing is applied. */
	add(owner: string, slug: string, sql: string): string;
}

/** The example company's migrations, one folder an owner. */
export const EXAMPLE_POLICIES = path.join(import.meta.dirname, "..", "migrations", "policy");

/** Copies the example company's migrations into the workspace. */
export function copyPolicies(workspace: Workspace): PolicyFolder {
	const folder = path.join(workspace.path, "policy");
	cpSync(EXAMPLE_POLICIES, folder, { recursive: true });
	let newest = 0;
	return {
		path: folder,
		add(owner, slug, sql) {
			newest = Math.max(Date.now(), newest + 1_000);
			const stamp = new Date(newest).toISOString().replace(/\D/g, "").slice(0, 14);
			mkdirSync(path.join(folder, owner), { recursive: true });
			return workspace.write(path.join("policy", owner, `${stamp}_${slug}.sql`), sql);
		},
	};
}
