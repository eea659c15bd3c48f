/**
 * A trie over path templates. It only narrows: whatever it yields is matched in full afterwards, so it can be slow or
 * generous, but never wrong in what it lets through.
 */
import type { Rule, TrieNode } from "./snapshot.ts";

interface Draft {
	readonly literals: Map<string, Draft>;
	wildcard: Draft | null;
	readonly here: Rule[];
	readonly rest: Rule[];
}

const draft = (): Draft => ({ literals: new Map(), wildcard: null, here: [], rest: [] });

export function buildTrie(rules: readonly Rule[]): TrieNode {
	const root = draft();
	for (const rule of rules) {
		for (const template of rule.target.templates) {
			const node = descend(root, template.parts);
			add(template.rest ? node.rest : node.here, rule);
		}
		for (const pattern of rule.target.grpc) {
			if (pattern.prefix) add(root.rest, rule);
			else add(descend(root, pattern.literal.split("/")).here, rule);
		}
	}
	return root;
}

/** Calls `visit` with each rule that may match the path; the same rule may come more than once. */
export function walkTrie(node: TrieNode, segments: readonly string[], visit: (rule: Rule) => void, depth = 0): void {
	for (const rule of node.rest) visit(rule);
	const segment = segments[depth];
	if (segment === undefined) {
		for (const rule of node.here) visit(rule);
		return;
	}
	const literal = node.literals.get(segment);
	if (literal) walkTrie(literal, segments, visit, depth + 1);
	if (node.wildcard) walkTrie(node.wildcard, segments, visit, depth + 1);
}

function descend(root: Draft, parts: readonly (string | null)[]): Draft {
	let node = root;
	for (const part of parts) {
		if (part === null) {
			node.wildcard ??= draft();
			node = node.wildcard;
			continue;
		}
		let next = node.literals.get(part);
		if (!next) {
			next = draft();
			node.literals.set(part, next);
		}
		node = next;
	}
	return node;
}

/** Two templates of one rule may end in the same node. */
function add(rules: Rule[], rule: Rule): void {
	if (rules.at(-1) !== rule) rules.push(rule);
}
