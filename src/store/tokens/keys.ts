/** The table firebreak.domain_key: public halves of the keys that domains sign with. Private ones are never here. */
import type { ClientBase } from "pg";
import type { DomainKey } from "../../core/lane/domain-keys.ts";
import { endOf, inTransaction, type LaneReceipt, orderOnLane, type PgTime } from "../order.ts";

export interface PublishedKey extends DomainKey {
	readonly domain: string;
	readonly publishedAt: Date;
	readonly by: string;
	readonly reason: string;
}

/** Of one domain, or of every one; by domain, the first that signs first. */
export async function listDomainKeys(client: ClientBase, domain: string | null): Promise<readonly PublishedKey[]> {
	const { rows } = await client.query<{
		domain: string;
		kid: string;
		jwk: Readonly<Record<string, unknown>>;
		signs_from: Date;
		until: PgTime;
		published_at: Date;
		by: string;
		reason: string;
	}>(
		`select domain, kid, jwk, signs_from, until, published_at, "by", reason from firebreak.domain_key
		where $1::text is null or domain = $1 order by domain, signs_from, kid`,
		[domain],
	);
	return rows.map(({ signs_from, until, published_at, ...row }) => ({
		...row,
		from: signs_from.getTime(),
		until: endOf(until)?.getTime() ?? Number.POSITIVE_INFINITY,
		publishedAt: published_at,
	}));
}

export interface KeyRotation {
	readonly domain: string;
	readonly kid: string;
	readonly jwk: Readonly<Record<string, unknown>>;
	readonly signsFrom: Date;
	readonly reason: string;
	/** Keys that the new one takes the place of, and when each is over. */
	readonly withdrawn: readonly { readonly kid: string; readonly until: Date }[];
}

/**
 * Publishes a key and sets the end of those before it, all or nothing.
 * @throws FirebreakError usage, store_unsuitable, timeout, dependency_unreachable
 */
export async function rotateKey(client: ClientBase, rotation: KeyRotation): Promise<LaneReceipt> {
	const { domain, kid, jwk, signsFrom, reason, withdrawn } = rotation;
	return inTransaction(client, async () => {
		const published = `select firebreak.publish_key(domain => $1, kid => $2, jwk => $3::jsonb, signs_from => $4,
			reason => $5) as seq`;
		let receipt = await orderOnLane(client, `key ${kid}`, published, [
			domain,
			kid,
			JSON.stringify(jwk),
			signsFrom,
			reason,
		]);
		for (const old of withdrawn) {
			const text = "select firebreak.withdraw_key(domain => $1, kid => $2, until => $3, reason => $4) as seq";
			receipt = await orderOnLane(client, `key ${old.kid}`, text, [domain, old.kid, old.until, reason]);
		}
		return receipt!;
	});
}
