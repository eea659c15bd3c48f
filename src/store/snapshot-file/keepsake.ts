/** The snapshot file as what a follower takes up at its start. */
import type { Keepsake } from "../follow/restore.ts";
import { readSnapshotFile } from "./reader.ts";

export function snapshotKeepsake(path: string): Keepsake {
	return { name: path, read: (options) => readSnapshotFile(path, options) };
}
