/** Snapshot to rows: what compiles to the same snapshot again. For keeping a policy set that is held only compiled. */
import type { PolicyRow, PolicySet } from "../model.ts";
import type { Rule, Snapshot, Target } from "../snapshot.ts";

/**
 * The rows of a snapshot. They mean what the compiled ones mean, and need not be what was written: `["*", "GET"]` comes back
 * as `["*"]`, templates in their canonical spelling. Owners are left out, since their roles count in the database only.
 *
 * @returns policies that iterate as often as needed, made as they are asked for; rows that say the same share their arrays.
 */
export function rowsOf(snapshot: Snapshot): PolicySet {
	const domains = [...snapshot.domains.values()];
	return {
		epoch: snapshot.epoch,
		revision: snapshot.revision,
		owners: [],
		domains: domains.map(({ row }) => row),
		issuers: domains.flatMap(({ issuers }) => issuers),
		segments: [...snapshot.segments.values()],
		crossings: [...snapshot.crossings.values()],
		policies: { [Symbol.iterator]: () => policiesOf(snapshot) },
		rate_limits: [...snapshot.rateLimits.values()],
	};
}

function* policiesOf({ shards, segments }: Snapshot): Generator<PolicyRow, void> {
	const operations = new Map<Target, Operations>();
	for (const { destination, bySource } of shards.values()) {
		// The compiler refuses policies whose destination is not there, or that another owner has.
		const { owner } = segments.get(destination)!;
		for (const [source, { rules }] of bySource) {
			for (const rule of rules) {
				let about = operations.get(rule.target);
				if (!about) {
					about = operationsOf(rule.target);
					operations.set(rule.target, about);
				}
				yield policyOf(rule, about, { source, destination, owner });
			}
		}
	}
}

type Operations = Pick<PolicyRow, "methods" | "paths" | "grpc" | "hosts" | "upgrade">;

function operationsOf({ methods, templates, grpc, hosts, upgrade }: Target): Operations {
	return {
		// Null is any; one of gRPC methods alone has an empty list.
		methods: methods ?? ANY_METHOD,
		paths: templates.map(({ text }) => text),
		grpc: grpc.map(({ text }) => text),
		hosts: hosts ?? NONE,
		upgrade,
	};
}

function policyOf(
	{ name, deny, monitor, scopes, scopesAny, condition, validity }: Rule,
	{ methods, paths, grpc, hosts, upgrade }: Operations,
	{ source, destination, owner }: Pick<PolicyRow, "source" | "destination" | "owner">,
): PolicyRow {
	return {
		name,
		effect: deny ? "deny" : "allow",
		source,
		destination,
		owner,
		methods,
		paths,
		grpc,
		hosts,
		scopes,
		scopes_any: scopesAny,
		condition: condition === null ? null : condition.text,
		upgrade,
		valid_from: validity === null ? null : finite(validity.from),
		valid_until: validity === null ? null : finite(validity.until),
		mode: monitor ? "monitor" : "enforce",
	};
}

const finite = (instant: number): number | null => (Number.isFinite(instant) ? instant : null);
const ANY_METHOD: readonly string[] = Object.freeze(["*"]);
const NONE: readonly string[] = Object.freeze([]);
