/**
 * The variables of a condition: which fields each has, and how they are read from a {@link ConditionScope}. Fields of
 * records are fixed; tables (headers, query, params, token) are looked up by key without building a map, unless the
 * condition uses one as a whole.
 */
import { ANONYMOUS } from "../model.ts";
import type { Request } from "../request.ts";
import type { Expression, Frame } from "./frame.ts";
import { parseQuery } from "./query.ts";
import type { ConditionPeer, ConditionScope } from "./scope.ts";
import { fromJson, isMap, Timestamp, type Value } from "./value.ts";

/** A map that is looked up in place. */
export interface Table {
	/** Undefined when the key is absent or has no single reading. */
	readonly get: (frame: Frame, key: string) => Value | undefined;
	readonly has: (frame: Frame, key: string) => boolean | undefined;
	/** The whole as a value. */
	readonly all: Expression;
	/** What is wrong with a key that is written in the condition, or null. */
	readonly lint?: (key: string) => { readonly message: string; readonly cure: string } | null;
}

/**
 * Headers that conditions never see. They are credentials, which are judged elsewhere and only as a whole; or claims
 * about the caller that anyone may write, of which the proven ones are in `source` and `token`.
 */
const HIDDEN_HEADERS: ReadonlySet<string> = new Set([
	"authorization",
	"proxy-authorization",
	"cookie",
	"dpop",
	"x-forwarded-client-cert",
	"x-forwarded-for",
	"x-real-ip",
	"forwarded",
	"txn-token",
	"workload-identity-token",
	"workload-proof-token",
]);

const isHidden = (name: string) => HIDDEN_HEADERS.has(name) || name.startsWith(":") || name.startsWith("x-firebreak-");

const headerMaps = new WeakMap<Request, ReadonlyMap<Value, Value>>();

const headers: Table = {
	get: ({ scope }, name) => (isHidden(name) ? undefined : own(scope.request.headers, name)),
	has: ({ scope }, name) => !isHidden(name) && Object.hasOwn(scope.request.headers, name),
	all: ({ scope: { request } }) => {
		let map = headerMaps.get(request);
		if (!map) {
			map = new Map(Object.entries(request.headers).filter(([name]) => !isHidden(name)));
			headerMaps.set(request, map);
		}
		return map;
	},
	lint: (name) => {
		const lower = name.toLowerCase();
		if (isHidden(lower)) {
			return {
				message: `conditions cannot read the header ${lower}`,
				cure: "read what was proven instead: token for claims, source for the caller, request for method, path, host",
			};
		}
		if (name === lower) return null;
		return { message: `header names are lower case, ${name} is never found`, cure: `write ${lower}` };
	},
};

const queries = new WeakMap<Request, ReturnType<typeof parseQuery>>();

function queryOf({ request }: ConditionScope): ReturnType<typeof parseQuery> {
	let query = queries.get(request);
	if (query === undefined) {
		query = parseQuery(request.query);
		queries.set(request, query);
	}
	return query;
}

const query: Table = {
	get: ({ scope }, name) => queryOf(scope)?.get(name),
	has: ({ scope }, name) => queryOf(scope)?.has(name),
	all: ({ scope }) => queryOf(scope) ?? undefined,
};

const params: Table = {
	get: ({ scope }, name) => own(scope.params, name),
	has: ({ scope }, name) => Object.hasOwn(scope.params, name),
	all: ({ scope }) => new Map(Object.entries(scope.params)),
};

const token: Table = {
	get: ({ scope: { token: claims } }, name) =>
		claims !== null && Object.hasOwn(claims, name) ? fromJson(claims[name]) : undefined,
	has: ({ scope: { token: claims } }, name) => claims !== null && Object.hasOwn(claims, name),
	all: ({ scope: { token: claims } }) => {
		const map = claims === null ? new Map() : fromJson(claims);
		return map !== undefined && isMap(map) ? map : undefined;
	},
};

/** Looked up by key: `params.id`, `token["x"]`. */
export const TABLES: ReadonlyMap<string, Table> = new Map([
	["params", params],
	["token", token],
	["request.headers", headers],
	["request.query", query],
]);

const peerFields = (peer: (scope: ConditionScope) => ConditionPeer | null): ReadonlyMap<string, Expression> =>
	new Map<string, Expression>([
		["segment", ({ scope }) => peer(scope)?.segment ?? ANONYMOUS],
		["domain", ({ scope }) => peer(scope)?.domain ?? ""],
		["environment", ({ scope }) => peer(scope)?.environment ?? ""],
		["principal", ({ scope }) => peer(scope)?.principal ?? ""],
	]);

/** Read by field only. */
export const RECORDS: ReadonlyMap<string, ReadonlyMap<string, Expression>> = new Map([
	[
		"request",
		new Map<string, Expression>([
			["method", ({ scope }) => scope.request.method],
			["path", ({ scope }) => scope.request.path],
			["host", ({ scope }) => scope.request.host],
			["headers", headers.all],
			["query", query.all],
		]),
	],
	["source", peerFields((scope) => scope.source)],
	["destination", peerFields((scope) => scope.destination)],
]);

/** Read as they are. */
export const SCALARS: ReadonlyMap<string, Expression> = new Map([["now", ({ scope }) => new Timestamp(scope.now)]]);

/** The declarations that the type checker holds a condition against, in its own notation. */
export const DECLARATIONS: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
	request: {
		method: "string",
		path: "string",
		host: "string",
		headers: "map<string, string>",
		query: "map<string, string>",
	},
	source: { segment: "string", domain: "string", environment: "string", principal: "string" },
	destination: { segment: "string", domain: "string", environment: "string", principal: "string" },
	params: "map<string, string>",
	token: "map<string, dyn>",
	now: "google.protobuf.Timestamp",
};

function own(record: Readonly<Record<string, string>>, key: string): string | undefined {
	return Object.hasOwn(record, key) ? record[key] : undefined;
}
