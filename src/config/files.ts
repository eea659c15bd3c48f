/** What settings that name files need of the file system. Each check says what is wrong, or null. */
import { accessSync, closeSync, constants, openSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";

export type FileCheck = (path: string) => string | null;

/** A file that this user can read, with something in it. */
export function unreadable(path: string): string | null {
	try {
		accessSync(path, constants.R_OK);
		const stats = statSync(path);
		if (!stats.isFile()) return "it names no file";
		return stats.size === 0 ? "its file is empty" : null;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "EACCES") return "its file may not be read by this user";
		return code === "ENOENT" || code === "ENOTDIR" ? "its file does not exist" : `its file cannot be read (${code})`;
	}
}

/** A folder that this user can read. */
export function unlistable(path: string): string | null {
	try {
		if (!statSync(path).isDirectory()) return "it names no folder";
		accessSync(path, constants.R_OK | constants.X_OK);
		return null;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "EACCES") return "its folder may not be read by this user";
		return code === "ENOENT" || code === "ENOTDIR" ? "its folder does not exist" : `it cannot be used (${code})`;
	}
}

/** A place where this user can put a file, over one that is there or as a new one. */
export function unplaceable(path: string): string | null {
	try {
		const there = statSync(path, { throwIfNoEntry: false });
		if (path.endsWith("/") || there?.isDirectory()) return "it names a folder";
		if (there && !there.isFile()) return "it names no file";
		if (!statSync(dirname(path)).isDirectory()) return "its folder does not exist";
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		return code === "ENOENT" || code === "ENOTDIR" ? "its folder does not exist" : `it cannot be used (${code})`;
	}
	// Tried, since permissions alone do not tell: of a file system that is read-only, say.
	const trial = `${path}.${process.pid}.trial`;
	try {
		closeSync(openSync(trial, "w", 0o600));
		rmSync(trial);
		return null;
	} catch (error) {
		return `its folder cannot be written by this user (${(error as NodeJS.ErrnoException).code})`;
	}
}
