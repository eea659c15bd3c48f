/** Function calls, method calls and macros of a condition. */
import type { ASTNode } from "@marcbachmann/cel-js";
import type { Expression } from "./frame.ts";
import { type ConditionFunction, FUNCTIONS, METHODS } from "./functions.ts";
import { collect, existsOne, type Loop, quantify } from "./loops.ts";
import { ConditionRefusal } from "./refusal.ts";
import { compileRegex } from "./regex.ts";
import { type Builder, countNodes, literalText, rangeOf } from "./syntax.ts";
import { CALENDAR, DURATION_GETTERS, parseDuration, toTimestamp } from "./time.ts";
import { Duration, Timestamp, type Value } from "./value.ts";
import { wallClock } from "./zone.ts";

const LOOPS: ReadonlySet<string> = new Set(["all/2", "exists/2", "exists_one/2", "filter/2", "map/2", "map/3"]);
/** Formatting an instant in another zone takes some 6 us. */
const ZONE_WORK = 300;

export function buildCall(builder: Builder, node: ASTNode, name: string, args: readonly ASTNode[]): Expression {
	const [first] = args;
	if (name === "has" && first) return builder.buildPresence(first);
	if (name === "duration" && first) return constantDuration(first);
	if (name === "timestamp" && first && literalText(first) !== undefined) return constantTimestamp(first);
	const call = FUNCTIONS.get(`${name}/${args.length}`);
	if (!call) throw unavailable(node, name);
	return apply(
		call,
		args.map((arg) => builder.build(arg)),
	);
}

export function buildMethod(
	builder: Builder,
	node: ASTNode,
	name: string,
	receiver: ASTNode,
	args: readonly ASTNode[],
): Expression {
	const signature = `${name}/${args.length}`;
	if (LOOPS.has(signature)) return buildLoop(builder, node, name, receiver, args);
	if (signature === "matches/1") return buildMatches(builder.build(receiver), args[0]!);
	if (CALENDAR.has(name) && args.length <= 1) return buildGetter(builder.build(receiver), name, args[0]);
	const method = METHODS.get(signature);
	if (!method) throw unavailable(node, name);
	return apply(
		method,
		[receiver, ...args].map((arg) => builder.build(arg)),
	);
}

function apply(call: ConditionFunction, args: readonly Expression[]): Expression {
	return (frame) => {
		const values: Value[] = [];
		for (const arg of args) {
			const value = arg(frame);
			if (value === undefined) return undefined;
			values.push(value);
		}
		return call(frame, ...values);
	};
}

function buildLoop(
	builder: Builder,
	node: ASTNode,
	name: string,
	receiver: ASTNode,
	[variable, ...bodies]: readonly ASTNode[],
): Expression {
	if (variable?.op !== "id") {
		throw new ConditionRefusal(`${name}() names no variable`, `write ${name}(x, ...)`, rangeOf(node));
	}
	const range = builder.build(receiver);
	const { body, slot } = builder.inLoop(variable.args, node);
	const loop: Loop = { range, slot, work: bodies.reduce((work, each) => work + countNodes(each), 1) };
	const [first, second] = bodies.map((each) => body.build(each)) as [Expression, Expression | undefined];
	switch (name) {
		case "all":
		case "exists":
			return quantify(loop, name === "exists", first);
		case "exists_one":
			return existsOne(loop, first);
		case "filter":
			return collect(loop, first, null);
		default:
			return second ? collect(loop, first, second) : collect(loop, null, first);
	}
}

function buildMatches(receiver: Expression, patternNode: ASTNode): Expression {
	const pattern = literalText(patternNode);
	if (pattern === undefined) {
		throw new ConditionRefusal(
			"the regular expression is computed",
			"write it as a literal; compare computed text with ==, startsWith(), endsWith() or contains()",
			rangeOf(patternNode),
		);
	}
	const regex = compileRegex(pattern);
	if (typeof regex === "string") {
		throw new ConditionRefusal(regex, "write a smaller expression in RE2 syntax", rangeOf(patternNode));
	}
	return (frame) => {
		const input = receiver(frame);
		if (typeof input !== "string") return undefined;
		return frame.spend((input.length + 1) * regex.workPerCharacter) ? regex.test(input) : undefined;
	};
}

function buildGetter(receiver: Expression, name: string, zoneNode: ASTNode | undefined): Expression {
	const field = CALENDAR.get(name)!;
	if (zoneNode === undefined) {
		const unit = DURATION_GETTERS.get(name);
		return (frame) => {
			const time = receiver(frame);
			if (time instanceof Timestamp) return BigInt(field(new Date(time.ms)));
			return time instanceof Duration && unit !== undefined ? BigInt(Math.trunc(time.ms / unit)) : undefined;
		};
	}
	const zone = literalText(zoneNode);
	const clock = zone === undefined ? null : wallClock(zone);
	if (clock === null) {
		throw new ConditionRefusal(
			zone === undefined ? "the time zone is computed" : "the time zone is unknown",
			'write it as a literal, such as "Europe/Berlin" or "+02:00"',
			rangeOf(zoneNode),
		);
	}
	return (frame) => {
		const time = receiver(frame);
		if (!(time instanceof Timestamp) || !frame.spend(ZONE_WORK)) return undefined;
		return BigInt(field(clock(time.ms)));
	};
}

function constantDuration(node: ASTNode): Expression {
	const text = literalText(node);
	const value = text === undefined ? undefined : parseDuration(text);
	if (value !== undefined) return () => value;
	throw new ConditionRefusal(
		text === undefined ? "the duration is computed" : "the duration is malformed",
		'write it as a literal of h, m, s and ms, such as "1h30m"',
		rangeOf(node),
	);
}

function constantTimestamp(node: ASTNode): Expression {
	const value = toTimestamp(literalText(node)!);
	if (value !== undefined) return () => value;
	throw new ConditionRefusal(
		"the timestamp is malformed",
		'write RFC 3339, as in "2026-01-31T00:00:00Z"',
		rangeOf(node),
	);
}

function unavailable(node: ASTNode, name: string): ConditionRefusal {
	const names = [...FUNCTIONS.keys(), ...METHODS.keys(), ...LOOPS].map((key) => key.slice(0, key.indexOf("/")));
	const known = [...new Set(["has", "duration", "matches", ...names])].sort().join(", ");
	return new ConditionRefusal(
		`function ${name} is not available`,
		`use one of ${known}, or a getter of timestamps`,
		rangeOf(node),
	);
}
