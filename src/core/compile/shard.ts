/** Policies of one destination to its shard: rules, by source, sorted so that nothing depends on the order of rows. */
import { LIMITS } from "../limits.ts";
import type { PathException, PolicyRow } from "../model.ts";
import type { Rule, RuleSet, Shard, Target } from "../snapshot.ts";
import { buildTrie } from "../trie.ts";
import type { Complaint } from "./complaint.ts";
import { copyMap, ENTRIES_PER_STEP } from "./generator.ts";
import type { Interner } from "./interner.ts";

export type CompiledRule =
	| { readonly ok: true; readonly rule: Rule }
	| { readonly ok: false; readonly complaint: Complaint };

export function compileRule(policy: PolicyRow, exceptions: readonly PathException[], interner: Interner): CompiledRule {
	const target = interner.target(policy, exceptions);
	if (!target.ok) return target;
	const condition = policy.condition === null ? null : interner.condition(policy.condition);
	if (condition && !condition.ok) return condition;
	const uncaptured = condition?.value.params.find((name) => !isCaptured(name, target.value));
	if (uncaptured !== undefined) {
		return {
			ok: false,
			complaint: {
				field: "condition",
				message: `it reads params.${uncaptured}, which not every path of the policy captures`,
				cure: `write {${uncaptured}} in each of its paths, or split the policy`,
			},
		};
	}
	return {
		ok: true,
		rule: {
			name: policy.name,
			deny: policy.effect === "deny",
			monitor: policy.mode === "monitor",
			target: target.value,
			scopes: interner.list(policy.scopes),
			scopesAny: interner.list(policy.scopes_any),
			condition: condition?.value ?? null,
			validity:
				policy.valid_from === null && policy.valid_until === null
					? null
					: {
							from: policy.valid_from ?? Number.NEGATIVE_INFINITY,
							until: policy.valid_until ?? Number.POSITIVE_INFINITY,
						},
		},
	};
}

const isCaptured = (name: string, target: Target): boolean =>
	target.grpc.length === 0 && target.templates.every((template) => template.names?.includes(name));

/** What changes in one shard: rules by source to put in, and names by source to take out first. */
export interface ShardChange {
	readonly put: Map<string, Rule[]>;
	readonly drop: Map<string, Set<string>>;
}

/** The shard with the change made; rule sets of other sources are shared with the base. Null when nothing is left. */
export function* rebuildShard(
	destination: string,
	base: Shard | null,
	change: ShardChange,
): Generator<void, Shard | null> {
	const bySource = base ? yield* copyMap(base.bySource) : new Map<string, RuleSet>();
	let sinceYield = 0;
	for (const source of new Set([...change.drop.keys(), ...change.put.keys()])) {
		const rules = replaceRules(bySource.get(source), change.put.get(source) ?? [], change.drop.get(source));
		if (rules.length === 0) bySource.delete(source);
		else bySource.set(source, ruleSet(rules));
		sinceYield += 1 + rules.length;
		if (sinceYield < ENTRIES_PER_STEP) continue;
		sinceYield = 0;
		yield;
	}
	return bySource.size === 0 ? null : yield* summarize(destination, bySource);
}

function replaceRules(old: RuleSet | undefined, put: readonly Rule[], drop: ReadonlySet<string> | undefined): Rule[] {
	if (!old) return [...put];
	const gone = new Set(drop);
	for (const rule of put) gone.add(rule.name);
	return [...old.rules.filter((rule) => !gone.has(rule.name)), ...put];
}

function ruleSet(rules: Rule[]): RuleSet {
	rules.sort(byName);
	return { rules, trie: rules.length > LIMITS.linearRules ? buildTrie(rules) : null };
}

function* summarize(destination: string, bySource: ReadonlyMap<string, RuleSet>): Generator<void, Shard> {
	let size = 0;
	let sinceYield = 0;
	let scoped: string | null = null;
	let upgrades: Set<string> = NO_UPGRADES;
	for (const { rules } of bySource.values()) {
		size += rules.length;
		for (const rule of rules) {
			if (scoped === null && demandsScopes(rule)) scoped = rule.name;
			if (rule.target.upgrade !== null && !rule.deny) upgrades = new Set(upgrades).add(rule.target.upgrade);
		}
		sinceYield += rules.length;
		if (sinceYield < ENTRIES_PER_STEP) continue;
		sinceYield = 0;
		yield;
	}
	return { destination, bySource, size, scoped, upgrades };
}

const demandsScopes = (rule: Rule) => rule.scopes.length > 0 || rule.scopesAny.length > 0;
/** By code units: the same on every machine, whatever its locale. */
const byName = (a: Rule, b: Rule) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const NO_UPGRADES: Set<string> = new Set();
