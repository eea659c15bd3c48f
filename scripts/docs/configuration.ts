/** The reference of environment variables: names, defaults and ranges from the program's own table and readers. */

import { type Environment, VARIABLES, type VariableName } from "../../src/config/variables.ts";
import { readConfig } from "../../src/config.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import { code, listOf, sentence, table } from "./markdown.ts";

/** What a value may be and when it takes effect, beyond the table's own words. */
const NOTES: Readonly<Record<VariableName, string>> = {
	DATABASE_URL: "`--database-url` beats it",
	FIREBREAK_DATABASE_URL: "both may be set when they are equal",
	FIREBREAK_GRPC_ADDR: "port 0 lets the system choose. A socket is open to its owner and group (mode 0660)",
	FIREBREAK_GRPC_TLS_CERT: "leaf first. All three TLS files or none; read again when they change",
	FIREBREAK_GRPC_TLS_KEY: "without a passphrase",
	FIREBREAK_GRPC_TLS_CLIENT_CA: "a proxy without a certificate of theirs cannot connect",
	FIREBREAK_ENFORCER_IDENTITY:
		"`tls` when certificates are set, else `none`. With `none`, whoever connects may ask about any destination",
	FIREBREAK_ADMIN_ADDR: "plain HTTP",
	FIREBREAK_ADMIN_TOKEN_FILE:
		"required unless the address is loopback or a socket; without any token nothing can be changed over HTTP",
	FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE:
		"with it, the token of `FIREBREAK_ADMIN_TOKEN_FILE` only reads. For changes the server's login needs the role `firebreak_operator` besides",
	FIREBREAK_PUBLIC_ADDR:
		"HTTPS; plain HTTP, for the keys alone, where the address is loopback or a socket and no certificates are set",
	FIREBREAK_PUBLIC_TLS_CERT: "leaf first. All three files or none; read again when they change",
	FIREBREAK_PUBLIC_TLS_KEY: "without a passphrase",
	FIREBREAK_PUBLIC_TLS_CLIENT_CA:
		"keys are for everybody; a token is exchanged only for a workload with a certificate of theirs",
	FIREBREAK_SNAPSHOT_PATH:
		"the folder must be there and writable. See [start without Postgres](../how-to/start-without-postgres.md)",
	FIREBREAK_MAX_POLICY_AGE: "counted from the last time Postgres confirmed that nothing is newer",
	FIREBREAK_MAX_REVOCATION_AGE: "counted alike",
	FIREBREAK_POLL_INTERVAL: "hints (NOTIFY) come sooner; the poll is what is relied on",
	FIREBREAK_KEYS_DIR:
		"files of mode 0600 in folders of mode 0700; whatever others may use is refused. Only servers with the token endpoint need it. See [issue tokens](../how-to/issue-tokens.md)",
	FIREBREAK_REPLAY_STORE:
		"with `memory` each server knows its own, and a proof is good once at each; with `redis` once at all of them. See [bound tokens](../how-to/bind-tokens.md)",
	FIREBREAK_RATE_STORE:
		"with `memory` each server has its share, the budget divided by the live servers; with `redis` all spend it together",
	FIREBREAK_REDIS_URL:
		"one server that may be written to, no cluster; a database of its own (`/1`). Only with a store that is `redis`",
	FIREBREAK_RECORD_QUEUE_MAX: "decisions, and as many rows of allowed traffic",
	FIREBREAK_RECORD_RETENTION: "",
	FIREBREAK_DRAIN_TIMEOUT: "the first second of it is notice: health says NOT_SERVING, checks are still answered",
	FIREBREAK_LOG_LEVEL: "one JSON object a line, on standard output",
};

const WORKING: Environment = { DATABASE_URL: "postgres://localhost/firebreak" };

export function variableTable(): string {
	const names = Object.keys(VARIABLES) as VariableName[];
	return table(
		["variable", "default", "value", "about"],
		names.map((name) => {
			const { initial, about } = VARIABLES[name];
			const notes = [about, NOTES[name]].filter((text) => text !== "").map(sentence);
			return [code(name), code(initial ?? "") || "none", rangeOf(name), notes.join(" ")];
		}),
	);
}

/** What the reader says to somebody who wrote nonsense. */
function rangeOf(name: VariableName): string {
	const { read, initial } = VARIABLES[name];
	const cure = complaintOf(read, "999999d") ?? PATH;
	const words = cure.replace(/^(choose one of: |choose |write )/, "").replace(/, with special characters.*$/, "");
	const range = cure.startsWith("choose one of") ? listOf(words.split(", ").map(code), "or") : words;
	const takesOff = initial === "off" || (range !== PATH && complaintOf(read, "off") === null);
	return takesOff ? `\`off\`, or ${range}` : range;
}

const PATH = "a path";

function complaintOf(read: (text: string) => unknown, text: string): string | null {
	try {
		read(text);
		return null;
	} catch (error) {
		return (error as { cure: string }).cure;
	}
}

/** Configurations that are refused; what the program says of each is its own. */
const REFUSED: readonly Environment[] = [
	{},
	{ ...WORKING, FIREBREAK_DATABASE_URL: "postgres://other/firebreak" },
	{ DATABASE_URL: "mysql://localhost/firebreak" },
	{ ...WORKING, FIREBREAK_GRPC_ADR: "127.0.0.1:9001" },
	{ ...WORKING, FIREBREAK_SOMETHING_ELSE: "1" },
	{ ...WORKING, FIREBREAK_METRICS_SERVICE_HOST: "10.0.0.7" },
	{ ...WORKING, FIREBREAK_POLL_INTERVAL: "5" },
	{ ...WORKING, FIREBREAK_POLL_INTERVAL: "5m", FIREBREAK_MAX_REVOCATION_AGE: "1m" },
	{ ...WORKING, FIREBREAK_GRPC_ADDR: "0.0.0.0:9001" },
	{ ...WORKING, FIREBREAK_GRPC_TLS_CERT: "cert.pem" },
	{ ...WORKING, FIREBREAK_ENFORCER_IDENTITY: "tls" },
	{ ...WORKING, FIREBREAK_ADMIN_ADDR: "0.0.0.0:9002" },
	{ ...WORKING, FIREBREAK_ADMIN_ADDR: "127.0.0.1:9001" },
	{ ...WORKING, FIREBREAK_PUBLIC_ADDR: "0.0.0.0:9003" },
];

export function refusedConfigurations(): string {
	return table(
		["set", "refused with", "cure"],
		REFUSED.map((env) => {
			const problems = problemsOf(env);
			if (problems.length === 0) throw new Error(`this configuration is not refused: ${JSON.stringify(env)}`);
			const given = Object.entries(env).filter(([name, value]) => WORKING[name] !== value);
			const set =
				given.length === 0 ? "nothing at all" : given.map(([name, value]) => code(`${name}=${value}`)).join(" ");
			const tell = (pick: (problem: (typeof problems)[number]) => string) =>
				[...new Set(problems.map(pick))].join("; ");
			return [
				set,
				tell(({ object, message }) => `${code(object)}: ${message}`),
				tell(({ cure }) => cure.replace(/FIREBREAK_[A-Z_]+/g, code)),
			];
		}),
	);
}

function problemsOf(env: Environment) {
	try {
		readConfig(env, { checkFile: () => null });
		return [];
	} catch (error) {
		if (error instanceof FirebreakError) return error.problems;
		throw error;
	}
}
