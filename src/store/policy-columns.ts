/**
 * The policies of a loaded set, kept by column: a million of them as row objects would take four times the memory for
 * the moment between Postgres and the compiler. Policies repeat themselves, so what is equal is parsed and kept once.
 */
import type { Effect, Mode, PolicyRow } from "../core/model.ts";
import { parseTextArray } from "./text-array.ts";

/** What one row of {@link POLICY_COLUMNS} holds, as Postgres writes it in text. */
export type PolicyTexts = readonly [
	name: string,
	source: string,
	destination: string,
	owner: string,
	shape: string,
	paths: string,
	condition: string | null,
	upgrade: string | null,
	validFrom: string | null,
	validUntil: string | null,
];

/** What many policies have in common. */
type Shape = Pick<PolicyRow, "effect" | "mode" | "methods" | "grpc" | "hosts" | "scopes" | "scopes_any">;

/** Rarely set, so kept apart from the columns, by the policy's position. */
type Rarity = Pick<PolicyRow, "condition" | "upgrade" | "valid_from" | "valid_until">;

/** Iterable as often as needed; each pass makes the rows anew. */
export class PolicyColumns implements Iterable<PolicyRow> {
	readonly #names: string[] = [];
	readonly #sources: string[] = [];
	readonly #destinations: string[] = [];
	readonly #owners: string[] = [];
	readonly #shapes: Shape[] = [];
	readonly #paths: (readonly string[])[] = [];
	readonly #rarities = new Map<number, Rarity>();
	readonly #texts = new Map<string, string>();
	readonly #knownShapes = new Map<string, Shape>();
	readonly #knownPaths = new Map<string, readonly string[]>();

	get size(): number {
		return this.#names.length;
	}

	/** @throws SyntaxError when the row is not what {@link PolicyTexts} says. */
	add([name, source, destination, owner, shape, paths, condition, upgrade, validFrom, validUntil]: PolicyTexts): void {
		if (condition !== null || upgrade !== null || validFrom !== null || validUntil !== null) {
			this.#rarities.set(this.size, {
				condition: condition === null ? null : this.#intern(condition),
				upgrade: upgrade === null ? null : this.#intern(upgrade),
				valid_from: validFrom === null ? null : Number(validFrom),
				valid_until: validUntil === null ? null : Number(validUntil),
			});
		}
		this.#names.push(name);
		this.#sources.push(this.#intern(source));
		this.#destinations.push(this.#intern(destination));
		this.#owners.push(this.#intern(owner));
		this.#shapes.push(known(this.#knownShapes, shape, parseShape));
		this.#paths.push(known(this.#knownPaths, paths, parsePaths));
	}

	*[Symbol.iterator](): Generator<PolicyRow, void> {
		for (let index = 0; index < this.size; index++) {
			const { effect, mode, methods, grpc, hosts, scopes, scopes_any } = this.#shapes[index]!;
			const { condition, upgrade, valid_from, valid_until } = this.#rarities.get(index) ?? COMMON;
			yield {
				name: this.#names[index]!,
				effect,
				source: this.#sources[index]!,
				destination: this.#destinations[index]!,
				owner: this.#owners[index]!,
				methods,
				paths: this.#paths[index]!,
				grpc,
				hosts,
				scopes,
				scopes_any,
				condition,
				upgrade,
				valid_from,
				valid_until,
				mode,
			};
		}
	}

	#intern(text: string): string {
		return known(this.#texts, text, itself);
	}
}

/** `effect mode {methods} {grpc} {hosts} {scopes} {scopes_any}`: the closed words hold no blank, and arrays quote theirs. */
function parseShape(text: string): Shape {
	const [effect, mode] = text.split(" ", 2) as [Effect, Mode];
	let at = effect.length + 1 + mode.length;
	const next = (): readonly string[] => {
		const { items, end } = parseTextArray(text, at + 1);
		at = end;
		return items;
	};
	return { effect, mode, methods: next(), grpc: next(), hosts: next(), scopes: next(), scopes_any: next() };
}

const parsePaths = (text: string): readonly string[] => parseTextArray(text).items;

const itself = (text: string): string => text;

function known<T>(values: Map<string, T>, text: string, parse: (text: string) => T): T {
	let value = values.get(text);
	if (value === undefined) {
		value = parse(text);
		values.set(text, value);
	}
	return value;
}

const COMMON: Rarity = { condition: null, upgrade: null, valid_from: null, valid_until: null };
