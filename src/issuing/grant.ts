/**
 * What may stand in a token, judged before anything is signed: whose it is, what for and until when must be said; what it
 * names must be there; and nothing is granted that no policy asks for.
 */
import type { Problem } from "../core/errors.ts";
import { demandOf } from "../core/flow.ts";
import { LIMITS } from "../core/limits.ts";
import type { DomainRow, IssuerRow, SegmentRow } from "../core/model.ts";
import { type PassportJson, readPassport } from "../core/passport/passport.ts";
import { isSha256 } from "../core/sha256.ts";
import { parseSpiffeId } from "../core/spiffe.ts";

/** What somebody asks for. */
export interface GrantOrder {
	readonly subject: string;
	readonly scopes: readonly string[];
	readonly passport: PassportJson;
	readonly binding: TokenBinding | null;
	/** Milliseconds since the epoch; null: LIMITS.issuedTokenMs from now. */
	readonly expires: number | null;
	/** Scopes that no policy of the domain uses are granted all the same. */
	readonly unused: boolean;
}

/** What a token is bound to, as in `cnf`: a key's JWK thumbprint (RFC 9449, 6.1), or a certificate's hash (RFC 8705, 3.1). */
export type TokenBinding = { readonly jkt: string } | { readonly "x5t#S256": string };

/** What the policy set says about the order. */
export interface GrantFacts {
	readonly issuer: IssuerRow;
	readonly domain: Pick<DomainRow, "name" | "flow">;
	/** Of those that the order names, the ones that are there. */
	readonly segments: ReadonlyMap<string, Pick<SegmentRow, "domain" | "environment">>;
	/** Of the SPIFFE IDs that the order names, those that belong to a segment. */
	readonly workloads: ReadonlySet<string>;
	readonly owners: ReadonlySet<string>;
	readonly environments: ReadonlySet<string>;
	/** Scopes that policies towards the domain's segments name. */
	readonly scopesUsed: ReadonlySet<string>;
}

export interface Grant extends Pick<GrantOrder, "subject" | "scopes" | "passport" | "binding"> {
	readonly issuer: IssuerRow;
	/** Whole seconds since the epoch. */
	readonly issuedAt: number;
	readonly expiresAt: number;
}

type Complain = (field: string, message: string, cure: string) => void;

/** The grant at `now` (milliseconds since the epoch), or everything that is wrong with the order. */
export function planGrant(order: GrantOrder, facts: GrantFacts, now: number): Grant | readonly Problem[] {
	const problems: Problem[] = [];
	const complain: Complain = (field, message, cure) => problems.push({ object: "token", field, message, cure });
	checkPassport(order.passport, complain);
	if (problems.length === 0) checkPlaces(order, facts, complain);
	checkScopes(order, facts, complain);
	checkBinding(order.binding, facts, complain);
	if (order.subject === "" || Buffer.byteLength(order.subject) > LIMITS.subjectBytes || CONTROL.test(order.subject)) {
		complain("subject", "it names nobody", "name the client, or a workload by its SPIFFE ID");
	}
	const times = timesOf(order, facts.issuer, now, complain);
	if (problems.length > 0) return problems;
	const { subject, passport, binding } = order;
	return { issuer: facts.issuer, subject, scopes: [...new Set(order.scopes)], passport, binding, ...times };
}

const HASH = "write base64url(SHA-256), 43 characters, the last one of AEIMQUYcgkosw048";
const CURES: Readonly<Record<string, string>> = {
	owner: "name the owner of the token",
	purpose: "say in a few words what it is for",
	networks: `write at most ${LIMITS.passportNetworks} CIDR blocks without host bits, such as 10.0.0.0/8`,
	device: `${HASH}: of a certificate, or a key's JWK thumbprint`,
	windows: 'write at most 32 times of the week, each like "mon-fri 08:00-18:00 Europe/Berlin"',
};

function checkPassport(passport: PassportJson, complain: Complain): void {
	const read = readPassport(passport);
	if ("owner" in read) return;
	for (const field of read)
		complain(field, "it is missing, or not as it should be", CURES[field] ?? "write it otherwise");
}

