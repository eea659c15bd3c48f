/** `firebreak token show`: what is known of one token. The token itself is never told. */
import { readFileSync } from "node:fs";
import { decodeJwt } from "jose";
import { isApiKey } from "../../core/api-key.ts";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { digestOfApiKey } from "../../issuing/api-key.ts";
import type { Database } from "../../store/pool.ts";
import { findApiKey, findPassport, type PassportRow } from "../../store/tokens/passports.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { describeWindow } from "./restrictions.ts";
import { stateOf, viewOf } from "./row.ts";

/** Adds `show` to `token`. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("show")
		.description("tell whose a token is, what for, where it may be used, and when it was last")
		.argument("[issuer]", "its issuer's URL")
		.argument("[id]", "its id: the claim jti")
		.option("--token-file <file>", "the token itself, in a file; it is not verified, and never shown")
		.addHelpText(
			"after",
			exampleHelp(
				"firebreak token show https://tokens.example.org t-eS4uGkZ0",
				"firebreak token show --token-file token.txt",
			),
		)
		.action(async (issuer, id, _options, command) => {
			const options = command.optsWithGlobals();
			const output = createOutput(io, options);
			const find = finderOf(issuer, id, options.tokenFile);
			const row = await withDatabase(io, "token", options.databaseUrl, find);
			if (row === null)
				throw new FirebreakError("not_found", "no such token is known: it was neither issued nor registered here");
			output.answer(viewOf(row, io.clock()), () => {
				for (const [name, value] of Object.entries(describe(row, io.clock()))) {
					if (value !== null) output.line({ text: name.padEnd(WIDTH), style: "dim" }, value);
				}
			});
		});
}

type Find = (database: Database) => Promise<PassportRow | null>;

function finderOf(issuer: string | undefined, id: string | undefined, file: string | undefined): Find {
	if (file !== undefined && issuer === undefined) return findOf(readToken(file));
	if (file === undefined && issuer !== undefined && id !== undefined) {
		return (database) => database.withClient((client) => findPassport(client, issuer, id));
	}
	throw new FirebreakError("usage", "name a token by ISSUER and ID, or by --token-file");
}

function findOf(token: string): Find {
	if (isApiKey(token)) return (database) => database.withClient((client) => findApiKey(client, digestOfApiKey(token)));
	let claims: { readonly iss?: unknown; readonly jti?: unknown };
	try {
		claims = decodeJwt(token);
	} catch {
		throw new FirebreakError("usage", "the file holds neither a JWT nor an API key of ours");
	}
	const { iss, jti } = claims;
	if (typeof iss !== "string" || typeof jti !== "string")
		throw new FirebreakError("usage", "the token names no issuer or no id");
	return (database) => database.withClient((client) => findPassport(client, iss, jti));
}

function readToken(file: string): string {
	try {
		return readFileSync(file, "utf8")
			.slice(0, LIMITS.tokenBytes * 2)
			.trim();
	} catch (error) {
		throw new FirebreakError("usage", `the token's file cannot be read (${(error as NodeJS.ErrnoException).code})`);
	}
}

function describe(row: PassportRow, now: number): Readonly<Record<string, string | null>> {
	const { passport } = row;
	const list = (values: readonly string[] | undefined) => (values && values.length > 0 ? values.join(" ") : null);
	return {
		token: row.tokenId,
		issuer: row.issuer,
		state: stateOf(row, now),
		kind: row.kind,
		subject: row.subject,
		owner: passport.owner,
		purpose: passport.purpose,
		scopes: list(row.scopes),
		sources: list(passport.sources),
		destinations: list(passport.destinations),
		networks: list(passport.networks),
		environment: passport.environment ?? null,
		device: passport.device ?? null,
		windows: passport.windows ? passport.windows.map(describeWindow).join("; ") : null,
		binding: row.binding,
		"not before": row.notBefore?.toISOString() ?? null,
		expires: row.expires.toISOString(),
		"last seen": row.lastSeen?.toISOString() ?? "never",
		uses: String(row.uses),
		created: `${row.createdAt.toISOString()} by ${row.createdBy}`,
		"replaced by": row.replacedBy,
	};
}

const WIDTH = 14;
