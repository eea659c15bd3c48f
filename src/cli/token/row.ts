/** How rows of passports are told. */
import type { PassportRow } from "../../store/tokens/passports.ts";

export function stateOf({ expires, revokedFrom, replacedBy }: PassportRow, now: number): string {
	if (revokedFrom !== null && revokedFrom.getTime() <= now) return replacedBy === null ? "revoked" : "replaced";
	if (expires.getTime() <= now) return "expired";
	return revokedFrom === null ? "live" : `live until ${revokedFrom.toISOString()}`;
}

/** What `--json` shows. */
export function viewOf(row: PassportRow, now: number) {
	return {
		issuer: row.issuer,
		token_id: row.tokenId,
		state: stateOf(row, now).split(" ")[0],
		kind: row.kind,
		subject: row.subject,
		scopes: row.scopes,
		...row.passport,
		binding: row.binding,
		not_before: row.notBefore,
		expires: row.expires,
		revoked_from: row.revokedFrom,
		replaced_by: row.replacedBy,
		last_seen: row.lastSeen,
		uses: row.uses,
		created_at: row.createdAt,
		created_by: row.createdBy,
	};
}
