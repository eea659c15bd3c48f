/**
 * The passport of one token: whose it is, what for, and where it may be used. Tokens that Firebreak issues carry theirs as
 * the signed claim `firebreak`; those of other issuers may be registered, and API keys always are: theirs come through
 * the lane. Either way it is this one JSON object, and either way it only ever narrows what a token may do.
 */
import { LIMITS } from "../limits.ts";
import { isSha256 } from "../sha256.ts";
import { isText, isTextList } from "./fields.ts";
import { type Network, readNetworks } from "./network.ts";
import { readWindows, type Window } from "./window.ts";

/** As JSON, in claims and in the lane. What is absent does not restrict; an empty list is the same as none. */
export interface PassportJson {
	readonly owner: string;
	readonly purpose: string;
	/** Segments or SPIFFE IDs that may use it. */
	readonly sources?: readonly string[];
	/** Segments that it may be used for. */
	readonly destinations?: readonly string[];
	/** CIDR blocks that the caller's address must be in. */
	readonly networks?: readonly string[];
	/** Of the source and of the destination. */
	readonly environment?: string;
	/** base64url SHA-256: of the caller's certificate, or the thumbprint of the key that it proves to hold. */
	readonly device?: string;
	/** Times of the week in which it may be used. */
	readonly windows?: readonly WindowJson[];
}

/** Half-open, by the wall clock of an IANA time zone; `until` at or before `from` is on the next day. */
export interface WindowJson {
	/** `mon` to `sun`, of the day on which it opens; absent: every day. */
	readonly days?: readonly string[];
	/** `HH:MM`, `00:00` to `23:59`. */
	readonly from: string;
	/** `HH:MM`, `00:00` to `24:00`. */
	readonly until: string;
	readonly zone: string;
}

export interface Passport {
	readonly owner: string;
	readonly purpose: string;
	readonly sources: readonly string[];
	readonly destinations: readonly string[];
	readonly networks: readonly Network[];
	readonly environment: string | null;
	readonly device: string | null;
	readonly windows: readonly Window[];
	/** As it came. */
	readonly json: PassportJson;
}

const FIELDS = ["owner", "purpose", "sources", "destinations", "networks", "environment", "device", "windows"];

/**
 * Reads a passport's JSON strictly: a field that is not known, or not as it should be, makes the whole unreadable, since
 * a restriction that is not understood cannot be kept.
 * @returns the names of the fields that are wrong, instead of the passport.
 */
export function readPassport(json: unknown): Passport | readonly string[] {
	if (typeof json !== "object" || json === null || Array.isArray(json)) return ["passport"];
	const given = json as Readonly<Record<string, unknown>>;
	const { owner, purpose, sources = [], destinations = [], networks = [], environment, device, windows = [] } = given;
	const read = { networks: readNetworks(networks), windows: readWindows(windows) };
	const sound: Readonly<Record<string, boolean>> = {
		owner: isText(owner, LIMITS.nameBytes),
		purpose: isText(purpose, LIMITS.reasonBytes),
		sources: isTextList(sources),
		destinations: isTextList(destinations),
		networks: read.networks !== null,
		environment: environment === undefined || isText(environment, LIMITS.nameBytes),
		device: device === undefined || (typeof device === "string" && isSha256(device)),
		windows: read.windows !== null,
	};
	const wrong = [
		...Object.keys(given).filter((name) => !FIELDS.includes(name)),
		...FIELDS.filter((name) => !sound[name]),
	];
	if (wrong.length > 0) return wrong;
	return Object.freeze({
		owner: owner as string,
		purpose: purpose as string,
		sources: sources as string[],
		destinations: destinations as string[],
		networks: read.networks!,
		environment: (environment as string | undefined) ?? null,
		device: (device as string | undefined) ?? null,
		windows: read.windows!,
		json: json as PassportJson,
	});
}
