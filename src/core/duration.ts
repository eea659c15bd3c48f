/** Durations as operators write them: `500ms`, `20s`, `5m`, `24h`, `30d`, or several parts, `1h30m`. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WHOLE = /^(?:\d{1,15}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** Milliseconds, rounded to whole ones; null when the text is no duration (a bare number has no unit and is none). */
export function parseDuration(text: string): number | null {
	if (!WHOLE.test(text)) return null;
	let total = 0;
	for (const [, number, unit] of text.matchAll(PART)) total += Number(number) * UNIT_MS[unit!]!;
	const rounded = Math.round(total);
	return Number.isSafeInteger(rounded) ? rounded : null;
}

/** The shortest exact spelling of a whole number of milliseconds, in the largest units that divide it: `90s`, `24h`. */
export function formatDuration(ms: number): string {
	for (const unit of ["d", "h", "m", "s"]) {
		const size = UNIT_MS[unit]!;
		if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
	}
	return `${ms}ms`;
}
