/** Who is cut off from everything, whatever the policies say. */
import { QUARANTINE_KINDS, type QuarantineKind } from "../model.ts";
import { type Ends, isLive, type LaneEffect, textOf } from "./entries.ts";

export class Quarantines {
	readonly #names = new Map<QuarantineKind, Ends>(QUARANTINE_KINDS.map((kind) => [kind, new Map()]));
	/** Names in quarantine, expired ones too: while it is 0 nobody needs looking up. */
	#size = 0;

	/** @returns false when the payload cannot be understood. */
	change(action: "quarantine" | "lift", payload: LaneEffect["payload"], end: number): boolean {
		const names = this.#names.get(textOf(payload, "kind") as QuarantineKind);
		const name = textOf(payload, "name");
		if (!names || name === null) return false;
		const before = names.size;
		if (action === "quarantine") names.set(name, end);
		else names.delete(name);
		this.#size += names.size - before;
		return true;
	}

	/** @param now milliseconds since the epoch. */
	holds(kind: QuarantineKind, name: string | null, now: number): boolean {
		return this.#size > 0 && name !== null && isLive(this.#names.get(kind)?.get(name), now);
	}

	*rows(): Generator<LaneEffect, void> {
		for (const [kind, names] of this.#names) {
			for (const [name, end] of names) {
				yield { kind: "quarantine", payload: { kind, name }, until: Number.isFinite(end) ? end : null };
			}
		}
	}

	/** Forgets what is over at `now`, and yields after each entry that was looked at. */
	*prune(now: number): Generator<void, void> {
		for (const names of this.#names.values()) {
			for (const [name, end] of names) {
				if (!isLive(end, now) && names.delete(name)) this.#size--;
				yield;
			}
		}
	}
}
