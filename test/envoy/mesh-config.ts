/** Istio's MeshConfig by its published protobuf definition: an object in JSON form, held against it field by field. */
import { existsSync } from "node:fs";
import path from "node:path";
import protobuf from "protobufjs";

/** Well-known types that JSON writes as something else than an object of their fields. */
const JSON_FORMS: Readonly<Record<string, (value: unknown) => boolean>> = {
	".google.protobuf.Duration": (value) => typeof value === "string" && /^\d+(\.\d+)?s$/.test(value),
	".google.protobuf.BoolValue": (value) => typeof value === "boolean",
	".google.protobuf.StringValue": (value) => typeof value === "string",
	".google.protobuf.Struct": (value) => typeof value === "object" && value !== null,
};

/** What is wrong with a MeshConfig: a line for each field that the definition does not have, or has otherwise. */
export function checkMeshConfig(folder: string, config: unknown): string[] {
	const root = new protobuf.Root();
	// The modules that it imports in turn (annotations of fields) are not needed to know the fields.
	root.resolvePath = (_origin, target) => {
		const file = path.join(folder, target);
		return existsSync(file) ? file : null;
	};
	root.loadSync("mesh/v1alpha1/config.proto");
	return check(root.lookupType("istio.mesh.v1alpha1.MeshConfig"), config, "meshConfig");
}

function check(type: protobuf.Type, value: unknown, place: string): string[] {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${place} is no object`];
	return Object.entries(value).flatMap(([name, inner]) => {
		const at = `${place}.${name}`;
		const field = type.fields[name];
		if (!field) return [`${at} is unknown`];
		if (!field.repeated) return checkValue(field.resolve(), inner, at);
		if (!Array.isArray(inner)) return [`${at} is no list`];
		return inner.flatMap((item, index) => checkValue(field.resolve(), item, `${at}[${index}]`));
	});
}

function checkValue(field: protobuf.Field, value: unknown, place: string): string[] {
	const type = field.resolvedType;
	if (type instanceof protobuf.Enum) return (value as string) in type.values ? [] : [`${place} has no ${value}`];
	if (type instanceof protobuf.Type) {
		const form = JSON_FORMS[type.fullName];
		if (form) return form(value) ? [] : [`${place} is no ${type.name}`];
		return check(type, value, place);
	}
	const wanted = field.type === "string" ? "string" : field.type === "bool" ? "boolean" : "number";
	return typeof value === wanted ? [] : [`${place} is no ${field.type}`];
}
