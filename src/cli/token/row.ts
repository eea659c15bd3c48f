/** How rows of passports are told. */
import type { PassportRow } from "../../store/tokens/passports.ts";
import { viewPassport } from "../../store/tokens/view.ts";

export function stateOf({ expires, revokedFrom, replacedBy }: PassportRow, now: number): string {
	if (revokedFrom !== null && revokedFrom.getTime() <= now) return replacedBy === null ? "revoked" : "replaced";
	if (expires.getTime() <= now) return "expired";
	return revokedFrom === null ? "live" : `live until ${revokedFrom.toISOString()}`;
}

/** What `--json` shows. */
export function viewOf(row: PassportRow, now: number) {
	const { issuer, token_id, ...rest } = viewPassport(row);
	return { issuer, token_id, state: stateOf(row, now).split(" ")[0], ...rest };
}
