/**
 * Loaded into the server of a soak before anything else: collects garbage every few seconds. By itself V8 lets garbage pile up for
 * minutes, so that a run of minutes would tell nothing of what is kept.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const COLLECT_MS = 2_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
setInterval(collect, COLLECT_MS).unref();
