/** Reading protobuf messages in JSON form of which only some fields are of interest; absent and of the wrong type are alike. */

export type Message = Readonly<Record<string, unknown>>;

/** The value at a path of field names. */
export function at(value: unknown, ...path: readonly string[]): unknown {
	let inner = value;
	for (const name of path) {
		if (typeof inner !== "object" || inner === null) return undefined;
		inner = (inner as Message)[name];
	}
	return inner;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
	const found = at(value, ...path);
	return Array.isArray(found) ? found : [];
}

/** `""` when there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
	const found = at(value, ...path);
	return typeof found === "string" ? found : "";
}

export function messageAt(value: unknown, ...path: readonly string[]): Message | null {
	const found = at(value, ...path);
	return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Message) : null;
}

/** The keys and values of a map; none when there is no such map. */
export function entriesAt(value: unknown, ...path: readonly string[]): [string, unknown][] {
	return Object.entries(messageAt(value, ...path) ?? {});
}

/** A google.protobuf.Duration such as `0.250s`, in milliseconds; null when there is none. */
export function durationAt(value: unknown, ...path: readonly string[]): number | null {
	const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(textAt(value, ...path)) ?? [];
	return seconds === undefined ? null : Number(seconds) * 1_000;
}

/** A google.protobuf.Any: its message's short name (`ExtAuthz`) with the extension it is of, and its fields. */
export interface Typed {
	/** `envoy.extensions.filters.http.ext_authz.v3.ExtAuthz`. */
	readonly type: string;
	readonly value: Message;
}

/** Unwraps an Any, also one that holds a TypedStruct, as control planes send for types they do not know. */
export function typedAt(value: unknown, ...path: readonly string[]): Typed | null {
	const any = messageAt(value, ...path);
	if (any === null) return null;
	const type = nameOf(textAt(any, "@type"));
	if (!type.endsWith("type.v1.TypedStruct") && !type.endsWith("type.v3.TypedStruct")) return { type, value: any };
	return { type: nameOf(textAt(any, "type_url")), value: messageAt(any, "value") ?? {} };
}

function nameOf(url: string): string {
	return url.slice(url.lastIndexOf("/") + 1);
}
