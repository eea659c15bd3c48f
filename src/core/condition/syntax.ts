/** Questions about the parser's syntax tree. */
import type { ASTNode } from "@marcbachmann/cel-js";
import type { Expression } from "./frame.ts";
import type { SourceRange } from "./refusal.ts";

/** What the parts of the builder need of each other. */
export interface Builder {
	build(node: ASTNode): Expression;
	/** For the body of a loop: as this one, and the variable in the slot. */
	inLoop(variable: string, node: ASTNode): { readonly body: Builder; readonly slot: number };
	/** `has(node)`. */
	buildPresence(node: ASTNode): Expression;
}

export function rangeOf(node: ASTNode): SourceRange {
	return { start: node.start, end: node.end };
}

/** The text of a string literal, or undefined for anything else. */
export function literalText(node: ASTNode): string | undefined {
	return node.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

export function countNodes(node: ASTNode): number {
	return children(node).reduce((count, child) => count + countNodes(child), 1);
}

function children(node: ASTNode): readonly ASTNode[] {
	switch (node.op) {
		case "value":
		case "id":
			return [];
		case ".":
		case ".?":
			return [node.args[0]];
		case "call":
			return node.args[1];
		case "rcall":
			return [node.args[1], ...node.args[2]];
		case "map":
			return node.args.flat();
		case "!_":
		case "-_":
			return [node.args];
		default:
			return node.args;
	}
}
