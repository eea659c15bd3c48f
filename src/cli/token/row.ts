/** How rows of passports are told. */
import type { PassportRow } from "../../store/tokens/passports.ts";
import { viewPassport } from "../../store/tokens/view.ts";

/** Its first word is one of `live`, `pending`, `revoked`, `replaced`, `expired`. At `now`, milliseconds since the epoch. */
export function stateOf({ notBefore, expires, revokedFrom, replacedBy }: PassportRow, now: number): string {
	if (revokedFrom !== null && revokedFrom.getTime() <= now) return replacedBy === null ? "revoked" : "replaced";
	if (expires.getTime() <= now) return "expired";
	if (notBefore !== null && notBefore.getTime() > now)
		return `pending (not yet valid until ${notBefore.toISOString()})`;
	return revokedFrom === null ? "live" : `live until ${revokedFrom.toISOString()}`;
}

/** What `--json` shows. */
export function viewOf(row: PassportRow, now: number) {
	const { issuer, token_id, ...rest } = viewPassport(row);
	return { issuer, token_id, state: stateOf(row, now).split(" ")[0], ...rest };
}
