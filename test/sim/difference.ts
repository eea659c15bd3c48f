/** What the store tells a server that asks for changes: rows that differ, by name, as the queries of src/store/changes.ts do. */
import type { Change, Changes } from "../../src/core/compile/changes.ts";
import type { PolicySet } from "../../src/core/model.ts";

/** From one committed set to another of the same epoch; null when a whole load is due. */
export function difference(was: PolicySet, is: PolicySet): Changes | null {
	const exceptions = new Map(was.segments.map(({ name, path_exceptions }) => [name, path_exceptions]));
	const otherwise = is.segments.some(({ name, path_exceptions }) => {
		const before = exceptions.get(name);
		return before !== undefined && JSON.stringify(before) !== JSON.stringify(path_exceptions);
	});
	if (otherwise) return null;
	const named = ({ name }: { readonly name: string }) => name;
	const policies = compare(was.policies, is.policies, named);
	return {
		epoch: is.epoch,
		revision: is.revision,
		domains: change(was.domains, is.domains, named),
		issuers: change(was.issuers, is.issuers, ({ url }) => url),
		segments: change(was.segments, is.segments, named),
		crossings: change(was.crossings, is.crossings, named),
		policies: {
			put: policies.put,
			drop: [...policies.replaced, ...policies.gone].map(({ name, source, destination }) => ({
				name,
				source,
				destination,
			})),
		},
		rateLimits: change(was.rate_limits, is.rate_limits, ({ kind, name }) => `${kind}:${name}`),
	};
}

function change<Row>(was: readonly Row[], is: readonly Row[], key: (row: Row) => string): Change<Row> {
	const { put, gone } = compare(was, is, key);
	return { put, drop: gone.map(key) };
}

/** `replaced` are the old rows of those that stay under their name. Rows are the same when they are one object. */
function compare<Row>(was: Iterable<Row>, is: Iterable<Row>, key: (row: Row) => string) {
	const before = new Map([...was].map((row) => [key(row), row]));
	const after = new Map([...is].map((row) => [key(row), row]));
	const put = [...after.values()].filter((row) => before.get(key(row)) !== row);
	const old = [...before.values()];
	return {
		put,
		replaced: old.filter((row) => after.has(key(row)) && after.get(key(row)) !== row),
		gone: old.filter((row) => !after.has(key(row))),
	};
}
