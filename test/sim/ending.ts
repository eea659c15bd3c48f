/** Where every server has to be when the storm is over. */
import { EMPTY_SNAPSHOT } from "../../src/core/compile/compile.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { type SimDatabase, stateKey } from "./database.ts";
import { canonical, Violation } from "./invariants.ts";
import { POLL_MS, type SimServer } from "./server.ts";

/** @throws Violation when the server is not where the store is, long after everything was well again. */
export function checkEnd(database: SimDatabase, server: SimServer, now: number): void {
	const { newest, head, laneRows } = database;
	const fail = (message: string): never => {
		throw new Violation("ends at head", `${server.name} ${message}: ${JSON.stringify(server.status())}`);
	};
	const { snapshot, lane } = server.view();
	const status = server.status();
	if (JSON.stringify(status.head) !== JSON.stringify(head)) fail(`does not know the head ${JSON.stringify(head)}`);
	if (newest.snapshot !== null) {
		if (canonical(snapshot) !== canonical(newest.snapshot)) fail(`does not enforce ${stateKey(head)}`);
		if (status.refused !== null) fail("still refuses something");
		if (JSON.stringify(status.enforced) !== JSON.stringify(head)) fail("does not tell what it enforces");
		if (!server.started || status.state !== "following") fail("has not started");
		if ((status.policyAgeMs ?? Infinity) > LATE_MS) fail("does not know that its policy is the newest");
	} else {
		if (status.refused === null || stateKey(status.refused) !== stateKey(head)) fail("does not say that it refuses");
		if (status.refused?.problems.length === 0) fail("does not say why it refuses");
		if (!server.refusals.some((refusal) => stateKey(refusal) === stateKey(head))) fail("refuses silently");
		if (snapshot === EMPTY_SNAPSHOT && server.started) fail("has started with nothing");
	}
	if ((status.revocationAgeMs ?? Infinity) > LATE_MS) fail("does not know that its revocations are the newest");
	// Whoever has no policy shows no revocations either, and lets nothing pass.
	if (snapshot === EMPTY_SNAPSHOT) return;
	const whole = new Lane();
	for (const row of laneRows) whole.apply(row);
	if (effects(lane, now) !== effects(whole, now)) fail("holds other revocations");
}

/** What a lane holds, without what is over. */
function effects(lane: Lane, now: number): string {
	const live = [...lane.rows()].filter(({ until }) => until === null || until > now);
	return JSON.stringify(live.map((row) => JSON.stringify(row)).sort());
}

/** A poll, and the way there and back. */
const LATE_MS = POLL_MS + 400;
