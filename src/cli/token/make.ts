/** Makes a token of a grant: signs it or draws a key, and writes its record before anybody sees it. */
import { readKeysDirectory } from "../../config.ts";
import { writeBinding } from "../../issuing/again.ts";
import { newApiKey } from "../../issuing/api-key.ts";
import { claimsOf } from "../../issuing/claims.ts";
import type { Grant } from "../../issuing/grant.ts";
import { signFor } from "../../issuing/issue.ts";
import { KeyFolder } from "../../issuing/keys/folder.ts";
import { newTokenId } from "../../issuing/sign.ts";
import { inTransaction } from "../../store/order.ts";
import type { Database } from "../../store/pool.ts";
import { listQuarantines } from "../../store/quarantine.ts";
import { listDomainKeys } from "../../store/tokens/keys.ts";
import { type NewPassport, registerPassport, retireToken } from "../../store/tokens/passports.ts";
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
}

/** @throws FirebreakError */
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
			const receipt = await registerPassport(client, recordOf(grant, id, digest));
			if (replaced === null) return receipt?.seq ?? null;
			const { at, reason } = replaced;
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
	return signFor(domain, signers, claimsOf(grant, id), io.clock());
}

function recordOf(grant: Grant, tokenId: string, digest: string | null): NewPassport {
	const { issuer, subject, scopes, passport, binding, expiresAt } = grant;
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
	};
}
