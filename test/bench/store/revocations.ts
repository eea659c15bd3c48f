/** 1,000,000 live revocations in the lane: what each takes, and what it costs to look one up. `node --expose-gc`. */
import { randomUUID } from "node:crypto";
import { Lane } from "../../../src/core/lane/lane.ts";
import { printTable, TINY, time } from "../measure.ts";
import { reach } from "../reach.ts";

const COUNT = TINY ? 2_000 : 1_000_000;
const ISSUERS = ["https://id.example.org", "https://id.partner.example", "https://login.example.net"];
const NOW = Date.now();
const HOUR_MS = 3_600_000;

const token = (id: string, index: number) => ({
	issuer: ISSUERS[index % ISSUERS.length]!,
	id,
	subject: "spiffe://prod.example.org/ns/orders/sa/orders",
	issuedAt: NOW / 1_000 - 60,
	keyThumbprint: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
});

/** As it comes out of a message of Postgres: one piece, not one put together of twenty. */
function asRead(id: string): string {
	return Buffer.from(id).toString("latin1");
}

/** Those that are looked up; there are too few of them to count as memory of the lane. */
const known: string[] = [];
const before = memory();
const lane = new Lane();
const start = performance.now();
for (let seq = 1; seq <= COUNT; seq++) {
	const id = asRead(randomUUID());
	if (seq % Math.ceil(COUNT / 1_000) === 1) known.push(id);
	const payload = { issuer: ISSUERS[seq % ISSUERS.length]!, token_id: id };
	lane.apply({ seq, kind: "revoke_token", key: "", payload, until: NOW + HOUR_MS });
}
const applied = ((performance.now() - start) / COUNT) * 1e6;
const bytes = (memory() - before) / COUNT;

const revoked = known.map((id, index) => token(id, index * Math.ceil(COUNT / 1_000) + 1));
const others = Array.from({ length: 1_000 }, (_, index) => token(asRead(randomUUID()), index));
if (!revoked.every((each) => lane.revocationOf(each, NOW) === "token")) throw new Error("a revocation is missing");
if (others.some((each) => lane.revocationOf(each, NOW) !== null)) throw new Error("nobody revoked this");
const hit = time((index) => lane.revocationOf(revoked[index % revoked.length]!, NOW)).median;
const miss = time((index) => lane.revocationOf(others[index % others.length]!, NOW)).median;

const ns = (value: number) => `${value.toFixed(0)} ns`;
const count = COUNT.toLocaleString("en");
printTable(
	`${count} live revocations of tokens, ids of 36 characters`,
	["", "measured", "reach"],
	[
		["memory of each", `${bytes.toFixed(0)} bytes`, "120 bytes"],
		["look-up of one that is revoked", ns(hit), "1000 ns"],
		["look-up of one that is not", ns(miss), "1000 ns"],
		["applying one", ns(applied), ""],
	],
);
reach({
	what: `${count} live revocations: memory of each`,
	measured: [bytes],
	most: [120],
	unit: "bytes",
	beside: "on and off the heap, after collection",
});
reach({
	what: "  a look-up in them",
	measured: [hit, miss],
	most: [1_000, 1_000],
	unit: "ns",
	beside: "revoked, and not",
});

function memory(): number {
	globalThis.gc?.();
	globalThis.gc?.();
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}
