/** Protobuf bytes that somebody tampered with: cheap enough for millions. Every choice comes from one seeded generator. */
import { PLANTED_SECRET } from "./target.ts";

/** In [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}

type Random = () => number;
type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const below = (random: Random, limit: number) => Math.floor(random() * limit);
const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x1a, 0x22, 0x52, 0x2e, 0x2f, 0x25, 0x3b, 0x2a];
const WORDS = [
	"..",
	"//",
	"%2f",
	"%2e%2e",
	";",
	"#",
	"?",
	"\0",
	"*",
	"{id}",
	"admin",
	"authorization",
	PLANTED_SECRET,
	"firebreak.destination",
	"pay",
	"spiffe://t/web",
];

export function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
	return Buffer.from([...bytes, rest]);
}

const inserted = (bytes: Buffer, at: number, what: Uint8Array) =>
	Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);

const MUTATIONS: readonly Mutation[] = [
	function overwrite(bytes, random) {
		const copy = Buffer.from(bytes);
		for (let count = 1 + below(random, 4); count > 0 && copy.length > 0; count--) {
			copy[below(random, copy.length)] =
				random() < 0.5 ? below(random, 256) : INTERESTING[below(random, INTERESTING.length)]!;
		}
		return copy;
	},
	function flip(bytes, random) {
		const copy = Buffer.from(bytes);
		if (copy.length > 0) copy[below(random, copy.length)]! ^= 1 << below(random, 8);
		return copy;
	},
	(bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
	(bytes, random) => {
		const from = below(random, bytes.length + 1);
		return Buffer.concat([
			bytes.subarray(0, from),
			bytes.subarray(Math.min(bytes.length, from + 1 + below(random, 8))),
		]);
	},
	function word(bytes, random) {
		const text = Buffer.from(WORDS[below(random, WORDS.length)]!);
		const copy = Buffer.from(bytes);
		if (copy.length > text.length) text.copy(copy, below(random, copy.length - text.length));
		return copy;
	},
	// The last one of a repeated single field counts, and messages are merged.
	(bytes, random, other) => (random() < 0.5 ? Buffer.concat([bytes, other]) : Buffer.concat([other, bytes])),
	function splice(bytes, random, other) {
		return Buffer.concat([
			bytes.subarray(0, below(random, bytes.length + 1)),
			other.subarray(below(random, other.length + 1)),
		]);
	},
	function unknownField(bytes, random) {
		const tag = varint(below(random, 2 ** 20) * 8 + below(random, 8));
		return inserted(
			bytes,
			random() < 0.5 ? 0 : bytes.length,
			Buffer.concat([tag, varint(below(random, 40)), Buffer.alloc(below(random, 40))]),
		);
	},
	function hugeLength(bytes, random) {
		const length = varint([0x7f_ffff, 0x7fff_ffff, 0xffff_ffff, 2 ** 40, 2 ** 53 - 1][below(random, 5)]!);
		return inserted(bytes, below(random, bytes.length + 1), Buffer.concat([Buffer.from([0x0a]), length]));
	},
	function longVarint(bytes, random) {
		return inserted(
			bytes,
			below(random, bytes.length + 1),
			Buffer.alloc(1 + below(random, 20), 0x80 | below(random, 128)),
		);
	},
	function nested(_bytes, random) {
		let inner: Buffer = Buffer.alloc(0);
		for (let depth = below(random, 300); depth > 0; depth--) {
			inner = Buffer.concat([Buffer.from([random() < 0.8 ? 0x0a : 0x22]), varint(inner.length), inner]);
		}
		return inner;
	},
	// Groups, which protobuf still knows and nobody sends.
	(bytes, random) => inserted(bytes, below(random, bytes.length + 1), Buffer.alloc(1 + below(random, 2_000), 0x0b)),
	function manyEntries(bytes, random) {
		const entry = Buffer.from([0x1a, 0x00]);
		const entries = Buffer.concat(Array.from({ length: below(random, 600) }, () => entry));
		const http = Buffer.concat([Buffer.from([0x12]), varint(entries.length), entries]);
		const request = Buffer.concat([Buffer.from([0x22]), varint(http.length), http]);
		return Buffer.concat([bytes, Buffer.from([0x0a]), varint(request.length), request]);
	},
	(_bytes, random) => Buffer.from(Array.from({ length: below(random, 64) }, () => below(random, 256))),
];

/** Some bytes made of two messages. */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
	let mutated = bytes;
	for (let count = random() < 0.7 ? 1 : 1 + below(random, 4); count > 0; count--) {
		mutated = MUTATIONS[below(random, MUTATIONS.length)]!(mutated, random, other);
	}
	return mutated;
}
