/** The published schemas of Kubernetes resources, as strict as `kubectl apply`: a field that a schema does not have is refused. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { parseAllDocuments } from "yaml";

const SCRIPT = path.join(import.meta.dirname, "..", "..", "scripts", "kubernetes.sh");

/** Folder of the schemas, or null where they were not fetched, which takes Go. */
export const SCHEMAS: string | null =
	execFileSync(SCRIPT, ["--cached"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || null;

/** Any object of a YAML file. */
export interface Resource {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string };
	readonly spec: Readonly<Record<string, unknown>>;
}

type Schema = Record<string, unknown> & { properties?: Record<string, Schema>; items?: Schema };

interface Definition {
	readonly kind: string;
	readonly spec: {
		readonly group: string;
		readonly names: { readonly kind: string };
		readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
	};
}

/** The documents of a YAML file; throws on one that is no YAML. */
export function readDocuments(file: string): unknown[] {
	return parseYaml(readFileSync(file, "utf8"));
}

function parseYaml(text: string): unknown[] {
	return parseAllDocuments(text).flatMap((document) => {
		if (document.errors.length > 0) throw document.errors[0];
		return document.contents === null ? [] : [document.toJS() as unknown];
	});
}

/** What is wrong with a resource: a line for each place where it differs from its schema. */
export type Check = (resource: Resource) => string[];

/**
 * Checks resources against the CustomResourceDefinitions under the folder. The rules in CEL (`x-kubernetes-validations`)
 * are not evaluated, nor defaults filled in.
 */
export function readSchemas(folder: string): Check {
	const schemas = new Map<string, Schema>();
	for (const file of globSync("**/*.yaml", { cwd: folder })) {
		// Envoy Gateway's stand in a Helm chart, between two lines of template.
		const text = readFileSync(path.join(folder, file), "utf8").replace(/^\{\{.*\}\}$/gm, "");
		for (const document of parseYaml(text) as Definition[]) {
			if (document.kind !== "CustomResourceDefinition") continue;
			const { group, names, versions } = document.spec;
			for (const { name, schema } of versions) schemas.set(`${group}/${name} ${names.kind}`, schema.openAPIV3Schema);
		}
	}
	// Patterns are Go's: without JavaScript's `u`, which forbids escapes that they use. Formats are hints to people.
	const ajv = new Ajv({ strict: false, unicodeRegExp: false, validateFormats: false, allErrors: true });
	const validators = new Map<string, ValidateFunction>();
	return (resource) => {
		const name = `${resource.apiVersion} ${resource.kind}`;
		const schema = schemas.get(name);
		if (!schema) return [`no schema for ${name}`];
		const validate = validators.get(name) ?? ajv.compile(strict(schema, true));
		validators.set(name, validate);
		validate(resource);
		return (validate.errors ?? []).map(({ instancePath, message, params }) =>
			[instancePath, message, params.additionalProperty].filter(Boolean).join(" "),
		);
	};
}

/** The schema with unknown fields refused wherever they are not explicitly kept. */
function strict(schema: Schema, isRoot = false): Schema {
	const result: Schema = { ...schema };
	if (schema.items) result.items = strict(schema.items);
	if (typeof schema.additionalProperties === "object") {
		result.additionalProperties = strict(schema.additionalProperties as Schema);
	}
	if (!schema.properties) return result;
	result.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, of]) => [name, strict(of)]));
	// What every object has, and some definitions leave to the API server.
	if (isRoot) {
		for (const name of ["apiVersion", "kind"]) result.properties[name] ??= { type: "string" };
		result.properties.metadata = { type: "object" };
	}
	if (schema.additionalProperties === undefined && schema["x-kubernetes-preserve-unknown-fields"] !== true) {
		result.additionalProperties = false;
	}
	return result;
}
