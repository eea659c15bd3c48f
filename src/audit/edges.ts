/** Which (source, destination) pairs were seen, in bounded memory: two generations, of which the older is forgotten. */
export class EdgeMemory {
	readonly #half: number;
	#young = new Map<string, Set<string>>();
	#old = new Map<string, Set<string>>();
	#size = 0;

	/** @param max pairs that are remembered, 2 or more. */
	constructor(max: number) {
		this.#half = Math.floor(max / 2);
	}

	/** Whether the pair is new, or was forgotten. It is remembered from now on. */
	meet(source: string, destination: string): boolean {
		if (this.#young.get(source)?.has(destination)) return false;
		const known = this.#old.get(source)?.has(destination) === true;
		if (this.#size >= this.#half) {
			this.#old = this.#young;
			this.#young = new Map();
			this.#size = 0;
		}
		const destinations = this.#young.get(source);
		if (destinations === undefined) this.#young.set(source, new Set([destination]));
		else destinations.add(destination);
		this.#size++;
		return !known;
	}
}
