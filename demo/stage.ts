/** The stage that the story is played on: the example company behind Envoy, with Firebreak, its policies and issuers. */
import { mkdirSync } from "node:fs";
import { createServerLogin } from "./database.ts";
import { exportTo, migrateUp, type RunningFirebreak, startFirebreak } from "./firebreak.ts";
import { createIssuers, type Issuers } from "./issuers.ts";
import { copyPolicies, type PolicyFolder } from "./policies.ts";
import { CHANGE } from "./story.ts";
import type { Workspace } from "./workspace.ts";
import { startWorld, type World, type WorldOptions } from "./world.ts";

export interface Stage {
	readonly world: World;
	readonly issuers: Issuers;
	readonly policies: PolicyFolder;
	readonly firebreak: RunningFirebreak;
	/** All servers, the one above first. */
	readonly replicas: readonly RunningFirebreak[];
	/** Policy migrations that were applied at the start, the schema's own aside, and the revision that they made. */
	readonly migrations: number;
	readonly revision: number;
	/** What Firebreak connects to Postgres with. */
	readonly serverUrl: string;
	/** FIREBREAK_KEYS_DIR, when Firebreak signs tokens. */
	readonly keysFolder: string | undefined;
}

export interface StageOptions extends Pick<WorldOptions, "otlpPort" | "step" | "resources" | "envoy"> {
	/** Connection string of a Postgres of one's own; embedded when absent. */
	readonly databaseUrl?: string | undefined;
	/** Environment variables for Firebreak. */
	readonly settings?: Readonly<Record<string, string>>;
	/** Whether Firebreak signs tokens: it gets a folder for keys, and a public side. */
	readonly signs?: boolean;
	/** Firebreaks that share the work, one by default. */
	readonly servers?: number;
}

/** Sets it up from nothing. On failure everything that was started is stopped again; `world.stop` ends it all. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
	const { databaseUrl, settings, signs = false, servers = 1, otlpPort, ...rest } = options;
	const step = options.step ?? ((_label, work) => work());
	const issuers = createIssuers();
	let set: Pick<Stage, "policies" | "replicas" | "migrations" | "revision" | "serverUrl" | "keysFolder"> | undefined;
	const world = await startWorld({
		...rest,
		...(databaseUrl !== undefined && { database: databaseUrl }),
		...(otlpPort !== undefined && { otlpPort }),
		async startFirebreak(ground) {
			const policies = copyPolicies(ground.workspace);
			policies.add("platform", "throw_away_keys", issuers.sql + CHANGE.undo);
			const { applied, revision } = await step("Migrations", () => migrateUp(ground.databaseUrl, policies.path));
			// Someone else's Postgres is left without logins of ours.
			const serverUrl = databaseUrl ?? (await createServerLogin(ground.databaseUrl));
			const telemetry = otlpPort === undefined ? {} : exportTo(otlpPort);
			const keysFolder = signs ? createKeysFolder(ground.workspace) : undefined;
			const replicas: RunningFirebreak[] = [];
			for (let number = 1; number <= servers; number++) {
				const name = number === 1 ? "Firebreak" : `Firebreak ${number}`;
				const firebreak = await step(name, () =>
					startFirebreak(ground, serverUrl, { ...telemetry, ...settings }, name, keysFolder),
				);
				ground.resources.defer(firebreak.process.stop);
				replicas.push(firebreak);
			}
			const migrations = applied.filter(({ owner }) => owner !== null).length;
			set = { policies, replicas, migrations, revision, serverUrl, keysFolder };
			const [{ address }, ...others] = replicas as [RunningFirebreak, ...RunningFirebreak[]];
			return { ...address, replicas: others.map((other) => other.address.port) };
		},
	});
	const [firebreak] = set?.replicas ?? [];
	if (!set || !firebreak) throw new Error("the world did not start Firebreak");
	return { world, issuers, firebreak, ...set };
}

/** For files that nobody else may read. */
function createKeysFolder({ path }: Workspace): string {
	const folder = `${path}/keys`;
	mkdirSync(folder, { mode: 0o700 });
	return folder;
}
