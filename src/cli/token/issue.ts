/** `firebreak token issue`: a token or an API key for one owner, one purpose and a short time. */

import { formatDuration } from "../../core/duration.ts";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type GrantOrder, planGrant } from "../../issuing/grant.ts";
import { type IssuerChoice, readTokenFacts } from "../../store/tokens/facts.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput, handOut } from "../output.ts";
import { durationArgument, exampleHelp, type Subcommands, timeArgument } from "../program.ts";
import { makeToken } from "./make.ts";
import {
	bindingOf,
	bindOption,
	destinationOption,
	deviceOption,
	environmentOption,
	networkOption,
	passportOf,
	scopeOption,
	sourceOption,
	windowOption,
} from "./restrictions.ts";

export const EXAMPLE =
	'firebreak token issue --domain internal --subject settlement --owner payments --purpose "nightly settlement" --scope payments:read --destination payments --source orders';

/** Adds `issue` to `token`. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("issue")
		.description(
			"sign a token with the key of a domain, or make an API key, and record whose it is.\n" +
				"The token is all that goes to stdout; it is shown once and kept nowhere",
		)
		.option("--issuer <url>", "whose token it is: an issuer that Firebreak signs for")
		.option("--domain <name>", "or the domain that has one such issuer")
		.requiredOption("--subject <name>", "whom it speaks for: a client, or a workload by its SPIFFE ID")
		.requiredOption("--owner <name>", "who answers for it")
		.requiredOption("--purpose <text>", "what it is for, in a few words")
		.addOption(scopeOption())
		.addOption(destinationOption())
		.addOption(sourceOption())
		.addOption(networkOption())
		.addOption(environmentOption())
		.addOption(deviceOption())
		.addOption(windowOption())
		.option(
			"--lifetime <duration>",
			`how long it is good, up to the issuer's max_lifetime (default: ${formatDuration(LIMITS.issuedTokenMs)}; API keys have none)`,
			durationArgument,
		)
		.option("--expires <time>", "or until when", timeArgument)
		.addOption(bindOption())
		.option("--unused", "grant scopes that no policy of the domain uses yet")
		.option("--api-key", "an opaque key of an issuer of the profile api_key, in place of a signed token")
		.option("--keys-dir <folder>", "signing keys, in place of FIREBREAK_KEYS_DIR")
		.addHelpText("after", exampleHelp(EXAMPLE))
		.action(async (_options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const choice = choiceOf(options);
			const { subject, owner, purpose, scope = [], lifetime, expires, bind, unused = false, apiKey = false } = options;
			const passport = passportOf(owner, purpose, options);
			const binding = bind === undefined ? null : await bindingOf(bind);
			checkEnd(lifetime, expires, apiKey);
			await withDatabase(io, "token", options.databaseUrl, async (database) => {
				const { sources = [], destinations = [] } = passport;
				const named = { sources, destinations, scopes: scope, owner };
				const facts = await database.withClient((client) => readTokenFacts(client, choice, apiKey, named));
				const end = lifetime === undefined ? (expires ?? null) : facts.now + lifetime;
				const order: GrantOrder = { subject, scopes: scope, passport, binding, expires: end, unused };
				const grant = planGrant(order, facts, facts.now);
				if (!("issuer" in grant)) {
					throw new FirebreakError("usage", "the token cannot be made", { problems: grant });
				}
				const { token, id, seq } = await makeToken(io, database, grant, options.keysDir, null);
				const until = new Date(grant.expiresAt * 1_000).toISOString();
				const { issuer, scopes } = grant;
				const told = { issuer: issuer.url, token_id: id, subject, scopes, passport, binding, expires: until, seq };
				handOut(io, output.json, token, told);
				if (!output.json) output.progress(`${id} of ${issuer.url}, for ${owner}: ${purpose}; until ${until}`);
			});
		});
}

function choiceOf({ issuer, domain }: { issuer?: string | undefined; domain?: string | undefined }): IssuerChoice {
	if (issuer !== undefined && domain === undefined) return { issuer };
	if (domain !== undefined && issuer === undefined) return { domain };
	throw new FirebreakError("usage", "name either --issuer or --domain");
}

function checkEnd(lifetime: number | undefined, expires: number | undefined, apiKey: boolean): void {
	if (lifetime !== undefined && expires !== undefined) {
		throw new FirebreakError("usage", "name either --lifetime or --expires");
	}
	if (apiKey && lifetime === undefined && expires === undefined) {
		throw new FirebreakError("usage", "say how long the API key is good: --lifetime 30d, or --expires");
	}
}
