/**
 * Judges the memory of every server of a soak. One that runs from the first request to the last must be flat (trend.ts). The
 * others are stopped and started all the time, and live while their heap still finds its size: of them no trend is asked, only
 * that none ever holds much more than a lasting one did.
 */
import { MOST_GROWTH, type Sample, trendOf } from "./trend.ts";

/** What a server that did not last may hold, in terms of the most that a lasting one did. */
export const MOST_OF_LASTING = 1.5;
/** Between the last samples of servers that ran to the end. */
const TOGETHER_MS = 1_000;

export interface Remembered {
	readonly name: string;
	/** When it was ready, milliseconds as in the samples. */
	readonly begun: number;
	readonly samples: readonly Sample[];
}

export interface Judged {
	readonly text: string;
	readonly good: boolean;
}

/**
 * @param first when requests began; @param warm when the warm-up was over, from when trends count.
 * @throws RangeError when no server lasted, or for too short a time.
 */
export function judgeMemory(lives: readonly Remembered[], first: number, warm: number): Judged[] {
	const end = Math.max(...lives.map(({ samples }) => samples.at(-1)?.at ?? 0));
	const lasts = ({ begun, samples }: Remembered) => begun <= first && end - (samples.at(-1)?.at ?? 0) < TOGETHER_MS;
	const lasting = lives.filter(lasts);
	if (lasting.length === 0) throw new RangeError("no server ran from the first request to the last");
	const trends = lasting.map(({ name, samples }) =>
		judgeTrend(
			name,
			samples.filter(({ at }) => at >= warm),
		),
	);
	const brief = lives.filter((life) => !lasts(life));
	return brief.length === 0 ? trends : [...trends, judgePeak(brief, Math.max(...lasting.map(peakOf)))];
}

function judgeTrend(name: string, samples: readonly Sample[]): Judged {
	const { growth, flat } = trendOf(samples);
	const [from, to] = [mebibytes(samples[0]!.bytes), mebibytes(samples.at(-1)!.bytes)];
	const share = `${(100 * growth).toFixed(1)} % (at most ${100 * MOST_GROWTH} %)`;
	return { text: `${name}: ${from} to ${to}; over the last two thirds ${share}`, good: flat };
}

function judgePeak(brief: readonly Remembered[], most: number): Judged {
	const highest = brief.reduce((high, each) => (peakOf(each) > peakOf(high) ? each : high));
	const bound = MOST_OF_LASTING * most;
	const text = `${brief.length} servers that did not last: at most ${mebibytes(peakOf(highest))}, ${highest.name} (at most ${mebibytes(bound)}; no trend is asked of them)`;
	return { text, good: peakOf(highest) <= bound };
}

const peakOf = ({ samples }: Remembered) => samples.reduce((high, { bytes }) => Math.max(high, bytes), 0);
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
