/**
 * What budgets cost one check: the default of every source, budgets in memory that policy gave, and a million different
 * callers. Prints medians; asserts nothing.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Budget } from "../../src/core/budget.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { mebibytes, microseconds, printTable, time } from "./measure.ts";

const wide = { perSecond: 1e6, burst: 1e7 };
const source: Budget = { kind: "source", key: "orders", ...wide, own: true };
const forgeries: Budget = { kind: "forgeries", key: "source orders", ...wide, own: true };
const domain: Budget = { kind: "domain", key: "internal", ...wide, own: false };
const segment: Budget = { kind: "segment", key: "payments", ...wide, own: false };
const address = (index: number): Budget => ({ kind: "address", key: `10.${index}`, ...wide, own: true });
const token = (index: number): Budget => ({
	kind: "token",
	key: `https://id.example.org jti ${index % 10_000}`,
	...wide,
	own: false,
});

const limiter = new MemoryLimiter({ stopwatch: () => performance.now(), liveServers: () => 3 });
const empty: Budget = { ...domain, key: "empty", perSecond: 1e-9, burst: 1 };
limiter.take([empty]);

printTable(
	"Budgets in memory (reach: below 1 us each)",
	["", "median", "p99"],
	(
		[
			["no budget", () => limiter.take([])],
			["a source", () => limiter.take([source])],
			[
				"a source, and a good credential",
				() => {
					limiter.take([source, forgeries]);
					limiter.giveBack(forgeries);
				},
			],
			["a domain that is used up", () => limiter.take([empty])],
			["domain, segment and one of 10,000 tokens", (index: number) => limiter.take([domain, segment, token(index)])],
		] as const
	).map(([name, call]) => {
		const { median, p99 } = time(call);
		return [name, microseconds(median), microseconds(p99)];
	}),
);

const heapBefore = heap();
const flood = time((index) => limiter.take([address(index)]), { batches: 1_000 });
printTable(
	`A million callers, each once (${LIMITS.budgets.toLocaleString("en")} are remembered)`,
	["", "median", "p99", "memory"],
	[
		[
			"an unknown address",
			microseconds(flood.median),
			microseconds(flood.p99),
			mebibytes(Math.max(0, heap() - heapBefore)),
		],
	],
);

/** Bytes in use once the garbage is gone. */
function heap(): number {
	setFlagsFromString("--expose-gc");
	runInNewContext("gc")();
	return process.memoryUsage().heapUsed;
}
