/** One step of an undo as a call of the schema's functions. What is a function's default is left out. */
import { isSame, type ObjectKind, type ObjectSpec } from "../../../core/diff/objects.ts";
import type { UndoStep } from "../../../core/diff/undo.ts";
import { intervalLiteral, oneLine, rangeLiteral, textLiteral, textsLiteral } from "./literal.ts";

/** The statement with its semicolon, and the comment above it that says what it undoes. */
export function writeStep(step: UndoStep): string {
	const { kind, name, change, fields } = step;
	const was = change === "altered" ? `altered (${fields.join(", ")})` : change;
	return `-- ${kind} ${oneLine(name)}: was ${was}\n${statementOf(step)}\n`;
}

function statementOf({ kind, name, owner, call }: UndoStep): string {
	switch (call.do) {
		case "remove":
			return `select firebreak.remove(${textLiteral(kind)}, ${textLiteral(name)});`;
		case "accept":
			return `select firebreak.accept_crossing(name => ${textLiteral(name)}, owner => ${textLiteral(owner)});`;
		case "withdraw":
			return `delete from firebreak.crossing_acceptance where crossing = ${textLiteral(name)};`;
		case "state":
			return stateObject(kind, call.spec);
	}
}

function stateObject(kind: ObjectKind, spec: ObjectSpec): string {
	const values: ObjectSpec = kind === "policy" ? { ...spec, valid: [spec.valid_from, spec.valid_until] } : spec;
	const given = ARGUMENTS[kind].filter(
		({ name, omitted }) => omitted === undefined || !isSame(values[name] ?? omitted, omitted),
	);
	const lines = given.map(({ name, type }) => `\t${name} => ${literalOf(type, values[name])}`);
	return `select firebreak.${kind === "policy" ? spec.effect : kind}(\n${lines.join(",\n")}\n);`;
}

type Type = "text" | "texts" | "boolean" | "number" | "interval" | "json" | "range";

function literalOf(type: Type, value: unknown): string {
	if (value === null) return "null";
	switch (type) {
		case "text":
			return textLiteral(String(value));
		case "texts":
			return textsLiteral(value as readonly string[], "\t");
		case "boolean":
		case "number":
			return JSON.stringify(value);
		case "interval":
			return intervalLiteral(value);
		case "json":
			return textLiteral(JSON.stringify(value));
		case "range":
			return rangeLiteral(...(value as [unknown, unknown]));
	}
}

interface Argument {
	readonly name: string;
	readonly type: Type;
	/** The value that an omitted argument means; undefined when it has to be given. */
	readonly omitted: unknown;
}

const argument = (name: string, type: Type = "text", omitted?: unknown): Argument => ({ name, type, omitted });

/** As the functions declare them (CONTRACT, SQL); a test holds both against each other. */
export const ARGUMENTS: Readonly<Record<ObjectKind, readonly Argument[]>> = {
	owner: [argument("name"), argument("role", "text", null)],
	domain: [
		argument("name"),
		argument("owner"),
		argument("flow", "text", "mtls+token"),
		argument("passport", "text", "optional"),
		argument("on_stale", "text", "deny"),
		argument("hidden", "boolean", false),
		argument("audit", "text", "full"),
		argument("mode", "text", "enforce"),
	],
	issuer: [
		argument("url"),
		argument("domain"),
		argument("profile", "text", "rfc9068"),
		argument("audiences", "texts", []),
		argument("algorithms", "texts", ["ES256", "EdDSA", "RS256"]),
		argument("max_lifetime", "interval", 3_600),
		argument("binding", "text", "none"),
		argument("jwks_uri", "text", null),
		argument("jwks", "json", null),
		argument("options", "json", {}),
	],
	segment: [
		argument("name"),
		argument("domain"),
		argument("environment"),
		argument("owner"),
		argument("members", "texts"),
		argument("probes", "texts", []),
		argument("path_exceptions", "texts", []),
		argument("credential_upstream", "text", "keep"),
		argument("trusted_proxy", "boolean", false),
		argument("enforcer", "boolean", false),
		argument("mode", "text", "enforce"),
		argument("origins", "texts", []),
	],
	crossing: [
		argument("name"),
		argument("owner"),
		argument("reason"),
		argument("expires"),
		argument("source_domain"),
		argument("destination_domain"),
		argument("source_environment", "text", null),
		argument("destination_environment", "text", null),
		argument("flow", "text", null),
	],
	policy: [
		argument("name"),
		argument("source"),
		argument("destination"),
		argument("owner"),
		argument("methods", "texts", []),
		argument("paths", "texts", []),
		argument("grpc", "texts", []),
		argument("hosts", "texts", []),
		argument("scopes", "texts", []),
		argument("scopes_any", "texts", []),
		argument("condition", "text", null),
		argument("upgrade", "text", null),
		argument("valid", "range", [null, null]),
		argument("mode", "text", "enforce"),
		argument("reason", "text", null),
	],
	rate_limit: [argument("kind"), argument("name"), argument("per_second", "number"), argument("burst", "number")],
};
