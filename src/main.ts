#!/usr/bin/env node
import { processSurroundings } from "./cli/io.ts";
import { run } from "./cli/program.ts";
import { COMMANDS } from "./commands.ts";

process.exitCode = await run(process.argv.slice(2), processSurroundings(), COMMANDS);
// The process ends by itself when nothing is under way, and no later than this: a collector that never answers holds
// its request open for longer.
setTimeout(() => process.exit(), 1_000).unref();
