/** A token's record as programs get it, over HTTP and from `--json`. */
import type { PassportRow } from "./passports.ts";
import type { Revoked } from "./revoke.ts";

export function viewPassport(row: PassportRow) {
	return {
		issuer: row.issuer,
		token_id: row.tokenId,
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
		issued_at: row.issuedAt,
		created_at: row.createdAt,
		created_by: row.createdBy,
	};
}

export function viewBefore({ before }: Revoked) {
	return before.map(({ issuer, subject, instant }) => ({ issuer, subject, issued_before: instant }));
}
