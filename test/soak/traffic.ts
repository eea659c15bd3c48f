/** Requests of the company, each with the answers that it may get at that moment. */

import type { Issuers } from "../../demo/issuers.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { ask } from "../../demo/teller.ts";
import type { World } from "../../demo/world.ts";
import { FirebreakError } from "../../src/core/errors.ts";

/** A request whose right answer changes. While it does, the old one and the new one are both right. */
export class Switch {
	readonly name: string;
	#now: readonly number[];
	#changes = 0;

	constructor(name: string, status: number) {
		this.name = name;
		this.#now = [status];
	}

	get state(): { readonly statuses: readonly number[]; readonly changes: number } {
		return { statuses: this.#now, changes: this.#changes };
	}

	begin(next: number): void {
		this.#now = [...this.#now, next];
		this.#changes++;
	}

	settle(status: number): void {
		this.#now = [status];
		this.#changes++;
	}
}

/** One kind of request. */
export interface Kind {
	readonly name: string;
	/** Made anew for each request, since tokens change. */
	readonly send: () => { readonly line: Line; readonly headers?: Readonly<Record<string, string>> };
	readonly expected: Switch;
}

export interface Wrong {
	readonly kind: string;
	readonly got: string;
	readonly expected: readonly number[];
	readonly during: string;
}

/** What no fault excuses. */
const REFUSED_FOR_NOW = 503;

export class Traffic {
	readonly wrong: Wrong[] = [];
	readonly milliseconds: number[] = [];
	/** 503 while something was broken on purpose. */
	excused = 0;
	/** The fault under way, or "". */
	fault = "";
	#faults = 0;
	#over = false;
	#callers: Promise<unknown> = Promise.resolve();
	readonly #world: World;
	readonly #issuers: Issuers;
	readonly #kinds: readonly Kind[];

	constructor(world: World, issuers: Issuers, kinds: readonly Kind[]) {
		this.#world = world;
		this.#issuers = issuers;
		this.#kinds = kinds;
	}

	start(callers: number, random: () => number): void {
		const call = async () => {
			while (!this.#over) await this.#ask(this.#kinds[Math.floor(random() * this.#kinds.length)]!);
		};
		this.#callers = Promise.all(Array.from({ length: callers }, call));
	}

	async stop(): Promise<void> {
		this.#over = true;
		await this.#callers;
	}

	/** Everything is whole for as long as no fault is under way. */
	async during<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
		this.fault = name;
		this.#faults++;
		try {
			return await work();
		} finally {
			this.fault = "";
			this.#faults++;
		}
	}

	async #ask({ name, send, expected }: Kind): Promise<void> {
		const before = expected.state;
		const faults = this.#faults;
		const fault = this.fault;
		let got: string;
		let status = 0;
		try {
			const { line, headers } = send();
			const { response, milliseconds } = await ask(this.#world, this.#issuers, {
				...line,
				headers: { ...line.headers, ...headers },
			});
			status = response.status;
			got = String(status);
			this.milliseconds.push(milliseconds);
		} catch (error) {
			got = error instanceof FirebreakError ? error.code : String(error);
		}
		const after = expected.state;
		// It changed there and back while this was under way: both were right.
		const right = new Set([...before.statuses, ...after.statuses]);
		if (right.has(status) || after.changes - before.changes > 2) return;
		const broken = fault !== "" || this.#faults !== faults;
		if (broken && status === REFUSED_FOR_NOW) this.excused++;
		else this.wrong.push({ kind: name, got, expected: [...right], during: fault || this.fault });
	}
}

/** The lines of the story whose answers no fault of the soak changes. */
export function storyKinds(): Kind[] {
	return STORY.filter(({ token }) => token?.issuer !== "partner").map((line) => ({
		name: `row ${line.row}: ${line.shows}`,
		send: () => ({ line }),
		expected: new Switch(line.shows, line.expect.status),
	}));
}
