import type { Problem } from "../errors.ts";

/** A problem whose object the caller knows. */
export type Complaint = Omit<Problem, "object">;

/** Collects problems up to a bound: a policy set with a million mistakes is shown as its first hundred. */
export class Problems {
	readonly #problems: Problem[] = [];
	#dropped = 0;

	add(object: string, complaint: Complaint): void {
		if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ object, ...complaint });
		else this.#dropped++;
	}

	get none(): boolean {
		return this.#problems.length === 0;
	}

	list(): readonly Problem[] {
		if (this.#dropped === 0) return this.#problems;
		const more: Problem = {
			object: "policy set",
			message: `${this.#dropped} more problems`,
			cure: "mend the ones above and compile again",
		};
		return [...this.#problems, more];
	}
}

const MAX_PROBLEMS = 100;
