/** `firebreak token rotate`: a new token with the same grant; after an overlap the old one dies. */
import { isDeepStrictEqual } from "node:util";
import { FirebreakError } from "../../core/errors.ts";
import { orderAgain } from "../../issuing/again.ts";
import { type Grant, planGrant } from "../../issuing/grant.ts";
import { isExchanged } from "../../issuing/sign.ts";
import type { Database } from "../../store/pool.ts";
import { readTokenFacts, type TokenFacts } from "../../store/tokens/facts.ts";
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
				const old = await database.withClient((client) => findPassport(client, issuer, id));
				checkMade(old, issuer, id);
				const facts = await factsOf(database, old);
				const { now } = facts;
				const check = (held: PassportRow | null, now: number) => {
					checkMade(held, issuer, id);
					checkRotatable(held, now);
					if (!isDeepStrictEqual(grantedBy(held), grantedBy(old))) {
						throw refusal(id, "it was changed while it was rotated", "rotate it again");
					}
				};
				check(old, now);
				const grant = grantAnew(old, facts, lifetime);
				const at = new Date(Math.min(now + overlap, old.expires.getTime()));
				const replaced = { issuer, tokenId: id, at, reason, check };
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

/** Whether it is one that is made here. */
function checkMade(old: PassportRow | null, issuer: string, id: string): asserts old is PassportRow {
	if (old === null) throw new FirebreakError("not_found", `no token ${id} of ${issuer} is known`);
	if (old.kind === "registered")
		throw refusal(id, "another issuer made it", "rotate it there, and register the new one");
	if (isExchanged(id)) throw refusal(id, "it was given in exchange for another", "exchange that one again");
}

/** At `now`, milliseconds since the epoch. */
function checkRotatable(old: PassportRow, now: number): void {
	const { tokenId, replacedBy } = old;
	if (replacedBy !== null) throw refusal(tokenId, `${replacedBy} takes its place already`, "rotate that one");
	const state = stateOf(old, now);
	if (state.startsWith("pending")) {
		const message = `it is ${state}, and what took its place would count at once`;
		throw refusal(tokenId, message, "rotate it once it has begun, or revoke it");
	}
	if (state !== "live") throw refusal(tokenId, `it is ${state}`, "issue another: firebreak token issue");
}

function refusal(id: string, message: string, cure: string): FirebreakError {
	return new FirebreakError("usage", `token ${id} cannot be rotated; nothing was made`, {
		problems: [{ object: `token ${id}`, message, cure }],
	});
}

/** What the new one takes over. */
function grantedBy({ subject, scopes, passport, binding, expires }: PassportRow) {
	return { subject, scopes, passport, binding, expires };
}

async function factsOf(database: Database, { issuer, scopes, passport, kind }: PassportRow): Promise<TokenFacts> {
	const { sources = [], destinations = [], owner } = passport;
	const named = { sources, destinations, scopes, owner };
	return database.withClient((client) => readTokenFacts(client, { issuer }, kind === "api_key", named));
}

function grantAnew(old: PassportRow, facts: TokenFacts, lifetime: number | undefined): Grant {
	const order = orderAgain(old, lifetime ?? null, facts.issuer.max_lifetime * 1_000, facts.now);
	const grant = planGrant(order, facts, facts.now);
	if ("issuer" in grant) return grant;
	throw new FirebreakError("usage", "the policies do not grant it any more as it stands", { problems: grant });
}
