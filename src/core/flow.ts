/** What the flows demand, and how two of them add up. */
import type { Flow } from "./model.ts";

export interface Demand {
	/** A token is read and must be valid. */
	readonly token: boolean;
	/** The token must be bound to a key that the caller proves to hold. */
	readonly bound: boolean;
}

const DEMANDS: Readonly<Record<Flow, Demand>> = {
	mtls: { token: false, bound: false },
	token: { token: true, bound: false },
	"mtls+token": { token: true, bound: false },
	"mtls+bound-token": { token: true, bound: true },
};

/** A flow that this version does not know demands what nobody can show, so that it denies. */
const UNKNOWN: Demand = { token: true, bound: true };

export function demandOf(flow: Flow): Demand {
	return DEMANDS[flow] ?? UNKNOWN;
}

/** The union of a domain's demand and that of the crossing into it. */
export function unionOf(flow: Flow, added: Flow | null): Demand {
	const own = demandOf(flow);
	if (added === null) return own;
	const more = demandOf(added);
	return { token: own.token || more.token, bound: own.bound || more.bound };
}
