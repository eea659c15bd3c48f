/** Whether a token is used where its passport says. */
import type { SegmentRow } from "../model.ts";
import type { Passport } from "./passport.ts";

/** Which restriction a use breaks; the detail of `passport_context`. */
export type BrokenRestriction = "environment" | "source" | "destination" | "network" | "device" | "window";

/** The use of a token, as far as the restrictions ask. */
export interface TokenUse {
	/** SPIFFE ID of the caller, or null. */
	readonly principal: string | null;
	/** Null for callers without a certificate identity. */
	readonly source: Pick<SegmentRow, "name" | "environment"> | null;
	readonly destination: Pick<SegmentRow, "name" | "environment">;
	/** The caller's IP address in canonical spelling, or null when it is not known. */
	readonly address: string | null;
	/** base64url SHA-256 of the caller's certificate, or null. */
	readonly certificateHash: string | null;
}

/**
 * The first restriction that the use breaks at `now` (milliseconds since the epoch), in the order of DESIGN.md; null when
 * it keeps all. What is not known breaks a restriction that asks for it.
 * @param proofKey RFC 7638 thumbprint of the key that the caller proved to hold, or null.
 */
export function judgePassport(
	passport: Passport,
	use: TokenUse,
	proofKey: string | null,
	now: number,
): BrokenRestriction | null {
	const { environment, sources, destinations, networks, device, windows } = passport;
	const { source, destination, principal, address } = use;
	if (environment !== null && (destination.environment !== environment || source?.environment !== environment)) {
		return "environment";
	}
	if (sources.length > 0 && !sources.some((name) => name === principal || name === source?.name)) return "source";
	if (destinations.length > 0 && !destinations.includes(destination.name)) return "destination";
	if (networks.length > 0 && !(address !== null && networks.some((holds) => holds(address)))) return "network";
	if (device !== null && device !== proofKey && device !== use.certificateHash) return "device";
	if (windows.length > 0 && !windows.some((isOpen) => isOpen(now))) return "window";
	return null;
}
