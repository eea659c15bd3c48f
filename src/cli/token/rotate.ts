/** `firebreak token rotate`: a new token with the same grant; after an overlap the old one dies. */
import { looksLikeCredential } from "../../core/credential-text.ts";
import { FirebreakError } from "../../core/errors.ts";
import { orderAgain } from "../../issuing/again.ts";
import { type Grant, planGrant } from "../../issuing/grant.ts";
import { isExchanged } from "../../issuing/sign.ts";
import type { Database } from "../../store/pool.ts";
import { readTokenFacts } from "../../store/tokens/facts.ts";
import { findPassport, type PassportRow } from "../../store/tokens/passports.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput, handOut } from "../output.ts";
import { durationArgument, exampleHelp, type Subcommands } from "../program.ts";
import { makeToken } from "./make.ts";
import { stateOf } from "./row.ts";

/** Adds `rotate` to `token`. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("rotate")
		.description(
			"make a new token with the same grant, and let the old one die after an overlap in which both are good.\n" +
				"The new token is all that goes to stdout",
		)
		.argument("<issuer>", "the issuer's URL")
		.argument("<id>", "the old token's id")
		.option("--overlap <duration>", "how long the old one is good yet", durationArgument, 300_000)
		.option("--lifetime <duration>", "of the new one; else as long as the old one's was", durationArgument)
		.option("--reason <text>", "why; it is kept for ever", "rotated")
		.option("--keys-dir <folder>", "signing keys, in place of FIREBREAK_KEYS_DIR")
		.addHelpText("after", exampleHelp("firebreak token rotate https://tokens.example.org t-eS4uGkZ0 --overlap 10m"))
		.action(async (issuer, id, _options, command) => {
			const { overlap, lifetime, reason, keysDir, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			await withDatabase(io, "token", options.databaseUrl, async (database) => {
				const old = await findRotatable(database, issuer, id, io.clock());
				const grant = await grantAnew(database, old, lifetime, io.clock());
				const at = new Date(Math.min(io.clock() + overlap, old.expires.getTime()));
				const replaced = { issuer, tokenId: id, at, reason };
				const { token, id: newId, seq } = await makeToken(io, database, grant, keysDir, replaced);
				const expires = new Date(grant.expiresAt * 1_000).toISOString();
				const told = { issuer, token_id: newId, expires, replaces: id, old_until: at.toISOString(), seq };
				handOut(io, output.json, token, told);
				if (!output.json)
					output.progress(
						`${newId} takes the place of ${id}, which is good until ${at.toISOString()}; until ${expires}`,
					);
			});
		});
}

async function findRotatable(database: Database, issuer: string, id: string, now: number): Promise<PassportRow> {
	if (looksLikeCredential(id)) {
		const cure = "name the claim jti of a token; firebreak token show --token-file tells the id of either";
		throw new FirebreakError("usage", "a token or an API key was given in the place of its id; nothing was rotated", {
			problems: [{ object: "id", message: "it is the credential itself", cure }],
		});
	}
	const old = await database.withClient((client) => findPassport(client, issuer, id));
	if (old === null) throw new FirebreakError("not_found", `no token ${id} of ${issuer} is known`);
	const refuse = (message: string, cure: string) =>
		new FirebreakError("usage", `token ${id} cannot be rotated`, {
			problems: [{ object: `token ${id}`, message, cure }],
		});
	if (old.kind === "registered") throw refuse("another issuer made it", "rotate it there, and register the new one");
	if (isExchanged(id)) throw refuse("it was given in exchange for another", "exchange that one again");
	if (old.replacedBy !== null) throw refuse(`${old.replacedBy} takes its place already`, "rotate that one");
	const state = stateOf(old, now);
	if (state.startsWith("pending")) {
		throw refuse(
			`it is ${state}, and what took its place would count at once`,
			"rotate it once it has begun, or revoke it",
		);
	}
	if (state !== "live") throw refuse(`it is ${state}`, "issue another: firebreak token issue");
	return old;
}

async function grantAnew(
	database: Database,
	old: PassportRow,
	lifetime: number | undefined,
	now: number,
): Promise<Grant> {
	const { issuer, scopes, passport, kind } = old;
	const { sources = [], destinations = [], owner } = passport;
	const named = { sources, destinations, scopes, owner };
	const facts = await database.withClient((client) => readTokenFacts(client, { issuer }, kind === "api_key", named));
	const order = orderAgain(old, lifetime ?? null, facts.issuer.max_lifetime * 1_000, now);
	const grant = planGrant(order, facts, now);
	if ("issuer" in grant) return grant;
	throw new FirebreakError("usage", "the policies do not grant it any more as it stands", { problems: grant });
}
