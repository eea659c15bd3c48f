/**
 * Loaded into a server that is measured (`node --import`): at SIGUSR2 it tells the longest time since it was asked last that
 * the event loop was not free. The metric nodejs_eventloop_lag_max_seconds is made by a timer of 10 ms and counts these in;
 * here the timer's millisecond is taken off.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on("SIGUSR2", () => {
	process.stderr.write(`longest pause ${Math.max(0, delay.max / 1e6 - RESOLUTION_MS).toFixed(2)} ms\n`);
	delay.reset();
});
