import type { Passport } from "../core/passport/passport.ts";
import type { CredentialVerdict, TokenFacts } from "../core/request.ts";
import type { Confirmation } from "./binding.ts";
import type { Issuer } from "./issuers.ts";

/** A credential that is surely its issuer's: what it says, before anybody asks who uses it where. */
export interface Shown {
	readonly issuer: Issuer;
	readonly token: TokenFacts;
	/** What it is bound to; null when that is nothing that we can check. */
	readonly confirmation: Confirmation | null;
	/** The one that it carries itself, or that belongs to it; null when it has none of its own. */
	readonly passport: Passport | null;
	readonly verdict: Extract<CredentialVerdict, { kind: "token" }>;
}
