/** The public side, wired: keys from disk, records to Postgres, what happens to the log. */
import type { Authenticator } from "../authn/authenticator.ts";
import type { Config } from "../config.ts";
import { FirebreakError } from "../core/errors.ts";
import type { AgeLimits, PolicyView } from "../core/policy-view.ts";
import type { Clock } from "../core/time.ts";
import { restrictionsIn, type TokenClaims } from "../issuing/claims.ts";
import { signFor } from "../issuing/issue.ts";
import { KeyFolder } from "../issuing/keys/folder.ts";
import { newTokenId } from "../issuing/sign.ts";
import { MemoryLimiter } from "../limiter/memory.ts";
import { type PublicServer, startPublicServer } from "../public/server.ts";
import type { Database } from "../store/pool.ts";
import { registerPassport } from "../store/tokens/passports.ts";
import type { Logger } from "../telemetry/logging.ts";

export interface PublicParts {
	readonly config: Config["public"];
	/** At once. */
	readonly connections: number;
	readonly keysDirectory: string | null;
	readonly view: () => PolicyView;
	readonly ages: AgeLimits;
	readonly authenticator: Pick<Authenticator, "authenticate">;
	readonly database: Database;
	readonly clock: Clock;
	readonly stopwatch: () => number;
	readonly logger: Logger;
	/** Told what came of each exchange: `issued`, `failed`, or the error's code. */
	readonly count: (result: string) => void;
	/** Told of each token that another was given for. */
	readonly recordUse: (issuer: string, tokenId: string, at: number) => void;
}

/** Null when there is to be none. @throws FirebreakError config_invalid */
export async function startPublic(parts: PublicParts): Promise<PublicServer | null> {
	const { config, keysDirectory, view, ages, authenticator, database, clock, stopwatch, logger, count } = parts;
	if (config.address === null) return null;
	const folder = keysDirectory === null ? null : new KeyFolder(keysDirectory);
	await folder?.check();
	return startPublicServer({
		address: config.address,
		connections: parts.connections,
		tls: config.tls,
		view,
		ages,
		authenticator,
		// Each server counts by itself: it bounds what one workload costs, not what it may have.
		limiter: new MemoryLimiter({ stopwatch, liveServers: () => 1 }),
		sign: async (domain, { lane }, claims) => {
			if (folder === null)
				throw new FirebreakError("unsupported", "FIREBREAK_KEYS_DIR is not set: no token can be signed");
			const now = clock();
			const isQuarantined = (thumbprint: string) => lane.quarantinedKey(thumbprint, now);
			return signFor(domain, { keys: lane.domainKeys.of(domain, now), isQuarantined, folder }, claims, now);
		},
		register: async (claims) => {
			await database.withClient((client) => registerPassport(client, recordOf(claims)));
		},
		newId: () => newTokenId("exchanged"),
		clock,
		events: {
			exchanged({ client, destination, issuer, tokenId, from }) {
				count("issued");
				if (from.id !== null) parts.recordUse(from.issuer, from.id, clock());
				logger.info("a token was exchanged", {
					principal: client,
					destination_segment: destination,
					issuer,
					token_id: tokenId,
					subject_issuer: from.issuer,
					subject_token_id: from.id,
				});
			},
			refused(code, detail, client) {
				count(code);
				logger.info("a token exchange was refused", { kind: code, cause: detail, principal: client });
			},
			failed(error) {
				count("failed");
				logger.error("a token exchange failed", { error });
			},
			tlsReloaded(error) {
				if (error === null) logger.info("the public certificates were read again");
				else logger.error("the public certificates cannot be read again; the old ones stay", { error });
			},
		},
	});
}

function recordOf(claims: TokenClaims) {
	const { iss, jti, sub, scope, nbf, exp, cnf, firebreak } = claims;
	return {
		issuer: iss,
		tokenId: jti,
		kind: "issued" as const,
		subject: sub,
		scopes: scope?.split(" ") ?? [],
		passport: restrictionsIn(firebreak),
		notBefore: nbf === undefined ? null : new Date(nbf * 1_000),
		expires: new Date(exp * 1_000),
		binding: cnf && "x5t#S256" in cnf ? `x5t#S256:${cnf["x5t#S256"]}` : null,
		digest: null,
		// What the token says is by this server's clock: the database dates the record itself.
		issuedAt: null,
	};
}
