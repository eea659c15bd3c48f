/** What is done by command between the requests of the chapter on tokens. */
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import { ISSUER, type Kit } from "./kit.ts";

/** A command that is run between requests. */
export interface Act {
	/** What it is for, in a few words. */
	readonly shows: string;
	/** As somebody would type it, without what only this stage needs. */
	readonly command: string;
	/** Runs it; what came of it, line by line. Throws when it fails. */
	readonly run: (kit: Kit) => Promise<readonly string[]>;
}

const typed = (args: readonly string[]): string =>
	["firebreak", ...args].map((word) => (/[^\w:/.=-]/.test(word) ? `"${word}"` : word)).join(" ");

export const ADD_ISSUER: Act = {
	shows: "an issuer whose tokens Firebreak signs itself",
	command: "firebreak migrate up",
	async run(kit) {
		await kit.addIssuer();
		return [`issuer ${ISSUER}, signer firebreak`];
	},
};

const FIRST = ["keys", "rotate", "--domain", "internal", "--reason", "first key"];
export const FIRST_KEY: Act = {
	shows: "its first key: a file for whoever signs, its public half for every server",
	command: typed(FIRST),
	async run(kit) {
		const { kid, algorithm } = await kit.run(FIRST);
		return [`domain internal signs with ${kid} (${algorithm})`];
	},
};

/** A token cut to one thing. `restrictions` are words of the command, or make them. */
export function issue(name: string, shows: string, ...restrictions: readonly (string | (() => string))[]): Act {
	const fixed = ["token", "issue", "--domain", "internal", "--subject", "orders", "--owner", "orders"];
	const cut = restrictions.map((word) => (typeof word === "string" ? word : word()));
	const args = [...fixed, "--purpose", "order page", "--scope", "payments:read", ...cut];
	return {
		shows,
		command: typed(args),
		async run(kit) {
			const answer = await kit.run(args);
			const { id } = kit.take(name, answer);
			return [`token ${id}, until ${answer.expires}`];
		},
	};
}

/** What the orders service is given by the company's identity provider: good for far too much. */
const BROAD = "orders:read orders:write payments:read reports:read";

const exchangeForm = (token: string, scope: string) => ({
	grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
	subject_token: token,
	subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
	audience: "payments",
	scope,
});
const curl = (scope: string) =>
	`curl --cert orders.pem --key orders.key -d subject_token=BROAD -d audience=payments -d scope=${scope} .../oauth/token`;

/** Trades the broad token for one that is good for payments alone. */
export function exchange(name: string, scope: string): Act {
	return {
		shows: "the orders service trades its broad token for one that is good for payments alone",
		command: curl(scope),
		async run(kit) {
			const broad = kit.keep("broad", () => kit.foreignToken({}, BROAD));
			const { status, body } = await kit.exchange("orders", exchangeForm(broad, scope));
			const { access_token: token, expires_in: seconds, error } = (body ?? {}) as Record<string, unknown>;
			if (status !== 200) throw new Error(`it answered ${status} ${error}`);
			const { jti, scope: granted, act } = decodeJwt(String(token));
			kit.take(name, { token, token_id: jti });
			return [`token ${jti}: ${granted}, for ${seconds} s, acting: ${(act as { sub: string }).sub}`];
		},
	};
}

/** Asks for more than the token that is given. */
export function exchangeForMore(scope: string): Act {
	return {
		shows: "no exchange makes a token wider",
		command: curl(scope),
		async run(kit) {
			const broad = kit.keep("broad", () => kit.foreignToken({}, BROAD));
			const { status, body } = await kit.exchange("orders", exchangeForm(broad, scope));
			const { error } = (body ?? {}) as Record<string, unknown>;
			if (status !== 400 || error !== "invalid_scope") throw new Error(`it answered ${status} ${error}`);
			return [`refused: ${status} ${error}`];
		},
	};
}

/** Two hours of the day that begin in three hours. */
export function closedWindow(): string {
	const hour = (ahead: number) => String((new Date().getUTCHours() + ahead) % 24).padStart(2, "0");
	return `${hour(3)}:00-${hour(5)}:00 UTC`;
}

/** A new key signs a new token, the old ones overlap, and the orders service asks all the while. */
export function rotateUnderTraffic(name: string): Act {
	const newKey = ["keys", "rotate", "--domain", "internal", "--announce", "1s", "--reason", "monthly"];
	const newToken = (id: string) => ["token", "rotate", ISSUER, id, "--overlap", "3s"];
	return {
		shows: "a new key and a new token, under traffic",
		command: `${typed(newKey)} && ${typed(newToken("ID"))}`,
		async run(kit) {
			const before = kit.take(`${name}, before`, asAnswer(kit.made(name)));
			const rotation = rotate(kit, name, before.id, newKey, newToken(before.id));
			const statuses = await kit.traffic(() => kit.made(name).token, rotation);
			const passed = statuses.filter((status) => status === 200).length;
			if (passed < statuses.length || passed === 0) {
				throw new Error(`${passed} of ${statuses.length} requests passed: ${[...new Set(statuses)].join(", ")}`);
			}
			return [...(await rotation), `${passed} of ${statuses.length} requests passed meanwhile`];
		},
	};
}

async function rotate(
	kit: Kit,
	name: string,
	old: string,
	newKey: readonly string[],
	newToken: readonly string[],
): Promise<readonly string[]> {
	const { kid, signs_from: from } = await kit.run(newKey);
	await sleep(new Date(String(from)).getTime() - Date.now() + 100);
	const answer = await kit.run(newToken);
	const { id } = kit.take(name, answer);
	await sleep(new Date(String(answer.old_until)).getTime() - Date.now() + 500);
	return [`key ${kid} signs from ${from}`, `token ${id} takes the place of ${old}, which died at ${answer.old_until}`];
}

const asAnswer = ({ token, id }: { token: string; id: string }) => ({ token, token_id: id });

export function revoke(name: string): Act {
	const args = (id: string) => ["token", "revoke", ISSUER, id, "--reason", "INC-4711"];
	return {
		shows: "a token that leaked is revoked, and every server says when it knew",
		command: typed(args("ID")),
		run: async (kit) => receiptOf(await kit.run(args(kit.made(name).id))),
	};
}

/** A token that Firebreak did not make and does not know: its id is enough. */
export const revokeForeign: Act = {
	shows: "any issuer's token is revoked by its id",
	command: typed(["token", "revoke", "https://id.internal.example.org", "JTI", "--reason", "INC-4712"]),
	async run(kit) {
		const { iss = "", jti = "" } = decodeJwt(kit.keyBound);
		return receiptOf(await kit.run(["token", "revoke", iss, jti, "--reason", "INC-4712"]));
	},
};

interface Receipt {
	readonly seq?: number;
	readonly at?: string;
	readonly waited?: { readonly servers: readonly { readonly id: string; readonly confirmed: string | null }[] };
}

function receiptOf({ seq, at, waited }: Receipt): readonly string[] {
	const servers = waited?.servers ?? [];
	if (servers.length === 0) throw new Error("no server confirmed the revocation");
	return [
		`revocation ${seq}, at ${at}`,
		...servers.map(({ id, confirmed }) => {
			const after = confirmed === null ? "not confirmed" : `confirmed after ${ms(at, confirmed)} ms`;
			return `${id} ${after}`;
		}),
	];
}

const ms = (from: string | undefined, until: string) => new Date(until).getTime() - new Date(from ?? "").getTime();
