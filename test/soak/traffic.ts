/** Requests of the company, each with the answers that it may get at that moment. */

import type { Issuers } from "../../demo/issuers.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { ask } from "../../demo/teller.ts";
import type { World } from "../../demo/world.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import { type Excusing, Ledger } from "./excuses.ts";
import { reasonOf } from "./refusals.ts";

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
	/** Names of the faults that touched it, or "". */
	readonly during: string;
}

/** The one status that a fault may excuse, when it declares so. */
const REFUSED_FOR_NOW = 503;
/** For so long after its end a fault still touches requests: proxies connect anew to what came back. */
const GRACE_MS = 1_000;
/** With time to spare: the client gives up far earlier. */
const LONGEST_REQUEST_MS = 60_000;

interface Period {
	readonly fault: Excusing;
	readonly from: number;
	/** Infinite while it is under way. */
	to: number;
}

export class Traffic {
	readonly wrong: Wrong[] = [];
	readonly milliseconds: number[] = [];
	readonly ledger = new Ledger();
	/** Those that may touch a request which is under way. */
	#periods: Period[] = [];
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
	async during<Result>(fault: Excusing, work: () => Promise<Result>): Promise<Result> {
		const from = performance.now();
		const period = { fault, from, to: Number.POSITIVE_INFINITY };
		this.#periods = [...this.#periods.filter(({ to }) => from - to < LONGEST_REQUEST_MS), period];
		try {
			return await work();
		} finally {
			period.to = performance.now();
		}
	}

	/** Faults that touched a request which was sent then and has its answer now. */
	#touched(sent: number): Excusing[] {
		return this.#periods.filter(({ to }) => to + GRACE_MS >= sent).map(({ fault }) => fault);
	}

	async #ask({ name, send, expected }: Kind): Promise<void> {
		const before = expected.state;
		const sent = performance.now();
		let got: string;
		let status = 0;
		let trace = "";
		try {
			const { line, headers } = send();
			const { response, milliseconds, traceId } = await ask(this.#world, this.#issuers, {
				...line,
				headers: { ...line.headers, ...headers },
			});
			status = response.status;
			trace = traceId;
			got = String(status);
			this.milliseconds.push(milliseconds);
		} catch (error) {
			got = error instanceof FirebreakError ? error.code : String(error);
		}
		const after = expected.state;
		const faults = this.#touched(sent);
		this.ledger.answered(faults);
		// It changed there and back while this was under way: both were right.
		const right = new Set([...before.statuses, ...after.statuses]);
		if (right.has(status) || after.changes - before.changes > 2) return;
		if (status === REFUSED_FOR_NOW) {
			const reason = await reasonOf(`${this.#world.workspace.path}/access.log`, trace);
			if (this.ledger.excuses(reason, name, faults)) return;
			got = `${got} (${reason})`;
		}
		this.wrong.push({ kind: name, got, expected: [...right], during: faults.map((fault) => fault.name).join(", ") });
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
