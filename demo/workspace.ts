import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A user of this machine, by number. */
export interface UserIds {
	readonly uid: number;
	readonly gid: number;
}

/** A temporary folder that is gone at the end, whatever the end is. */
export interface Workspace {
	readonly path: string;
	/** Writes a file that its owner alone may read and returns its absolute path; `name` must not leave the folder. */
	write(name: string, content: string): string;
	/** Removes the folder and all in it. May be called again. */
	remove(): void;
}

/** Makes a folder named `firebreak-<purpose>-<random>`, private to this user or to `owner` (which takes root). */
export function createWorkspace(purpose: string, owner?: UserIds): Workspace {
	const folder = mkdtempSync(path.join(tmpdir(), `firebreak-${purpose}-`));
	const remove = (): void => {
		process.off("exit", remove);
		// Again, should a program that was just killed still have put a file there.
		rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
	};
	// The last resort for a program that ends without coming back here.
	process.on("exit", remove);
	if (owner) {
		chownSync(folder, owner.uid, owner.gid);
		chmodSync(folder, 0o700);
	}
	return {
		path: folder,
		remove,
		write(name, content) {
			const file = path.join(folder, name);
			writeFileSync(file, content, { mode: 0o600 });
			if (owner) chownSync(file, owner.uid, owner.gid);
			return file;
		},
	};
}
