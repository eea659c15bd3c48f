/**
 * The two patterns that a policy names operations by: path templates (`/v1/payments/{id}`, `/v1/reports/**`) and gRPC
 * methods (`package.Service/Method`, a trailing `*` allowed). Both are parsed once, when a policy set compiles, and
 * compared byte for byte with the canonical path.
 */
import { canonicalSpelling } from "./canonical/spelling.ts";
import { LIMITS } from "./limits.ts";
import type { PathException } from "./model.ts";

export interface Template {
	/** In canonical spelling. */
	readonly text: string;
	/** One entry for each segment before `**`: the literal, or null for a wildcard. `/` gives `[""]`, `/**` gives `[]`. */
	readonly parts: readonly (string | null)[];
	/** Beside each part the name that it is captured under, or null; null altogether when nothing is captured. */
	readonly names: readonly (string | null)[] | null;
	/** Ends in `**`: whatever follows the parts matches, also nothing. */
	readonly rest: boolean;
}

export interface GrpcPattern {
	/** As written. */
	readonly text: string;
	/** The text without its trailing `*`. */
	readonly literal: string;
	/** Had a trailing `*`: `literal` is a prefix. */
	readonly prefix: boolean;
}

/** What is wrong with a pattern and how to mend it; sentences as in {@link import("./errors.ts").Problem}. */
export interface PatternRefusal {
	readonly ok: false;
	readonly message: string;
	readonly cure: string;
}

type Checked<T> = { readonly ok: true; readonly value: T } | PatternRefusal;

const refuse = (message: string, cure: string): PatternRefusal => ({ ok: false, message, cure });

const CAPTURE = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const ESCAPE = /%([0-9A-Fa-f]{2})?/g;
const DOT_SEGMENT = /^\.{1,2}(;|$)/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const PROTO_NAME = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\/[A-Za-z_]\w*$/;
const PROTO_PREFIX = /^([A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.|\/([A-Za-z_]\w*)?)?)?$/;

/**
 * Parses a path template. `*` and `{name}` stand for exactly one segment that is not empty, `**` at the end for the
 * rest, also none: `/v1/reports/**` covers `/v1/reports`, `/v1/reports/` and `/v1/reports/a/b`. Otherwise a trailing
 * slash is another path. A literal that no canonical path can hold is refused, since a deny on it would guard nothing.
 *
 * @param exceptions the readings that the destination segment permits (`path_exceptions`): `encoded_slash` lets a
 *   literal hold `%2F`, `semicolon` lets it hold `;`. Bytes outside ASCII are always written as escapes.
 */
export function parseTemplate(
	text: string,
	exceptions: readonly PathException[] = [],
): { readonly ok: true; readonly template: Template } | PatternRefusal {
	if (!text.startsWith("/")) {
		return refuse(`the template ${quote(text)} does not start with /`, "start it with /, or write /** for any path");
	}
	if (text.length > LIMITS.pathBytes) {
		return refuse(`the template is longer than ${LIMITS.pathBytes} bytes`, "write a shorter template");
	}
	const written = text.slice(1).split("/");
	const rest = written.at(-1) === "**";
	if (rest) written.pop();
	if (written.length > LIMITS.pathSegments) {
		return refuse(`the template has more than ${LIMITS.pathSegments} segments`, "write a shorter template");
	}
	const parts: (string | null)[] = [];
	const names: (string | null)[] = [];
	for (const [index, segment] of written.entries()) {
		if (segment === "" && (rest || index < written.length - 1)) {
			return refuse(`the template ${quote(text)} has an empty segment`, "write single slashes");
		}
		const name = segment === "*" ? null : capturedName(segment);
		if (typeof name === "string" && names.includes(name)) {
			return refuse(`the template ${quote(text)} captures {${name}} twice`, "give each captured segment its own name");
		}
		names.push(name ?? null);
		if (name !== undefined) {
			parts.push(null);
			continue;
		}
		const literal = parseLiteral(segment, exceptions);
		if (!literal.ok) return literal;
		parts.push(literal.value);
	}
	return {
		ok: true,
		template: Object.freeze({
			text: writeTemplate(parts, names, rest),
			parts: Object.freeze(parts),
			names: names.some((name) => name !== null) ? Object.freeze(names) : null,
			rest,
		}),
	};
}

/** Whether a canonical path, split as {@link import("./request.ts").Request.segments}, is covered. Constant space. */
export function matchTemplate(template: Template, segments: readonly string[]): boolean {
	const parts = template.parts;
	const count = parts.length;
	if (template.rest ? segments.length < count : segments.length !== count) return false;
	for (let index = 0; index < count; index++) {
		const part = parts[index];
		const segment = segments[index];
		if (part === null ? segment === "" : part !== segment) return false;
	}
	return true;
}

/**
 * The named segments of a path that the template matches, percent-decoded, on an object without a prototype.
 *
 * @throws URIError when an escape is broken or not UTF-8, which no canonical path holds.
 */
export function captureParams(template: Template, segments: readonly string[]): Record<string, string> {
	const params: Record<string, string> = Object.create(null);
	const names = template.names;
	if (names === null) return params;
	for (let index = 0; index < names.length; index++) {
		const name = names[index];
		if (name === null || name === undefined) continue;
		const segment = segments[index] ?? "";
		params[name] = segment.includes("%") ? decodeURIComponent(segment) : segment;
	}
	return params;
}

