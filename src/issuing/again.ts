/** The order for a token that takes the place of another: what that one was granted, and nothing beyond. */
import type { PassportJson } from "../core/passport/passport.ts";
import type { GrantOrder, TokenBinding } from "./grant.ts";

/** The old token, as its record has it. */
export interface GrantedBefore {
	readonly subject: string | null;
	readonly scopes: readonly string[];
	readonly passport: PassportJson;
	/** `jkt:<thumbprint>` or `x5t#S256:<hash>`. */
	readonly binding: string | null;
	readonly issuedAt: Date | null;
	readonly createdAt: Date;
	readonly expires: Date;
}

/**
 * At `now` (milliseconds since the epoch). A scope that policies use no more goes along, since it opens nothing.
 * @param lifetime milliseconds; null: as long as the old one's was, up to the ceiling.
 * @param ceiling the issuer's max_lifetime, milliseconds.
 */
export function orderAgain(old: GrantedBefore, lifetime: number | null, ceiling: number, now: number): GrantOrder {
	const { subject, scopes, passport, binding, issuedAt, createdAt, expires } = old;
	// A record is some moments younger than its token: whole seconds, so that rotation does not wear them away.
	const began = (issuedAt ?? createdAt).getTime();
	const before = Math.min(Math.ceil((expires.getTime() - began) / 1_000) * 1_000, ceiling);
	return {
		subject: subject ?? "",
		scopes,
		passport,
		binding: binding === null ? null : readBinding(binding),
		expires: now + (lifetime ?? before),
		unused: true,
	};
}

/** As a record writes it. */
export function writeBinding(binding: TokenBinding): string {
	return "jkt" in binding ? `jkt:${binding.jkt}` : `x5t#S256:${binding["x5t#S256"]}`;
}

function readBinding(text: string): TokenBinding {
	const [kind, value = ""] = text.split(":");
	return kind === "jkt" ? { jkt: value } : { "x5t#S256": value };
}
