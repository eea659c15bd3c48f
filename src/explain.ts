/** `firebreak explain` without a server: policies and revocations from the database, judged by the code that serves. */
import { randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { createAuthenticator } from "./authn/authenticator.ts";
import { KeyRing } from "./authn/keys/ring.ts";
import { MemoryReplay } from "./authn/proof/memory.ts";
import { compilePolicySet } from "./core/compile/compile.ts";
import { runToEnd } from "./core/compile/generator.ts";
import { FirebreakError } from "./core/errors.ts";
import type { Explained, ExplainQuery } from "./core/explanation.ts";
import { Lane } from "./core/lane/lane.ts";
import type { PolicyView } from "./core/policy-view.ts";
import { explain } from "./extauthz/explain.ts";
import { loadRecordedQuestion } from "./store/decisions.ts";
import { loadLane } from "./store/lane.ts";
import { loadPolicySet, loadPolicySetAt } from "./store/load.ts";
import { openDatabase } from "./store/pool.ts";

/**
 * Explains a made-up request. Signing keys are fetched when the request carries a token.
 * @throws FirebreakError not_found, policy_invalid, and what the store raises.
 */
export async function explainOffline(
	databaseUrl: string,
	query: ExplainQuery,
	revision: number | null,
): Promise<Explained> {
	return withClient(databaseUrl, async (client) => judge(await loadView(client, revision), query));
}

/**
 * Explains a recorded decision anew: by the revision and at the instant of its record. Neither the credential nor the
 * request's query and headers are recorded: the credential step shows what the record says of it.
 * @throws FirebreakError not_found when there is no such record, or its revision is of another epoch; `unsupported` when
 *   what is recorded does not lead to the recorded decision, since a condition read what is not.
 */
export async function explainRecorded(databaseUrl: string, id: string): Promise<Explained> {
	return withClient(databaseUrl, async (client) => {
		const { query, revision, credential, recorded } = await loadRecordedQuestion(client, id);
		const view = await loadView(client, revision);
		const rules = { authenticator: { examine: () => credential }, ages: NO_AGE, clock: Date.now };
		const explained = await explain(rules, view, query);
		if (explained.decision.reason === recorded.reason) return explained;
		throw new FirebreakError("unsupported", `what is recorded of ${id} does not lead to its decision`, {
			problems: [
				{
					object: "decision",
					message: `${recorded.reason} was recorded, ${explained.decision.reason} comes of what is kept of the request`,
					cure: "the proxy that asked, a forwarded identity or a condition decided: look at its span, which names the detail",
				},
			],
		});
	});
}

async function judge(view: PolicyView, query: ExplainQuery): Promise<Explained> {
	const keys = new KeyRing({ clock: Date.now });
	try {
		if (query.token !== null) keys.follow([...view.snapshot.domains.values()].flatMap(({ issuers }) => issuers));
		const clock = () => query.at ?? Date.now();
		// Explaining remembers no proof, so this memory stays empty; its nonces are nobody's.
		const replay = new MemoryReplay({ since: clock(), secret: randomBytes(32) });
		const authenticator = createAuthenticator({ clock, keys, replay });
		return await explain({ authenticator, ages: NO_AGE, clock }, view, query);
	} finally {
		keys.stop();
	}
}

async function loadView(client: ClientBase, revision: number | null): Promise<PolicyView> {
	const set = revision === null ? await loadPolicySet(client) : await loadPolicySetAt(client, revision);
	const result = runToEnd(compilePolicySet(set));
	if (!result.ok) {
		const { problems } = result;
		throw new FirebreakError("policy_invalid", `revision ${set.revision} does not compile`, { problems });
	}
	const lane = new Lane();
	for (;;) {
		const rows = await loadLane(client, lane.seq);
		if (rows.length === 0) break;
		for (const row of rows) lane.apply(row);
	}
	return { snapshot: result.snapshot, lane, policyConfirmedAt: Date.now(), laneConfirmedAt: Date.now() };
}

async function withClient<T>(databaseUrl: string, work: (client: ClientBase) => Promise<T>): Promise<T> {
	const database = openDatabase(databaseUrl, { applicationName: "firebreak explain" });
	try {
		return await database.withClient(work);
	} finally {
		await database.end();
	}
}

/** What was just read is as fresh as it gets, whatever time it is judged for. */
const NO_AGE = { maxPolicyAge: Number.POSITIVE_INFINITY, maxRevocationAge: Number.POSITIVE_INFINITY };
