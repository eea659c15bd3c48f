/** "Did you mean": the known name that needs the fewest edits. */

/** Edits (Levenshtein) between two texts. Cost is the product of their lengths: give it names, not documents. */
function distance(a: string, b: string): number {
	let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
			row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substituted));
		}
		previous = row;
	}
	return previous[b.length]!;
}

/** The nearest of `names`: the one that goes on where `name` ends, else the nearest within a third of the name's length, or null. */
export function nearest(name: string, names: readonly string[]): string | null {
	const continued = names.find((candidate) => candidate.startsWith(`${name}_`));
	if (continued !== undefined) return continued;
	let best: string | null = null;
	let least = Math.floor(name.length / 3) + 1;
	for (const candidate of names) {
		if (Math.abs(candidate.length - name.length) >= least) continue;
		const edits = distance(name, candidate);
		if (edits < least) {
			least = edits;
			best = candidate;
		}
	}
	return best;
}
