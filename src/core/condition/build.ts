/**
 * From a checked syntax tree to closures over a {@link Frame}. The library's own evaluator is not used: it has no bound
 * on its work, remembers types for every shape of data it meets, keeps the last evaluation's data alive inside the tree,
 * and runs `matches` and `duration` on backtracking regular expressions.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { LIMITS } from "../limits.ts";
import { buildCall, buildMethod } from "./calls.ts";
import { RECORDS, SCALARS, TABLES, type Table } from "./facts.ts";
import type { Expression } from "./frame.ts";
import { BINARY, index, logical, negate, not } from "./operators.ts";
import { ConditionRefusal } from "./refusal.ts";
import { type Builder, literalText, rangeOf } from "./syntax.ts";
import { isMap, MAX_INT, type Value } from "./value.ts";

export interface Program {
	readonly run: Expression;
	/** Names that are read from `params`. */
	readonly params: readonly string[];
	/** Names that are read from `token`; with {@link ANY_CLAIM} when some are computed. */
	readonly claims: readonly string[];
}

/** Stands for all claims of a token. */
export const ANY_CLAIM = "*";

/** @throws ConditionRefusal for what is well typed, but not available or not bounded. */
export function buildProgram(ast: ASTNode): Program {
	const notes = { loops: 0, params: new Set<string>(), claims: new Set<string>() };
	const run = new ConditionBuilder(new Map(), notes).build(ast);
	return { run, params: Object.freeze([...notes.params]), claims: Object.freeze([...notes.claims]) };
}

interface Notes {
	loops: number;
	readonly params: Set<string>;
	readonly claims: Set<string>;
}

class ConditionBuilder implements Builder {
	/** Variables of the loops around this place, and their slots. */
	readonly #locals: ReadonlyMap<string, number>;
	readonly #depth: number;
	readonly #notes: Notes;

	constructor(locals: ReadonlyMap<string, number>, notes: Notes, depth = 0) {
		this.#locals = locals;
		this.#notes = notes;
		this.#depth = depth;
	}

	build(node: ASTNode): Expression {
		switch (node.op) {
			case "value":
				return this.#literal(node, node.args);
			case "id":
				return this.#variable(node, node.args);
			case ".":
				return this.#select(node.args[0], node.args[1], node);
			case "[]":
				return this.#index(node.args[0], node.args[1], node);
			case "call":
				return buildCall(this, node, node.args[0], node.args[1]);
			case "rcall":
				return buildMethod(this, node, node.args[0], node.args[1], node.args[2]);
			case "list":
				return this.#list(node.args);
			case "map":
				return this.#map(node.args);
			case "?:":
				return this.#choice(node.args);
			case "||":
			case "&&":
				return logical(node.op === "||", this.build(node.args[0]), this.build(node.args[1]));
			case "!_": {
				const operand = this.build(node.args);
				return (frame) => not(operand(frame));
			}
			case "-_": {
				const operand = this.build(node.args);
				return (frame) => negate(operand(frame));
			}
			case "in":
				return this.#membership(node.args[0], node.args[1], node);
			default:
				return this.#binary(node.op, node.args as [ASTNode, ASTNode], node);
		}
	}

	inLoop(variable: string, node: ASTNode): { readonly body: Builder; readonly slot: number } {
		const depth = this.#depth + 1;
		this.#notes.loops++;
		if (depth > LIMITS.conditionLoopDepth || this.#notes.loops > LIMITS.conditionLoops) {
			throw new ConditionRefusal(
				depth > LIMITS.conditionLoopDepth
					? `macros stand more than ${LIMITS.conditionLoopDepth} deep in each other`
					: `there are more than ${LIMITS.conditionLoops} macros`,
				"simplify it, or split it over several policies",
				rangeOf(node),
			);
		}
		const slot = this.#depth;
		return { slot, body: new ConditionBuilder(new Map(this.#locals).set(variable, slot), this.#notes, depth) };
	}

	buildPresence(node: ASTNode): Expression {
		if (node.op !== ".") throw new ConditionRefusal("has() takes a field", "write has(token.x)", rangeOf(node));
		const [owner, key] = node.args;
		const record = this.#record(owner);
		if (record) {
			this.#field(record, key, node);
			return () => true;
		}
		const table = this.#table(owner);
		if (table) {
			lintKey(table, key, node);
			this.#noteClaim(table, key);
			return (frame) => table.has(frame, key);
		}
		const container = this.build(owner);
		return (frame) => {
			const map = container(frame);
			return map !== undefined && isMap(map) ? map.has(key) : undefined;
		};
	}

	#literal(node: ASTNode, value: unknown): Expression {
		if (typeof value === "bigint" && value > MAX_INT) {
			throw new ConditionRefusal("the integer has more than 64 bits", "write a smaller one", rangeOf(node));
		}
		if (typeof value === "object" && value !== null) {
			throw new ConditionRefusal(
				"bytes and unsigned integers are not available",
				'write "text" or an integer without u',
				rangeOf(node),
			);
		}
		const constant = value as Value;
		return () => constant;
	}

	#variable(node: ASTNode, name: string): Expression {
		const slot = this.#locals.get(name);
		if (slot !== undefined) return (frame) => frame.locals[slot];
		const table = TABLES.get(name);
		if (table) this.#noteClaim(table, ANY_CLAIM);
		const whole = SCALARS.get(name) ?? table?.all;
		if (whole) return whole;
		if (RECORDS.has(name)) {
			throw new ConditionRefusal(`${name} is no value of its own`, "read one of its fields", rangeOf(node));
		}
		throw new ConditionRefusal(
			`unknown variable ${name}`,
			`use ${[...RECORDS.keys(), "params", "token", "now"].join(", ")}`,
			rangeOf(node),
		);
	}

	#select(owner: ASTNode, key: string, node: ASTNode): Expression {
		const record = this.#record(owner);
		if (record) return this.#field(record, key, node);
		const table = this.#table(owner);
		if (table) {
			lintKey(table, key, node);
			if (table === TABLES.get("params")) this.#notes.params.add(key);
			this.#noteClaim(table, key);
			return (frame) => table.get(frame, key);
		}
		const container = this.build(owner);
		return (frame) => {
			const map = container(frame);
			return map !== undefined && isMap(map) ? map.get(key) : undefined;
		};
	}

