/** Options that say where a token may be used, and how they are written. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { calculateJwkThumbprint, type JWK } from "jose";
import { FirebreakError } from "../../core/errors.ts";
import type { PassportJson, WindowJson } from "../../core/passport/passport.ts";
import { isSha256 } from "../../core/sha256.ts";
import type { TokenBinding } from "../../issuing/grant.ts";

export const scopeOption = () => listOption("--scope <scope...>", "what it may be used for; none: no scope");
export const destinationOption = () => listOption("--destination <segment...>", "segments that it may be used for");
export const sourceOption = () => listOption("--source <name...>", "segments or SPIFFE IDs that may use it");
export const networkOption = () => listOption("--network <cidr...>", "networks that it may be used from");
export const environmentOption = () =>
	new Option("--environment <name>", "the environment that source and destination must be in");
export const deviceOption = () =>
	new Option("--device <sha256>", "the certificate or key, by its base64url SHA-256, that its user must hold");
export const windowOption = () =>
	new Option("--window <time...>", 'times of the week: "mon-fri 08:00-18:00 Europe/Berlin"').argParser(
		(text: string, before: readonly WindowJson[] | undefined): readonly WindowJson[] => [
			...(before ?? []),
			windowOf(text),
		],
	);
export const bindOption = () =>
	new Option(
		"--bind <key>",
		"worth nothing without this key: jkt:THUMBPRINT or x5t:SHA256, or in its place the file of a public JWK or a PEM certificate",
	);

export interface Restrictions {
	readonly source?: readonly string[] | undefined;
	readonly destination?: readonly string[] | undefined;
	readonly network?: readonly string[] | undefined;
	readonly environment?: string | undefined;
	readonly device?: string | undefined;
	readonly window?: readonly WindowJson[] | undefined;
}

export function passportOf(owner: string, purpose: string, restrictions: Restrictions): PassportJson {
	const { source, destination, network, environment, device, window } = restrictions;
	return {
		owner,
		purpose,
		...(source && { sources: source }),
		...(destination && { destinations: destination }),
		...(network && { networks: network }),
		...(environment !== undefined && { environment }),
		...(device !== undefined && { device }),
		...(window && { windows: window }),
	};
}

function listOption<const Flags extends string>(flags: Flags, description: string) {
	return new Option(flags, description).argParser(
		(text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text],
	);
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WINDOW = /^(?:([a-z,-]+) +)?(\d\d:\d\d)-(\d\d:\d\d) +(\S+)$/i;

/** `mon-fri,sun 08:00-18:00 Europe/Berlin`; without days it is every day. */
export function windowOf(text: string): WindowJson {
	const [, days, from, until, zone] = WINDOW.exec(text.trim()) ?? [];
	if (from === undefined || until === undefined || zone === undefined) throw malformedWindow();
	return { ...(days !== undefined && { days: daysOf(days.toLowerCase()) }), from, until, zone };
}

/** A span may run over the end of the week: `sat-mon`. */
function daysOf(text: string): readonly string[] {
	const named = new Set<string>();
	for (const part of text.split(",")) {
		const [first = "", last = first, ...more] = part.split("-");
		const [start, end] = [DAYS.indexOf(first), DAYS.indexOf(last)];
		if (start < 0 || end < 0 || more.length > 0) throw malformedWindow();
		for (let day = start; ; day = (day + 1) % DAYS.length) {
			named.add(DAYS[day]!);
			if (day === end) break;
		}
	}
	return DAYS.filter((day) => named.has(day));
}

function malformedWindow(): InvalidArgumentError {
	return new InvalidArgumentError('Write days, hours and an IANA zone, such as "mon-fri 08:00-18:00 Europe/Berlin".');
}

/** As a window was written. */
export function describeWindow({ days, from, until, zone }: WindowJson): string {
	return `${days ? `${days.join(",")} ` : ""}${from}-${until} ${zone}`;
}

/** `jkt:` and a JWK thumbprint or the file of a public JWK; `x5t:` and a certificate's hash or its PEM file. */
export async function bindingOf(text: string): Promise<TokenBinding> {
	const [, kind, rest = ""] = /^(jkt|x5t):(.+)$/.exec(text) ?? [];
	if (kind === undefined)
		throw new FirebreakError("usage", "--bind: write jkt:THUMBPRINT or x5t:SHA256, or name a file there");
	if (kind === "jkt") return { jkt: isSha256(rest) ? rest : await thumbprintOf(rest) };
	return { "x5t#S256": isSha256(rest) ? rest : certificateHashOf(rest) };
}

async function thumbprintOf(file: string): Promise<string> {
	try {
		return await calculateJwkThumbprint(JSON.parse(readFileSync(file, "utf8")) as JWK);
	} catch {
		throw new FirebreakError(
			"usage",
			`--bind: ${JSON.stringify(file)} is neither a thumbprint nor the file of a public JWK`,
		);
	}
}

function certificateHashOf(file: string): string {
	try {
		return createHash("sha256")
			.update(new X509Certificate(readFileSync(file)).raw)
			.digest("base64url");
	} catch {
		throw new FirebreakError(
			"usage",
			`--bind: ${JSON.stringify(file)} is neither a SHA-256 nor the PEM file of a certificate`,
		);
	}
}
