/**
 * What a token was given in exchange for, as our tokens carry it, signed, in their claim `firebreak`: whatever revokes the
 * one revokes the other, and both spend one budget, whoever knows of the exchange.
 */

/** A token by everything that it can be revoked by. */
export interface TokenOrigin {
	readonly issuer: string;
	readonly id: string | null;
	readonly subject: string;
	/** Seconds since the epoch; null counts as issued before everything. */
	readonly issuedAt: number | null;
	/** RFC 7638 thumbprint of the key that signed it. */
	readonly keyThumbprint: string | null;
	/** Of one that was given in exchange itself; at most LIMITS.actorDepth are behind each other. */
	readonly origin?: TokenOrigin | null;
}

/** As JSON; what is null is absent. */
export interface OriginJson {
	readonly iss: string;
	readonly jti?: string;
	readonly sub: string;
	readonly iat?: number;
	readonly key?: string;
	readonly origin?: OriginJson;
}

export function writeOrigin({ issuer, id, subject, issuedAt, keyThumbprint, origin }: TokenOrigin): OriginJson {
	return {
		iss: issuer,
		...(id !== null && { jti: id }),
		sub: subject,
		...(issuedAt !== null && { iat: issuedAt }),
		...(keyThumbprint !== null && { key: keyThumbprint }),
		...(origin && { origin: writeOrigin(origin) }),
	};
}

/**
 * Reads it strictly: one that is not understood could not be revoked by.
 * @param depth how many may be behind each other.
 * @returns null when it cannot be read.
 */
export function readOrigin(json: unknown, depth: number): TokenOrigin | null {
	if (typeof json !== "object" || json === null || depth === 0) return null;
	const { iss, jti, sub, iat, key, origin: behind, ...more } = json as Readonly<Record<string, unknown>>;
	const origin = behind === undefined ? null : readOrigin(behind, depth - 1);
	if (Object.keys(more).length > 0 || (behind !== undefined && origin === null)) return null;
	if (!isText(iss) || !isText(sub) || !(jti === undefined || isText(jti)) || !(key === undefined || isText(key)))
		return null;
	if (!(iat === undefined || (typeof iat === "number" && Number.isFinite(iat)))) return null;
	return Object.freeze({
		issuer: iss,
		id: jti ?? null,
		subject: sub,
		issuedAt: iat ?? null,
		keyThumbprint: key ?? null,
		origin,
	});
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
