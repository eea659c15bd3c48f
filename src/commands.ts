/** The commands of the program, each handed what it runs. What only one of them needs is loaded when it runs. */
import * as doctor from "./cli/doctor.ts";
import * as explain from "./cli/explain.ts";
import * as keys from "./cli/keys.ts";
import * as migrate from "./cli/migrate.ts";
import type { CommandModule } from "./cli/program.ts";
import * as quarantine from "./cli/quarantine.ts";
import * as serve from "./cli/serve.ts";
import * as servers from "./cli/servers.ts";
import * as snapshot from "./cli/snapshot.ts";
import * as token from "./cli/token.ts";

export const COMMANDS: readonly CommandModule[] = [
	{
		register: (program, io) =>
			serve.register(program, io, async (config, given) => (await import("./serve.ts")).serve(config, given)),
	},
	migrate,
	{
		register: (program, io) =>
			explain.register(program, io, {
				explain: async (...query) => (await import("./explain.ts")).explainOffline(...query),
				explainDecision: async (...query) => (await import("./explain.ts")).explainRecorded(...query),
			}),
	},
	token,
	keys,
	quarantine,
	servers,
	snapshot,
	doctor,
];
