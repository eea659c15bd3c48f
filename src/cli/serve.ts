/** `firebreak serve`: checks the configuration, runs the server until it is told to stop. */
import { type Config, describeConfig, readConfig } from "../config.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { createOutput } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";

/** A started server. */
export interface Running {
	/** Drains, releases everything, and resolves when all is released. */
	stop(): Promise<void>;
}

/** The composition root (serve.ts), handed in so that the command line can be tried without one. */
export type Serve = (config: Config, io: Io) => Promise<Running>;

/** Adds `serve [--check-config]`. */
export function register(program: Program, io: Io, serve: Serve): void {
	program
		.command("serve")
		.description("run the authorization server; configured by the environment (docs/reference/configuration.md)")
		.option("--check-config", "only check the configuration: says OK, or every problem, and ends")
		.addHelpText("after", exampleHelp("DATABASE_URL=postgres://localhost/firebreak firebreak serve"))
		.action(async (_options, command) => {
			const { checkConfig, ...options } = command.optsWithGlobals();
			const config = readConfig(io.env, { databaseUrl: options.databaseUrl });
			if (checkConfig) {
				const output = createOutput(io, options);
				const settings = describeConfig(config);
				output.answer({ ok: true, settings }, () => {
					output.table(
						[{ head: "SETTING" }, { head: "VALUE" }],
						Object.entries(settings).map(([name, value]) => [name, value]),
					);
					output.line({ text: "OK", style: "green" });
				});
				return;
			}
			const running = await serve(config, io);
			await io.terminated();
			await running.stop();
			io.setExitCode(EXIT.yes);
		});
}
