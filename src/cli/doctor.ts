/** `firebreak doctor`: what is wrong with Firebreak's own side, or with an Envoy that asks it, and how to mend it. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { FINDINGS as OF_ENVOY } from "../doctor/envoy/catalogue.ts";
import { examineEnvoy } from "../doctor/envoy/examine.ts";
import { fetchEnvoy } from "../doctor/envoy/fetch.ts";
import type { Finding } from "../doctor/finding.ts";
import { FINDINGS as OF_FIREBREAK } from "../doctor/firebreak/catalogue.ts";
import { examineFirebreak } from "../doctor/firebreak/examine.ts";
import { withDatabase } from "./database.ts";
import { gatherFacts } from "./doctor/facts.ts";
import { renderFindings } from "./doctor/render.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { createOutput } from "./output.ts";
import { exampleHelp, type Program } from "./program.ts";

/** Adds `doctor`. */
export function register(program: Program, io: Io): void {
	program
		.command("doctor")
		.description(
			"tell what is wrong, and how to mend it: with the database, its schema, policies, servers and this environment, or\n" +
				"with --envoy what a running Envoy's configuration has wrong about asking Firebreak. Exit 4 on a danger or a\n" +
				"warning; notices alone, of what is right only on purpose, exit 0",
		)
		.option("--envoy <url>", "Envoy's admin side, in place of the database", adminArgument)
		.option(
			"--accept <finding...>",
			"findings that are meant, each an id, or id@listener for one listener of Envoy's alone",
			acceptArgument,
		)
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak doctor",
				"firebreak doctor --envoy http://127.0.0.1:9901",
				"firebreak doctor --envoy http://127.0.0.1:9901 --accept authorization_missing@metrics --json",
			),
		)
		.action(async (_options, command) => {
			const { envoy, accept = [], ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const { subject, all } = envoy ? await lookAtEnvoy(envoy) : await lookAtFirebreak(io, options.databaseUrl);
			const isAccepted = ({ id, listener }: Finding) =>
				accept.some((one) => one.id === id && (one.listener === null || one.listener === listener));
			const findings = all.filter((finding) => !isAccepted(finding));
			const accepted = all.length - findings.length;
			output.answer({ subject, accepted, findings }, () => renderFindings(output, subject, findings, accepted));
			if (findings.some(({ severity }) => severity !== "notice")) io.setExitCode(EXIT.no);
		});
}

/** What was looked at, in a few words, and all that is wrong with it. */
interface Look {
	readonly subject: string;
	readonly all: readonly Finding[];
}

async function lookAtEnvoy(url: URL): Promise<Look> {
	const { version, dump, certificates } = await fetchEnvoy(url);
	const listeners = `${dump.listeners.length} listener${dump.listeners.length === 1 ? "" : "s"}`;
	return { subject: `Envoy ${version}, ${listeners}`, all: examineEnvoy(dump, certificates) };
}

function lookAtFirebreak(io: Io, databaseUrl: string | undefined): Promise<Look> {
	return withDatabase(io, "doctor", databaseUrl, async (database) => {
		const facts = await gatherFacts(io, database, databaseUrl);
		const live = facts.servers.filter((server) => server.live).length;
		const servers = `${live} live server${live === 1 ? "" : "s"}`;
		const revision = facts.policies === null ? "no schema" : `revision ${facts.policies.set.revision}`;
		return { subject: `Firebreak on ${database.name}, ${revision}, ${servers}`, all: examineFirebreak(facts) };
	});
}

/** Option parser for the URL of the admin side. */
function adminArgument(text: string): URL {
	const url = URL.canParse(text) ? new URL(text) : null;
	if (
		url === null ||
		!/^https?:$/.test(url.protocol) ||
		url.username !== "" ||
		url.password !== "" ||
		url.search !== ""
	) {
		throw new InvalidArgumentError("Write it as http://HOST:PORT, without credentials.");
	}
	return url;
}

interface Accepted {
	readonly id: string;
	readonly listener: string | null;
}

/** Option parser for accepted findings; each one adds to those before it. */
function acceptArgument(text: string, before: readonly Accepted[] = []): readonly Accepted[] {
	const [id = "", ...listener] = text.split("@");
	if (!Object.hasOwn({ ...OF_ENVOY, ...OF_FIREBREAK }, id)) {
		throw new InvalidArgumentError(`There is no finding ${id}; docs/reference/findings.md lists them.`);
	}
	return [...before, { id, listener: listener.length === 0 ? null : listener.join("@") }];
}
