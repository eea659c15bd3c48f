/** Row 20: a policy is migrated while traffic runs. */
import { committedAt } from "./database.ts";
import { type Migrated, migrateUp } from "./firebreak.ts";
import type { Stage } from "./stage.ts";
import { CHANGE } from "./story.ts";
import { type Answered, ask, readVerdict, type Told } from "./teller.ts";

export interface Changed {
	/** The first answer to the request that was sent again and again. */
	readonly before: Told;
	/** The last one, after which nothing was sent: the first that passed, if one did. */
	readonly after: Told;
	/** Status of every answer, in order. */
	readonly statuses: readonly number[];
	/** Of the migration. */
	readonly revision: number;
	/** Milliseconds from COMMIT to the arrival of the last answer. */
	readonly afterCommit: number;
}

/** Longer than this nobody waits for a committed policy. */
const PATIENCE_MS = 10_000;

/** Sends the refused request without a pause, migrates the policy that allows it, and goes on until it passes. */
export async function changePolicy({ world, issuers, policies }: Stage): Promise<Changed> {
	const { owner, slug, sql } = CHANGE.migration;
	const answers: [Answered, ...Answered[]] = [await ask(world, issuers, CHANGE.before)];
	let giveUpAt = Number.POSITIVE_INFINITY;
	const traffic = async (): Promise<void> => {
		while (answers.at(-1)?.response.status !== 200 && performance.now() < giveUpAt) {
			answers.push(await ask(world, issuers, CHANGE.before));
		}
	};
	const migrate = async (): Promise<Migrated> => {
		policies.add(owner, slug, sql);
		const migrated = await migrateUp(world.databaseUrl, policies.path);
		giveUpAt = performance.now() + PATIENCE_MS;
		return migrated;
	};
	try {
		const [{ revision }] = await Promise.all([migrate(), traffic()]);
		const [first] = answers;
		const last = answers.at(-1) ?? first;
		return {
			before: { ...first, verdict: await readVerdict(world, first.traceId) },
			after: { ...last, verdict: await readVerdict(world, last.traceId) },
			statuses: answers.map(({ response }) => response.status),
			revision,
			afterCommit: last.arrived - (await committedAt(world.databaseUrl, revision)),
		};
	} finally {
		giveUpAt = 0;
	}
}
