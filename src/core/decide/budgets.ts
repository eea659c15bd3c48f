/** Which budgets a request spends: its source's at step 7, those of the destination and the token at step 10. */
import type { Budget } from "../budget.ts";
import { LIMITS } from "../limits.ts";
import type { RateKind } from "../model.ts";
import type { CredentialVerdict } from "../request.ts";
import type { Snapshot } from "../snapshot.ts";
import type { TokenOrigin } from "../token-origin.ts";
import { type Judged, tokenOf } from "./judge.ts";
import { isOpen, type Route } from "./route.ts";

/**
 * Step 7: the source's, and second, when a credential is due, the one that pays for it in advance, which is given back unless the
 * credential {@link isForged}. So a source makes this server verify only so many forgeries, however much it may send.
 */
export function throttleBudgets(route: Route): readonly Budget[] {
	if (!isOpen(route)) return NO_BUDGETS;
	const source = sourceBudget(route);
	if (!route.demand.token) return [source];
	const { forgeriesPerSecond: perSecond, forgeriesBurst: burst } = LIMITS;
	return [source, { kind: "forgeries", key: `${source.kind} ${source.key}`, perSecond, burst, own: true }];
}

/** Whether a credential was looked at closely that nobody gave to its bearer. */
export function isForged(credential: CredentialVerdict): boolean {
	if (credential.kind !== "refused") return false;
	return credential.reason === "proof_invalid" || FORGED.includes(credential.detail);
}

/** Signatures that do not verify, API keys that somebody made up, and proofs that were used before. */
const FORGED = ["signature", "unknown_key", "used"];

/** Step 10. None when nothing limits the destination or the token, or the request will not pass anyway. */
export function rateBudgets({ route, credential, passing }: Judged): readonly Budget[] {
	const { snapshot, destination } = route.input;
	if (!passing || snapshot.rateLimits.size === 0 || !destination.ok) return NO_BUDGETS;
	const { name, domain } = destination.segment;
	const token = tokenOf(credential);
	const budgets: Budget[] = [];
	const add = (budget: Budget | null) => budget && budgets.push(budget);
	add(limitOf(snapshot, "domain", domain));
	add(limitOf(snapshot, "segment", name));
	// What was given in exchange spends what the token that it was given for may: no exchange makes a budget of one anew.
	for (let spent: TokenOrigin | null | undefined = token; spent; spent = spent.origin) {
		add(limitOf(snapshot, "token", spent.issuer, tokenKey(spent)));
	}
	return budgets.length === 0 ? NO_BUDGETS : budgets;
}

/**
 * Every source has a budget, by default one of this server's own, which keeps one source from having the server for
 * itself. Whoever has no segment is counted by its address.
 */
function sourceBudget({ source: { segment }, input }: Route): Budget {
	if (segment === null) return ownSource("address", networkOf(input.request.peer.address));
	return limitOf(input.snapshot, "source", segment.name) ?? ownSource("source", segment.name);
}

function limitOf(snapshot: Snapshot, kind: RateKind, name: string, key = name): Budget | null {
	const row = snapshot.rateLimits.size === 0 ? undefined : snapshot.rateLimits.get(`${kind}:${name}`);
	return row ? { kind, key, perSecond: row.per_second, burst: row.burst, own: false } : null;
}

function ownSource(kind: "source" | "address", key: string): Budget {
	return { kind, key, perSecond: LIMITS.sourcePerSecond, burst: LIMITS.sourceBurst, own: true };
}

/** Each token has a bucket of its own; tokens of a profile without ids share their subject's. */
function tokenKey({ issuer, id, subject }: TokenOrigin): string {
	return id === null ? `${issuer} sub ${subject}` : `${issuer} jti ${id}`;
}

/**
 * The network that one caller surely has for itself: an IPv4 address, or the /64 that an IPv6 host chooses its addresses
 * from (RFC 4291, 2.5.4). All without an address share one.
 */
function networkOf(address: string | null): string {
	if (address === null) return "unknown";
	if (!address.includes(":")) return address;
	const [head = "", tail] = address.split("::");
	const groups = head === "" ? [] : head.split(":");
	const rest = tail ? tail.split(":") : [];
	while (groups.length + rest.length < 8) groups.push("0");
	return `${[...groups, ...rest].slice(0, 4).join(":")}::/64`;
}

const NO_BUDGETS: readonly Budget[] = Object.freeze([]);
