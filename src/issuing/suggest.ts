/** The smallest token for a way from one segment to another: what the rules ask for, and what they do not mind. */
import type { Rule } from "../core/snapshot.ts";
import { matchGrpc, matchTemplate } from "../core/template.ts";
import type { Reach } from "./reach.ts";

/** An operation, when the token is for just one. */
export interface Operation {
	readonly method: string;
	/** Canonical. */
	readonly path: string;
	readonly segments: readonly string[];
}

export interface RuleNeed {
	readonly policy: string;
	/** All of these. */
	readonly scopes: readonly string[];
	/** And one of these, unless there are none. */
	readonly anyOf: readonly string[];
	/** What the suggestion holds for it. */
	readonly chosen: readonly string[];
	/** Whether a condition decides too. */
	readonly conditional: boolean;
	/** A rule about the same operations that asks for less; then this one asks nothing of the suggestion. */
	readonly insteadOf: string | null;
}

export interface Suggestion {
	readonly scopes: readonly string[];
	readonly needs: readonly RuleNeed[];
	/** Rules that may refuse some of it all the same. */
	readonly denies: readonly string[];
}

/**
 * For one operation one rule is enough: the one that asks for least. For the whole way every rule counts, but of two about
 * the same operations the one that asks for less. Of alternatives (`scopes_any`) one that is held anyway is taken, else the
 * first. Null when no rule is about the operation.
 */
export function suggest({ allows, denies }: Reach, operation: Operation | null): Suggestion | null {
	const matching = operation === null ? allows : allows.filter((rule) => isAbout(rule, operation));
	if (matching.length === 0) return null;
	const instead = new Map(matching.map((rule) => [rule.name, cheaper(rule, matching, operation !== null)]));
	const counted = matching.filter((rule) => instead.get(rule.name) === null);
	const held = new Set(counted.flatMap((rule) => rule.scopes));
	for (const { scopesAny } of counted) {
		if (scopesAny.length > 0 && !scopesAny.some((scope) => held.has(scope))) held.add(scopesAny[0]!);
	}
	const needs = matching.map((rule) => {
		const insteadOf = instead.get(rule.name) ?? null;
		return {
			policy: rule.name,
			scopes: rule.scopes,
			anyOf: rule.scopesAny,
			chosen: insteadOf === null ? [...rule.scopes, ...firstHeld(rule, held)] : [],
			conditional: rule.condition !== null,
			insteadOf,
		};
	});
	const refusing = operation === null ? denies : denies.filter((rule) => isAbout(rule, operation));
	return { scopes: [...held].sort(), needs, denies: refusing.map(({ name }) => name) };
}

const firstHeld = ({ scopesAny }: Rule, held: ReadonlySet<string>): readonly string[] =>
	scopesAny.filter((scope) => held.has(scope)).slice(0, 1);

const costOf = ({ scopes, scopesAny }: Rule): number => scopes.length + (scopesAny.length > 0 ? 1 : 0);

/** The least that is enough in place of the rule; null when that is the rule itself. One with a condition stands in for none. */
function cheaper(rule: Rule, rules: readonly Rule[], oneOperation: boolean): string | null {
	const alike = rules.filter((other) => other.condition === null && (oneOperation || other.target === rule.target));
	const [least] = alike.toSorted((a, b) => costOf(a) - costOf(b) || (a.name < b.name ? -1 : 1));
	return least === undefined || least === rule || costOf(least) > costOf(rule) ? null : least.name;
}

function isAbout({ target }: Rule, { method, path, segments }: Operation): boolean {
	if (method === "POST" && target.grpc.some((pattern) => matchGrpc(pattern, path))) return true;
	if (target.methods !== null && !target.methods.includes(method)) return false;
	return target.templates.some((template) => matchTemplate(template, segments));
}
