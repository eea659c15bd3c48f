/**
 * A program that starts others through startProcess, tells their process ids and the workspace in one line of JSON, and then
 * goes on as argv says: `wait` for a signal, `throw`, `exit`, or `finish` in good order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { startProcess, stopOnSignals } from "../../../demo/processes.ts";
import { createWorkspace } from "../../../demo/workspace.ts";

/** Prints its own process id and its child's, and says no to SIGTERM. */
const STUBBORN = 'trap "" TERM; sleep 60 & echo "ids $$ $!"; while true; do sleep 1; done';

const workspace = createWorkspace("test");
const stubborn = await startProcess({
	name: "stubborn",
	command: "bash",
	args: ["-c", STUBBORN],
	ready: (output) => output.includes("ids"),
	stopWithinMs: 200,
});
const plain = await startProcess({ name: "plain", command: "sleep", args: ["60"], ready: () => true });
const stop = async (): Promise<void> => {
	await plain.stop();
	await stubborn.stop();
	workspace.remove();
};
stopOnSignals(stop);

const [, leader, child] = stubborn.output().trim().split(" ").map(Number);
process.stdout.write(`${JSON.stringify({ ids: [leader, child, plain.pid], workspace: workspace.path })}\n`);

switch (process.argv[2]) {
	case "wait":
		await sleep(60_000);
		break;
	case "throw":
		throw new Error("on purpose");
	case "exit":
		process.exit(3);
		break;
	default:
		await stop();
}
