/** Which 503 of a soak are excused, and how many: what a fault must cause, and what a busy machine may. All others are wrong. */

/** A refusal that a fault may cause. */
export interface Excuse {
	/** As told by refusals.ts. */
	readonly reason: string;
	/** Names of the kinds of requests that it may befall. */
	readonly kinds: "all" | readonly string[];
	/** Of the requests under this fault, from 0 to 1. */
	readonly mostShare: number;
}

export interface Excusing {
	readonly name: string;
	/** Empty: nothing but right answers, whatever is broken. */
	readonly excuses: readonly Excuse[];
}

/** Firebreak sheds what a machine cannot take. It befalls any request at any time, but of all requests no more than this share. */
export const OVERLOADED = "overloaded";
export const MOST_OVERLOADED = 0.02;

interface Count {
	readonly fault: string;
	readonly excuse: Excuse;
	refused: number;
}

export class Ledger {
	#requests = 0;
	#overloaded = 0;
	readonly #under = new Map<string, number>();
	readonly #counts = new Map<Excuse, Count>();

	/** A request was answered, whatever the answer. @param faults those that touched it. */
	answered(faults: readonly Excusing[]): void {
		this.#requests++;
		for (const { name } of faults) this.#under.set(name, (this.#under.get(name) ?? 0) + 1);
	}

	/** Whether this 503 is excused; it is counted if so. */
	excuses(reason: string, kind: string, faults: readonly Excusing[]): boolean {
		if (reason === OVERLOADED) {
			this.#overloaded++;
			return true;
		}
		for (const { name, excuses } of faults) {
			const excuse = excuses.find(
				(each) => each.reason === reason && (each.kinds === "all" || each.kinds.includes(kind)),
			);
			if (excuse === undefined) continue;
			const count = this.#counts.get(excuse) ?? { fault: name, excuse, refused: 0 };
			count.refused++;
			this.#counts.set(excuse, count);
			return true;
		}
		return false;
	}

	/** Everything that was excused, a phrase each, and whether it was no more than may be. */
	shares(): { readonly text: string; readonly good: boolean }[] {
		const counts = [...this.#counts.values()].map(({ fault, excuse, refused }) =>
			share(`${excuse.reason}, ${fault}`, refused, this.#under.get(fault)!, excuse.mostShare),
		);
		return [share(OVERLOADED, this.#overloaded, this.#requests, MOST_OVERLOADED), ...counts];
	}
}

function share(what: string, refused: number, of: number, most: number): { text: string; good: boolean } {
	const percent = (value: number) => `${Number((100 * value).toFixed(2))} %`;
	const part = refused / Math.max(1, of);
	return { text: `${refused} of ${of}, ${percent(part)} (at most ${percent(most)}): ${what}`, good: part <= most };
}
