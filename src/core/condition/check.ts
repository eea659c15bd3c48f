/** Parsing and type checking, by the library: the only file that knows it, but for the shape of its syntax tree. */
import { type ASTNode, Environment, ParseError, TypeError as TypeMismatch } from "@marcbachmann/cel-js";
import { LIMITS } from "../limits.ts";
import { DECLARATIONS } from "./facts.ts";
import { ConditionRefusal, type SourceRange } from "./refusal.ts";

const environment = new Environment({
	limits: {
		maxAstNodes: LIMITS.conditionAstNodes,
		maxDepth: LIMITS.conditionDepth,
		maxListElements: LIMITS.conditionListElements,
		maxMapEntries: LIMITS.conditionListElements,
		maxCallArguments: LIMITS.conditionCallArguments,
	},
});
for (const [name, declaration] of Object.entries(DECLARATIONS)) {
	if (typeof declaration === "string") environment.registerVariable(name, declaration);
	else environment.registerVariable(name, { schema: { ...declaration } });
}

/**
 * The syntax tree of a condition that is well typed and yields a bool.
 *
 * @throws ConditionRefusal otherwise.
 */
export function checkCondition(text: string): ASTNode {
	if (text.trim() === "") {
		throw new ConditionRefusal("the condition is empty", "leave it out (null) for no condition");
	}
	if (Buffer.byteLength(text) > LIMITS.conditionBytes) {
		throw new ConditionRefusal(
			`the condition is longer than ${LIMITS.conditionBytes} bytes`,
			"shorten it, or split it over several policies",
		);
	}
	let parsed: ReturnType<typeof environment.parse>;
	try {
		parsed = environment.parse(text);
	} catch (error) {
		throw refusal(error);
	}
	const result = parsed.check();
	if (!result.valid) throw refusal(result.error);
	if (result.type !== "bool") {
		throw new ConditionRefusal(
			`the condition is of type ${typeName(result.type ?? "unknown")}, not bool`,
			result.type === "dyn" ? "compare it, as in token.admin == true" : "write an expression that is true or false",
			{ start: parsed.ast.start, end: parsed.ast.end },
		);
	}
	return parsed.ast;
}

const VARIABLES = Object.keys(DECLARATIONS).join(", ");

const CURES: Readonly<Record<string, string>> = {
	unknown_variable: `use ${VARIABLES}, or the variable of a macro`,
	no_such_key: `use the fields that exist: ${describeFields()}`,
	no_such_overload: "convert one side, with int(), double(), string(), timestamp() or dyn()",
	no_matching_overload: "check the function's name, the number of its arguments and their types",
	limit_exceeded: "simplify it, or split it over several policies",
	heterogeneous_list_element: "give all elements one type, or wrap each of them in dyn()",
	heterogeneous_map_key: "give all keys one type, or wrap each of them in dyn()",
	heterogeneous_map_value: "give all values one type, or wrap each of them in dyn()",
	invalid_logical_operand: 'combine bools only, as in token.admin == true && request.method == "GET"',
	cannot_index_type: "read fields of request, source, destination, params and token",
};

function refusal(error: unknown): ConditionRefusal {
	if (!(error instanceof ParseError || error instanceof TypeMismatch)) {
		return new ConditionRefusal("the condition cannot be parsed", "simplify it, or split it over several policies");
	}
	const range: SourceRange | null = error.range ?? null;
	const cure = CURES[error.code] ?? (error instanceof ParseError ? "mend the syntax (CEL)" : "mend the types (CEL)");
	return new ConditionRefusal(typeName(error.summary), cure, range);
}

/** The library's own names for types, in a reader's words. */
function typeName(text: string): string {
	return text
		.replaceAll("google.protobuf.Timestamp", "timestamp")
		.replaceAll("google.protobuf.Duration", "duration")
		.replaceAll("$", "");
}

function describeFields(): string {
	return Object.entries(DECLARATIONS)
		.filter(([, declaration]) => typeof declaration === "object")
		.map(([name, declaration]) => `${name} {${Object.keys(declaration).join(", ")}}`)
		.join(", ");
}
