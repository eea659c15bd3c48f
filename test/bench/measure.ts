/** Small tools of the benchmarks: medians over batches, and figures in aligned columns. */

/** Runs are cut down to show that they run; see run.ts. */
export const TINY = process.env.BENCH === "tiny";

export interface Timing {
	/** Nanoseconds for one call: the median over batches, and the 99th percentile of batches. */
	readonly median: number;
	readonly p99: number;
}

/** Times `call` in batches, so that the clock's own cost and resolution do not count. */
export function time(call: (index: number) => unknown, { batches = 301, size = 1_000, warmup = 20 } = {}): Timing {
	if (TINY) [batches, size, warmup] = [3, 10, 0];
	const samples: number[] = [];
	let index = 0;
	for (let batch = -warmup; batch < batches; batch++) {
		const start = process.hrtime.bigint();
		for (let turn = 0; turn < size; turn++) sink = call(index++);
		const nanoseconds = Number(process.hrtime.bigint() - start) / size;
		if (batch >= 0) samples.push(nanoseconds);
	}
	return { median: quantile(samples, 0.5), p99: quantile(samples, 0.99) };
}

/** Keeps results alive, so that no call is optimized away. */
export let sink: unknown;

export function quantile(samples: readonly number[], q: number): number {
	const sorted = [...samples].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const microseconds = (nanoseconds: number) => `${(nanoseconds / 1_000).toFixed(2)} us`;
export const times = (ratio: number) => `${ratio.toFixed(2)}x`;
export const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Prints rows under a title, numbers to the right. */
export function printTable(title: string, header: readonly string[], rows: readonly (readonly string[])[]): void {
	const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
	const line = (cells: readonly string[]) =>
		cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ");
	process.stdout.write(`\n${title}\n  ${line(header)}\n${rows.map((row) => `  ${line(row)}\n`).join("")}`);
}
