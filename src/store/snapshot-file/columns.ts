/**
 * Policies of one frame by column. They repeat themselves: what is equal is written once and named by its position, which
 * makes a file that is read, by JSON.parse, in a fraction of the time that rows would take.
 */
import type { Effect, Mode, PolicyRow } from "../../core/model.ts";

/** Positions are those within `texts`, `lists` and `shapes`; the five columns are as long as each other. */
interface Columns {
	readonly texts: readonly string[];
	readonly lists: readonly (readonly string[])[];
	readonly shapes: readonly Shape[];
	readonly name: readonly string[];
	readonly source: readonly number[];
	readonly destination: readonly number[];
	readonly owner: readonly number[];
	readonly shape: readonly number[];
	/** By row: what few policies have. */
	readonly rare: Readonly<Record<string, Rare>>;
}

type Lists = readonly [methods: number, paths: number, grpc: number, hosts: number, scopes: number, scopes_any: number];
type Shape = readonly [effect: Effect, mode: Mode, ...Lists];
type Rare = readonly [
	condition: string | null,
	upgrade: string | null,
	valid_from: number | null,
	valid_until: number | null,
];

/** The JSON text of the rows, {@link POLICIES_PER_FRAME} at most: they are put together in one go. */
export function encodePolicies(rows: readonly PolicyRow[]): string {
	const texts = new Table<string>();
	const lists = new Table<readonly string[]>();
	const shapes = new Table<string>();
	const rare: Record<number, Rare> = {};
	const shapeOf = (row: PolicyRow): number => {
		const columns = [row.methods, row.paths, row.grpc, row.hosts, row.scopes, row.scopes_any];
		return shapes.indexOf(`["${row.effect}","${row.mode}",${columns.map((list) => lists.indexOf(list)).join()}]`);
	};
	for (const [index, { condition, upgrade, valid_from, valid_until }] of rows.entries()) {
		if (condition !== null || upgrade !== null || valid_from !== null || valid_until !== null) {
			rare[index] = [condition, upgrade, valid_from, valid_until];
		}
	}
	const columns: Omit<Columns, "texts" | "lists" | "shapes"> = {
		name: rows.map(({ name }) => name),
		source: rows.map(({ source }) => texts.indexOf(source)),
		destination: rows.map(({ destination }) => texts.indexOf(destination)),
		owner: rows.map(({ owner }) => texts.indexOf(owner)),
		shape: rows.map(shapeOf),
		rare,
	};
	const tables = { texts: texts.values(), lists: lists.values() };
	return `${JSON.stringify({ ...tables, ...columns }).slice(0, -1)},"shapes":[${shapes.values().join()}]}`;
}

/** @throws TypeError when it is not what {@link encodePolicies} writes. */
export function* decodePolicies(value: unknown): Generator<PolicyRow, void> {
	const { texts, lists, shapes, name, source, destination, owner, shape, rare } = value as Columns;
	const rows = name.length;
	if ([source, destination, owner, shape].some((column) => column.length !== rows)) {
		throw new TypeError("columns of policies differ in length");
	}
	for (let index = 0; index < rows; index++) {
		const [effect, mode, methods, paths, grpc, hosts, scopes, scopes_any] = at(shapes, shape[index]);
		const [condition, upgrade, valid_from, valid_until] = rare[index] ?? COMMON;
		yield {
			name: name[index]!,
			effect,
			source: at(texts, source[index]),
			destination: at(texts, destination[index]),
			owner: at(texts, owner[index]),
			methods: at(lists, methods),
			paths: at(lists, paths),
			grpc: at(lists, grpc),
			hosts: at(lists, hosts),
			scopes: at(lists, scopes),
			scopes_any: at(lists, scopes_any),
			condition,
			upgrade,
			valid_from,
			valid_until,
			mode,
		};
	}
}

/** Values by the position at which they were first seen. Lists are told apart by identity, which rows share. */
class Table<T> {
	readonly #positions = new Map<T, number>();

	indexOf(value: T): number {
		let position = this.#positions.get(value);
		if (position === undefined) {
			position = this.#positions.size;
			this.#positions.set(value, position);
		}
		return position;
	}

	values(): T[] {
		return [...this.#positions.keys()];
	}
}

function at<T>(values: readonly T[], position: number | undefined): T {
	const value = position === undefined ? undefined : values[position];
	if (value === undefined) throw new TypeError("a policy names what is not there");
	return value;
}

const COMMON: Rare = [null, null, null, null];

/** Some 100 kB of JSON, which are parsed in half a millisecond. */
export const POLICIES_PER_FRAME = 1_024;