	#index(owner: ASTNode, keyNode: ASTNode, node: ASTNode): Expression {
		const text = literalText(keyNode);
		if (text !== undefined) return this.#select(owner, text, node);
		if (this.#record(owner)) {
			throw new ConditionRefusal("a field's name cannot be computed", "write it, as in request.method", rangeOf(node));
		}
		const key = this.build(keyNode);
		const table = this.#table(owner);
		if (table) {
			this.#noteClaim(table, ANY_CLAIM);
			return (frame) => {
				const name = key(frame);
				return typeof name === "string" ? table.get(frame, name) : undefined;
			};
		}
		const container = this.build(owner);
		return (frame) => {
			const held = container(frame);
			const at = key(frame);
			return held === undefined || at === undefined ? undefined : index(held, at);
		};
	}

	#membership(needle: ASTNode, haystack: ASTNode, node: ASTNode): Expression {
		const table = this.#table(haystack);
		if (!table) return this.#binary("in", [needle, haystack], node);
		const text = literalText(needle);
		if (text !== undefined) lintKey(table, text, needle);
		this.#noteClaim(table, text ?? ANY_CLAIM);
		const key = this.build(needle);
		return (frame) => {
			const name = key(frame);
			return typeof name === "string" ? table.has(frame, name) : name === undefined ? undefined : false;
		};
	}

	#noteClaim(table: Table, name: string): void {
		if (table === TABLES.get("token")) this.#notes.claims.add(name);
	}

	#binary(operator: string, [leftNode, rightNode]: readonly [ASTNode, ASTNode], node: ASTNode): Expression {
		const apply = BINARY.get(operator);
		if (!apply) throw new ConditionRefusal(`operator ${operator} is not available`, "leave it out", rangeOf(node));
		const left = this.build(leftNode);
		const right = this.build(rightNode);
		return (frame) => {
			const first = left(frame);
			const second = right(frame);
			return first === undefined || second === undefined ? undefined : apply(frame, first, second);
		};
	}

	#choice([test, then, otherwise]: readonly [ASTNode, ASTNode, ASTNode]): Expression {
		const condition = this.build(test);
		const yes = this.build(then);
		const no = this.build(otherwise);
		return (frame) => {
			const verdict = condition(frame);
			return verdict === true ? yes(frame) : verdict === false ? no(frame) : undefined;
		};
	}

	#list(nodes: readonly ASTNode[]): Expression {
		const items = nodes.map((node) => this.build(node));
		if (nodes.every((node) => node.op === "value")) {
			const constant = Object.freeze(nodes.map((node) => node.args as Value));
			return () => constant;
		}
		return (frame) => {
			const list: Value[] = [];
			for (const item of items) {
				const value = item(frame);
				if (value === undefined) return undefined;
				list.push(value);
			}
			return list;
		};
	}

	#map(nodes: readonly (readonly [ASTNode, ASTNode])[]): Expression {
		const entries = nodes.map(([key, value]) => [this.build(key), this.build(value)] as const);
		return (frame) => {
			const map = new Map<Value, Value>();
			for (const [readKey, readValue] of entries) {
				const key = readKey(frame);
				const value = readValue(frame);
				if (value === undefined || !isMapKey(key) || map.has(key)) return undefined;
				map.set(key, value);
			}
			return map;
		};
	}

	#record(node: ASTNode): ReadonlyMap<string, Expression> | undefined {
		return node.op === "id" && !this.#locals.has(node.args) ? RECORDS.get(node.args) : undefined;
	}

	#table(node: ASTNode): Table | undefined {
		if (node.op === "id") return this.#locals.has(node.args) ? undefined : TABLES.get(node.args);
		const key = node.op === "." ? node.args[1] : node.op === "[]" ? literalText(node.args[1]) : undefined;
		const owner = node.op === "." || node.op === "[]" ? node.args[0] : undefined;
		return owner?.op === "id" && this.#record(owner) ? TABLES.get(`${owner.args}.${key}`) : undefined;
	}

	#field(record: ReadonlyMap<string, Expression>, key: string, node: ASTNode): Expression {
		const field = record.get(key);
		if (field) return field;
		throw new ConditionRefusal(`unknown field ${key}`, `use ${[...record.keys()].join(", ")}`, rangeOf(node));
	}
}

function isMapKey(value: Value | undefined): value is string | bigint | boolean {
	return typeof value === "string" || typeof value === "bigint" || typeof value === "boolean";
}

function lintKey(table: Table, key: string, node: ASTNode): void {
	const complaint = table.lint?.(key);
	if (complaint) throw new ConditionRefusal(complaint.message, complaint.cure, rangeOf(node));
}
