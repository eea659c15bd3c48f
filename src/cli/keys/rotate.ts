/** `firebreak keys rotate`: a new key for a domain, announced before it signs; the old one overlaps, and is retired. */
import { Option } from "@commander-js/extra-typings";
import { readKeysDirectory } from "../../config.ts";
import { formatDuration } from "../../core/duration.ts";
import { FirebreakError } from "../../core/errors.ts";
import { isOwnIssuer } from "../../core/issuer.ts";
import { LIMITS } from "../../core/limits.ts";
import { KeyFolder } from "../../issuing/keys/folder.ts";
import { planRotation } from "../../issuing/keys/rotation.ts";
import { generateSigningKey, KEY_ALGORITHMS, publicHalf } from "../../issuing/keys/signing-key.ts";
import { listQuarantines } from "../../store/quarantine.ts";
import { wasRefused } from "../../store/store-error.ts";
import { listIssuers } from "../../store/tokens/facts.ts";
import { listDomainKeys, rotateKey } from "../../store/tokens/keys.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { durationArgument, exampleHelp, type Subcommands } from "../program.ts";
import { tellReceipt } from "../receipt.ts";
import { timeoutOption } from "../waiting.ts";

export const EXAMPLE = 'firebreak keys rotate --domain internal --if-older-than 30d --reason "monthly"';

/** Adds `rotate` to `keys`. */
export function register(keys: Subcommands, io: Io): void {
	keys
		.command("rotate")
		.description(
			"make a key, publish its public half, and let it sign after the announcement. Those before it are good for the overlap,\n" +
				"so that no token in flight breaks; then they are retired, and their files removed by the next rotation",
		)
		.requiredOption("--domain <name>", "the domain that it signs for")
		.requiredOption("--reason <text>", "why; it is kept for ever")
		.option(
			"--announce <duration>",
			`how long it is published before it signs (default: ${formatDuration(LIMITS.keyAnnounceMs)}; 0s while no key may sign)`,
			durationArgument,
		)
		.addOption(
			new Option("--overlap <duration>", "how long those before it are good from then on")
				.default<number>(LIMITS.keyOverlapMs, formatDuration(LIMITS.keyOverlapMs))
				.argParser(durationArgument),
		)
		.addOption(
			new Option("--algorithm <alg>", "what it signs with; else the first that its issuers take").choices(
				KEY_ALGORITHMS,
			),
		)
		.option("--if-older-than <duration>", "do nothing while the newest key is younger: for schedules", durationArgument)
		.option("--keys-dir <folder>", "signing keys, in place of FIREBREAK_KEYS_DIR")
		.addOption(timeoutOption())
		.option("--no-wait", "do not wait for the servers")
		.addHelpText("after", exampleHelp(EXAMPLE))
		.action(async (_options, command) => {
			const { domain, reason, announce, overlap, algorithm, ifOlderThan, wait, timeout, ...options } =
				command.optsWithGlobals();
			const output = createOutput(io, options);
			const folder = new KeyFolder(readKeysDirectory(io.env, options.keysDir));
			await withDatabase(io, "keys", options.databaseUrl, async (database) => {
				const { published, issuers, quarantined } = await database.withClient(async (client) => ({
					published: await listDomainKeys(client, domain),
					quarantined: new Set((await listQuarantines(client)).map(({ kind, name }) => `${kind} ${name}`)),
					issuers: (await listIssuers(client, domain)).filter(isOwnIssuer),
				}));
				const ages = published.map(({ kid, from, until, publishedAt }) => ({
					kid,
					from,
					until,
					publishedAt: publishedAt.getTime(),
					quarantined: quarantined.has(`key ${kid}`),
				}));
				const order = {
					domain,
					announce: announce ?? null,
					overlap,
					algorithm: algorithm ?? null,
					ifOlderThan: ifOlderThan ?? null,
				};
				const plan = planRotation(order, ages, issuers, io.clock());
				if (plan === null) {
					output.answer({ domain, rotated: false }, () =>
						output.line(
							`domain ${domain}: the newest key is younger than ${formatDuration(ifOlderThan!)}; nothing was done`,
						),
					);
					return;
				}
				const key = await generateSigningKey(plan.algorithm);
				const { kid, jwk } = publicHalf(key);
				// The private half first: a published key that nobody has would sign nothing.
				await folder.write(domain, key);
				const rotation = {
					domain,
					kid,
					jwk,
					reason,
					signsFrom: new Date(plan.signsFrom),
					withdrawn: plan.withdrawn.map((old) => ({ kid: old.kid, until: new Date(old.until) })),
				};
				let receipt: Awaited<ReturnType<typeof rotateKey>>;
				try {
					receipt = await database.withClient((client) => rotateKey(client, rotation));
				} catch (error) {
					if (!wasRefused(error)) throw unknownWhether(error, domain, kid);
					await folder.remove(domain, kid);
					throw error;
				}
				for (const retired of plan.retired) await folder.remove(domain, retired);
				const told = {
					line: `domain ${domain} signs with ${kid} (${plan.algorithm}) from ${rotation.signsFrom.toISOString()}`,
					facts: {
						domain,
						rotated: true,
						kid,
						algorithm: plan.algorithm,
						signs_from: rotation.signsFrom,
						withdrawn: rotation.withdrawn,
					},
					receipt,
				};
				await tellReceipt(io, output, database, told, wait ? timeout : null);
			});
		});
}

/** The private half stays: if the key is published, servers wait for what it signs, and nobody could make it again. */
function unknownWhether(error: unknown, domain: string, kid: string): FirebreakError {
	const cause = error instanceof Error ? error.message : String(error);
	return new FirebreakError("dependency_unreachable", `nobody knows whether the key ${kid} was published: ${cause}`, {
		problems: [
			{
				object: `key ${kid}`,
				message: "the connection was lost before the database answered; the private half is kept",
				cure: `run: firebreak keys list --domain ${domain}; if it is listed, all is done, else rotate again and remove its file`,
			},
		],
		cause: error,
	});
}
