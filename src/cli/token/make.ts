/** Makes a token of a grant: signs it or draws a key, and writes its record before anybody sees it. */
import { readKeysDirectory } from "../../config.ts";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { writeBinding } from "../../issuing/again.ts";
import { newApiKey } from "../../issuing/api-key.ts";
import { claimsOf, restrictionsIn, type TokenClaims } from "../../issuing/claims.ts";
import type { Grant } from "../../issuing/grant.ts";
import { signFor } from "../../issuing/issue.ts";
import { KeyFolder } from "../../issuing/keys/folder.ts";
import { isTooLong, newTokenId } from "../../issuing/sign.ts";
import { inTransaction } from "../../store/order.ts";
import type { Database } from "../../store/pool.ts";
import { listQuarantines } from "../../store/quarantine.ts";
import { listDomainKeys } from "../../store/tokens/keys.ts";
import {
	holdPassport,
	type NewPassport,
	type PassportRow,
	registerPassport,
	retireToken,
} from "../../store/tokens/passports.ts";
import type { Io } from "../io.ts";

export interface MadeToken {
	/** A secret: written to stdout once, and nowhere else. */
	readonly token: string;
	readonly id: string;
	/** What servers must have learned before they take it; null: they know it by its signature. */
	readonly seq: number | null;
}

/** The token that the new one takes the place of. */
export interface Replaced {
	readonly issuer: string;
	readonly tokenId: string;
	/** When it dies. */
	readonly at: Date;
	readonly reason: string;
	/**
	 * Whether the grant is still the old one's: judged when nobody can change or revoke that any more, null if it is gone. `now`
	 * is the database's.
	 * @throws FirebreakError
	 */
	readonly check: (old: PassportRow | null, now: number) => void;
}

/**
 * All of it or nothing: a token that was revoked or replaced since it was looked at gets no successor.
 * @throws FirebreakError
 */
export async function makeToken(
	io: Io,
	database: Database,
	grant: Grant,
	keysDirectory: string | undefined,
	replaced: Replaced | null,
): Promise<MadeToken> {
	const id = newTokenId("issued");
	const { token, digest } =
		grant.issuer.profile === "api_key"
			? fromApiKey()
			: { token: await sign(io, database, grant, id, keysDirectory), digest: null };
	const seq = await database.withClient((client) =>
		inTransaction(client, async () => {
			const record = recordOf(grant, id, digest);
			if (replaced === null) return (await registerPassport(client, record))?.seq ?? null;
			const { issuer, tokenId, at, reason, check } = replaced;
			const held = await holdPassport(client, issuer, tokenId);
			check(held.row, held.now);
			await registerPassport(client, record);
			return (await retireToken(client, replaced, at, reason, id)).seq;
		}),
	);
	return { token, id, seq };
}

function fromApiKey() {
	const { key, digest } = newApiKey();
	return { token: key, digest };
}

async function sign(io: Io, database: Database, grant: Grant, id: string, keysDirectory: string | undefined) {
	const folder = new KeyFolder(readKeysDirectory(io.env, keysDirectory));
	const { domain } = grant.issuer;
	const { keys, quarantined } = await database.withClient(async (client) => ({
		keys: await listDomainKeys(client, domain),
		quarantined: new Set((await listQuarantines(client)).filter(({ kind }) => kind === "key").map(({ name }) => name)),
	}));
	const signers = { keys, isQuarantined: (thumbprint: string) => quarantined.has(thumbprint), folder };
	const claims = claimsOf(grant, id);
	// A key's beginning was dated by the machine that made it, maybe this one, and maybe within this second. Servers verify with
	// it from before.
	const token = await signFor(domain, signers, claims, Math.max(io.clock(), (claims.iat + 1) * 1_000));
	if (isTooLong(token)) throw tooLong(token, claims);
	return token;
}

/** Names what takes up most of it. */
function tooLong(token: string, { sub, scope, firebreak }: TokenClaims): FirebreakError {
	const parts = Object.entries({ subject: sub, scopes: scope, ...restrictionsIn(firebreak) });
	const lengthOf = (value: unknown) => JSON.stringify(value ?? null).length;
	const [longest] = parts.toSorted(([, a], [, b]) => lengthOf(b) - lengthOf(a));
	const message = `the token would have ${token.length} characters, and no server reads more than ${LIMITS.tokenBytes}; this takes up most of it`;
	return new FirebreakError("usage", "the token cannot be made", {
		problems: [{ object: "token", field: longest![0], message, cure: "name less there, or make several tokens" }],
	});
}

function recordOf(grant: Grant, tokenId: string, digest: string | null): NewPassport {
	const { issuer, subject, scopes, passport, binding, issuedAt, expiresAt } = grant;
	return {
		issuer: issuer.url,
		tokenId,
		kind: digest === null ? "issued" : "api_key",
		subject,
		scopes,
		passport,
		notBefore: null,
		expires: new Date(expiresAt * 1_000),
		binding: binding && writeBinding(binding),
		digest,
		issuedAt: new Date(issuedAt * 1_000),
	};
}
