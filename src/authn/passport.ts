/** Whether a credential is used as its passports say: the one that it carries, and the one that it is registered with. */
import type { Registration, Registry } from "../core/lane/registry.ts";
import type { PassportDemand } from "../core/model.ts";
import { judgePassport, type TokenUse } from "../core/passport/judge.ts";
import type { Passport } from "../core/passport/passport.ts";
import type { CredentialVerdict, TokenFacts } from "../core/request.ts";
import { type PassportFault, refuse } from "./refusal.ts";
import type { Shown } from "./shown.ts";

interface Asked {
	readonly passport: PassportDemand;
	readonly lane: { readonly registry: Pick<Registry, "registrationOf"> };
	readonly use: TokenUse;
}

/**
 * The last word on a credential, at `now` in milliseconds since the epoch. A registered token is held to its passport also
 * where none is demanded. Asked at every request: address, time and registrations change while a signature is remembered.
 */
export function judgeUse(shown: Shown, { passport: demand, lane, use }: Asked, now: number): CredentialVerdict {
	const { token, passport: own, issuer, confirmation } = shown;
	const registration = lane.registry.registrationOf(token.issuer, token.id, now);
	if (own === null && registration === null && demand === "required") {
		return { ...refuse("passport_missing", "absent"), token };
	}
	const known = registration === null ? token : registeredAs(token, registration);
	const { purposes } = issuer.options;
	const key = confirmation?.kind === "dpop" ? confirmation.key : null;
	const fault =
		(registration && faultOf(registration, use, key, now)) ??
		brokenBy([own, registration?.passport ?? null], use, key, now) ??
		(purposes === null || (known.purpose !== null && purposes.includes(known.purpose)) ? null : "purpose");
	if (fault !== null) return { ...refuse("passport_context", fault), token: known };
	return registration === null ? shown.verdict : { kind: "token", token: known };
}

function faultOf(
	{ passport, boundTo, notBefore, expires }: Registration,
	{ certificateHash }: TokenUse,
	key: string | null,
	now: number,
): PassportFault | null {
	if (passport === null) return "unreadable";
	if (now >= expires) return "expired";
	if (notBefore !== null && now < notBefore) return "not_yet_valid";
	return boundTo === null || boundTo === key || boundTo === certificateHash ? null : "device";
}

function brokenBy(
	passports: readonly (Passport | null)[],
	use: Asked["use"],
	key: string | null,
	now: number,
): PassportFault | null {
	for (const passport of passports) {
		const fault = passport && judgePassport(passport, use, key, now);
		if (fault) return fault;
	}
	return null;
}

/**
 * A registration narrows the scopes by which a token passes, never those by which it is denied, and says whose it is; what
 * the token says of itself stands first.
 */
function registeredAs(token: TokenFacts, { passport, scopes }: Registration): TokenFacts {
	return Object.freeze({
		...token,
		owner: token.owner ?? passport?.owner ?? null,
		purpose: token.purpose ?? passport?.purpose ?? null,
		scopes: scopes.length === 0 ? token.scopes : token.scopes.filter((scope) => scopes.includes(scope)),
	});
}