/**
 * Parses a gRPC pattern: `package.Service/Method`, or any beginning of one followed by `*` (`package.Service/*`,
 * `package.Ser*`, `*`).
 */
export function parseGrpcPattern(text: string): { readonly ok: true; readonly pattern: GrpcPattern } | PatternRefusal {
	if (text.length > LIMITS.pathBytes) {
		return refuse(`the gRPC pattern is longer than ${LIMITS.pathBytes} bytes`, "write a shorter pattern");
	}
	if (text.startsWith("/")) {
		return refuse(`the gRPC pattern ${quote(text)} starts with /`, "write package.Service/Method without it");
	}
	const prefix = text.endsWith("*");
	const literal = prefix ? text.slice(0, -1) : text;
	if (!(prefix ? PROTO_PREFIX : PROTO_NAME).test(literal)) {
		return refuse(
			`${quote(text)} is no gRPC method`,
			"write package.Service/Method, or its beginning followed by one *, such as package.Service/*",
		);
	}
	return { ok: true, pattern: Object.freeze({ text, literal, prefix }) };
}

/** Whether a canonical path is `/Service/Method`, two segments and no more, and the pattern covers it. */
export function matchGrpc(pattern: GrpcPattern, path: string): boolean {
	const literal = pattern.literal;
	if (!pattern.prefix) return path.length === literal.length + 1 && path.endsWith(literal);
	if (!path.startsWith(literal, 1)) return false;
	const slash = path.indexOf("/", 1);
	return slash > 1 && slash < path.length - 1 && path.indexOf("/", slash + 1) === -1;
}

/** The name inside `{name}`, or undefined when the segment is no capture. */
function capturedName(segment: string): string | undefined {
	const name = CAPTURE.exec(segment)?.[1];
	return name !== undefined && name.length <= LIMITS.templateNameBytes ? name : undefined;
}

/** One literal segment in canonical spelling. */
function parseLiteral(segment: string, exceptions: readonly PathException[]): Checked<string> {
	if (segment === "**") return refuse("** stands before other segments", "write * here, ** only as the last segment");
	if (segment.includes("*")) {
		return refuse(
			`${quote(segment)} mixes * with other characters`,
			"write * for a whole segment, ** for the rest at the end, %2A for a literal *",
		);
	}
	if (/[{}]/.test(segment)) {
		return refuse(
			`${quote(segment)} is no captured segment`,
			`write {name} for a whole segment, a name of letters, digits and _, at most ${LIMITS.templateNameBytes} bytes`,
		);
	}
	if (DOT_SEGMENT.test(segment)) {
		return refuse(`the dot segment ${quote(segment)} is in no canonical path`, "write the path that it leads to");
	}
	if (segment.includes("?")) {
		return refuse(`${quote(segment)} holds a query`, "leave the query out, it never takes part in path matching");
	}
	if (segment.includes(";") && !exceptions.includes("semicolon")) {
		return refuse(
			`${quote(segment)} holds ;, which requests are refused for`,
			"leave it out, or give the destination segment the path exception semicolon",
		);
	}
	for (const character of segment) {
		if (character > " " && character < "\u007f" && character !== "\\" && character !== "#") continue;
		return refuse(
			`${quote(segment)} holds ${quote(character)}, which is in no canonical path`,
			/[\s\p{L}\p{N}\p{S}\p{P}]/u.test(character) && !/[\\#\p{Cc}]/u.test(character)
				? `write it percent-encoded, ${encodeURIComponent(character)}`
				: "leave it out",
		);
	}
	return parseEscapes(segment, exceptions);
}

function parseEscapes(segment: string, exceptions: readonly PathException[]): Checked<string> {
	for (const [sequence, hex] of segment.matchAll(ESCAPE)) {
		if (hex === undefined) {
			return refuse(`${quote(segment)} holds a broken escape`, "write % followed by two hex digits");
		}
		const byte = Number.parseInt(hex, 16);
		const character = String.fromCharCode(byte);
		if (byte < 0x80 && UNRESERVED.test(character)) {
			return refuse(`${sequence} is an encoded ${character}, which requests are refused for`, `write ${character}`);
		}
		if (character === "/" && !exceptions.includes("encoded_slash")) {
			return refuse(
				`${sequence} is an encoded slash, which requests are refused for`,
				"leave it out, or give the destination segment the path exception encoded_slash",
			);
		}
		if (byte < 0x20 || byte === 0x7f || "\\%;".includes(character)) {
			return refuse(`requests that hold ${sequence} are refused`, "leave it out");
		}
	}
	try {
		decodeURIComponent(segment);
	} catch {
		return refuse(`the escapes of ${quote(segment)} are not UTF-8`, "write the bytes of UTF-8 characters");
	}
	return { ok: true, value: canonicalSpelling(segment) };
}

function writeTemplate(parts: readonly (string | null)[], names: readonly (string | null)[], rest: boolean): string {
	const segments = parts.map((part, index) => {
		const name = names[index];
		return part ?? (name ? `{${name}}` : "*");
	});
	if (rest) segments.push("**");
	return `/${segments.join("/")}`;
}

/** Quoted for a message; JSON's escapes keep control characters out of terminals and logs. */
function quote(text: string): string {
	return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
