/** `firebreak keys list`: every key that is or was published, where it stands in its life, and whether it is on this disk. */
import { calculateJwkThumbprint, type JWK } from "jose";
import { readKeysDirectory } from "../../config.ts";
import { keyStates } from "../../issuing/keys/choose.ts";
import { KeyFolder } from "../../issuing/keys/folder.ts";
import { listQuarantines } from "../../store/quarantine.ts";
import { listDomainKeys, type PublishedKey } from "../../store/tokens/keys.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { type Cell, createOutput } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";

/** Adds `list` to `keys`. */
export function register(keys: Subcommands, io: Io): void {
	keys
		.command("list")
		.description(
			"list the keys: announced (signs later), signing, overlap (what it signed is still good), retired.\n" +
				"The thumbprint is what `firebreak quarantine add key` takes when one is stolen",
		)
		.option("--domain <name>", "of this domain")
		.option("--keys-dir <folder>", "signing keys, in place of FIREBREAK_KEYS_DIR")
		.addHelpText("after", exampleHelp("firebreak keys list --domain internal"))
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const { published, quarantined } = await withDatabase(io, "keys", options.databaseUrl, (database) =>
				database.withClient(async (client) => ({
					published: await listDomainKeys(client, options.domain ?? null),
					quarantined: new Set((await listQuarantines(client)).map(({ kind, name }) => `${kind} ${name}`)),
				})),
			);
			const folder = hasFolder(io, options.keysDir) ? new KeyFolder(readKeysDirectory(io.env, options.keysDir)) : null;
			const listed: Listed[] = [];
			for (const [domain, ofDomain] of Map.groupBy(published, (key) => key.domain)) {
				const states = keyStates(ofDomain, io.clock());
				const here = folder === null ? null : await folder.list(domain);
				for (const key of ofDomain) {
					const thumbprint = await calculateJwkThumbprint(key.jwk as JWK);
					const state = quarantined.has(`key ${thumbprint}`) ? "quarantined" : states.get(key.kid)!;
					listed.push({ key, thumbprint, state, onDisk: here === null ? null : here.has(key.kid) });
				}
			}
			output.answer({ keys: listed.map(viewOf) }, () => {
				if (listed.length === 0) output.line("no key is published");
				else output.table(COLUMNS, listed.map(cellsOf));
			});
		});
}

interface Listed {
	readonly key: PublishedKey;
	readonly thumbprint: string;
	readonly state: string;
	/** Null: no folder was named. */
	readonly onDisk: boolean | null;
}

const hasFolder = (io: Io, given: string | undefined): boolean =>
	given !== undefined || (io.env.FIREBREAK_KEYS_DIR ?? "off") !== "off";

function viewOf({ key, thumbprint, state, onDisk }: Listed) {
	const { domain, kid, jwk, from, until, publishedAt, by, reason } = key;
	return {
		domain,
		kid,
		thumbprint,
		algorithm: jwk.alg,
		state,
		signs_from: new Date(from),
		until: Number.isFinite(until) ? new Date(until) : null,
		published_at: publishedAt,
		by,
		reason,
		on_disk: onDisk,
	};
}

function cellsOf({ key, thumbprint, state, onDisk }: Listed): Cell[] {
	const { domain, kid, jwk, from, until, reason } = key;
	return [
		domain,
		kid,
		kid === thumbprint ? "the same" : thumbprint,
		String(jwk.alg),
		{ text: state, style: state === "signing" ? "green" : state === "quarantined" ? "red" : "yellow" },
		new Date(from).toISOString(),
		Number.isFinite(until) ? new Date(until).toISOString() : "",
		onDisk === null ? "not looked" : onDisk ? "yes" : "no",
		reason,
	];
}

const COLUMNS = [
	{ head: "DOMAIN" },
	{ head: "KID" },
	{ head: "THUMBPRINT" },
	{ head: "ALG" },
	{ head: "STATE" },
	{ head: "SIGNS FROM" },
	{ head: "UNTIL" },
	{ head: "ON DISK" },
	{ head: "REASON" },
] as const;
