/** Writes a snapshot file over and over, revisions 1 and 2 in turns, until it is killed. `node snapshot-writer.ts PATH`. */
import { realTimers } from "../../../src/store/follow/timers.ts";
import type { Written } from "../../../src/store/snapshot-file/writer.ts";
import { write, writerCheckpoint } from "./checkpoints.ts";

const path = process.argv[2]!;
// Whoever started it is gone.
process.stdin.resume().on("end", () => process.exit());
const checkpoints = [writerCheckpoint(1), writerCheckpoint(2)];
let previous: Written | null = null;
process.stdout.write("writing\n");
for (let turn = 0; ; turn++) {
	// Each one twice: once whole, once with what is copied.
	const checkpoint = checkpoints[(turn >> 1) % 2]!;
	previous = await write(path, checkpoint, { timers: realTimers, clock: Date.now, previous });
}