function checkPlaces({ passport }: GrantOrder, facts: GrantFacts, complain: Complain): void {
	const { owner, purpose, sources = [], destinations = [], environment } = passport;
	const { issuer, segments, workloads, owners, environments } = facts;
	if (!owners.has(owner)) complain("owner", `there is no owner ${shown(owner)}`, "name an owner of the policy set");
	const { purposes } = issuer.options;
	if (Array.isArray(purposes) && !purposes.includes(purpose)) {
		complain("purpose", "the issuer does not grant it", `choose one of: ${purposes.join(", ")}`);
	}
	for (const name of destinations) {
		const segment = segments.get(name);
		if (!segment) complain("destinations", `there is no segment ${shown(name)}`, "name a segment of the policy set");
		else if (segment.domain !== issuer.domain) {
			const message = `segment ${name} is of the domain ${segment.domain}, where tokens of ${issuer.domain} do not count`;
			complain("destinations", message, `use an issuer of the domain ${segment.domain}`);
		} else if (environment !== undefined && segment.environment !== environment) {
			complain(
				"environment",
				`segment ${name} is in ${segment.environment}`,
				"name the environment of its destinations",
			);
		}
	}
	for (const name of sources) {
		if (name.startsWith("spiffe://")) {
			if (!parseSpiffeId(name)?.path)
				complain("sources", `${shown(name)} is no SPIFFE ID`, "write spiffe://trust-domain/path");
			else if (!workloads.has(name)) complain("sources", `no segment holds ${name}`, "name a workload of a segment");
		} else if (!segments.has(name)) {
			complain("sources", `there is no segment ${shown(name)}`, "name a segment, or a workload by its SPIFFE ID");
		}
	}
	if (environment !== undefined && !environments.has(environment)) {
		complain("environment", `no segment is in ${shown(environment)}`, "name an environment of the policy set");
	}
}

function checkScopes({ scopes, unused }: GrantOrder, { issuer, scopesUsed }: GrantFacts, complain: Complain): void {
	if (scopes.length > LIMITS.listItems) complain("scopes", "there are too many", `name at most ${LIMITS.listItems}`);
	for (const scope of scopes) {
		if (!SCOPE.test(scope) || scope.length > MAX_SCOPE) {
			complain("scopes", `${shown(scope)} is no scope`, "use visible ASCII without quotes, backslashes and spaces");
		} else if (!unused && !scopesUsed.has(scope)) {
			const message = `no policy of the domain ${issuer.domain} uses ${scope}`;
			complain("scopes", message, "leave it out, or say --unused for a policy that is to come");
		}
	}
}

function checkBinding(binding: TokenBinding | null, { issuer, domain }: GrantFacts, complain: Complain): void {
	const kind = binding === null ? null : "jkt" in binding ? "dpop" : "mtls";
	if (binding !== null && !isSha256("jkt" in binding ? binding.jkt : binding["x5t#S256"])) {
		complain("binding", "it is no SHA-256", HASH);
	}
	if (kind === null && (issuer.binding !== "none" || demandOf(domain.flow).bound)) {
		const message = `the ${issuer.binding === "none" ? `domain ${domain.name}` : "issuer"} takes bound tokens alone`;
		complain("binding", message, "bind it to a key (--bind jkt:...) or to a certificate (--bind x5t:...)");
	} else if (kind !== null && issuer.binding !== kind && (issuer.binding === "dpop" || issuer.binding === "mtls")) {
		complain("binding", `the issuer takes tokens bound by ${issuer.binding} alone`, "bind it that way");
	}
}

function timesOf({ expires }: GrantOrder, issuer: IssuerRow, now: number, complain: Complain) {
	const issuedAt = Math.floor(now / 1_000);
	const wanted = Math.floor((expires ?? now + Math.min(LIMITS.issuedTokenMs, issuer.max_lifetime * 1_000)) / 1_000);
	if (wanted <= issuedAt) complain("expires", "it is over already", "name a later end");
	else if (wanted - issuedAt > issuer.max_lifetime) {
		const message = `it would live ${wanted - issuedAt} s, and tokens of this issuer live ${issuer.max_lifetime} s at most`;
		complain("expires", message, "ask for less, and rotate it in time");
	}
	return { issuedAt, expiresAt: wanted };
}

function shown(text: string): string {
	return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/** RFC 6749, 3.3; the length is what the database keeps. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MAX_SCOPE = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
