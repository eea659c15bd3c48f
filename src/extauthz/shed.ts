/**
 * Sheds checks when more come than can be answered: early, by a coin whose bias follows the delay, so that those that are
 * admitted are answered in time. Two things together say that it is too much, and only for a while on end: the event loop is
 * never idle, and its turns, or the time from a check's headers to its last byte, are long. The first alone is also a large
 * compilation, the second alone a slow proxy. The pattern is CoDel's standing queue (RFC 8289) with PIE's coin (RFC 8033),
 * since on one event loop the queue stands in sockets and proxies, where nobody can see it.
 */
import { LIMITS } from "../core/limits.ts";

/** Why a check was shed: `delay` by the coin, `streams` for want of room, `deadline` as its caller has given up by now. */
export type ShedCause = "delay" | "streams" | "deadline";

export type ShedLimits = Readonly<Record<"shedDelayMs" | "shedWindowMs" | "shedPerSecond" | "grpcChecks", number>>;

export interface ShedderOptions {
	/** Milliseconds from any fixed instant, with fractions; never goes back. */
	readonly stopwatch: () => number;
	/** Milliseconds for which the event loop had nothing to do, since any fixed instant. */
	readonly idle: () => number;
	/** In [0, 1). */
	readonly random: () => number;
	/** Calls back when what has come in with this turn of the event loop was handled. */
	readonly afterTurn: (callback: () => void) => void;
	/** Told when shedding by delay begins, and when it is over. */
	readonly onChange: (shedding: boolean) => void;
	readonly limits?: Partial<ShedLimits>;
}

/** Share of a window that is idle, below which the loop counts as never idle. */
const BUSY_BELOW = 0.02;
/** One long turn is a burst, or something else that took its time; a second one on end is a queue that stands. */
const LEAST_TURNS = 2;
/** A delay that became less than so much of the last one is on its way down: what was done is enough. */
const SINKS = 0.97;
/** Beyond so many times the delay that is too much, a turn is cut short, and so are the checks that wait. */
const LONGEST = 1.5;
/** How the share of admitted checks follows: down by a factor, up by a factor and a bit, never to nothing. */
const LESS = 0.8;
const MORE = 1.1;
const BIT = 0.02;
const LEAST = 0.02;

export class Shedder {
	readonly #options: ShedderOptions;
	readonly #limits: ShedLimits;
	/** Share of checks that are admitted; 1 unless it is too much. */
	#share = 1;
	#open = 0;
	#marked = false;
	#turnAt: number;
	#turnIdle: number;
	#windowAt: number;
	#windowIdle: number;
	/** Admitted checks whose last byte is still to come. */
	#waiting = 0;
	/** Of the present turn: checks that came and that began, and the shortest wait for a last byte. */
	#came = 0;
	#begun = 0;
	#wait = Infinity;
	/** Of the last turn: its length, whether checks made it so, the shortest wait, and its time for each check. */
	#lastTurn = 0;
	#wasMany = false;
	#lastWait = 0;
	#lastEach = 0;
	/** Of the present window: its turns, the checks that came, and the shortest of the turns' delays. */
	#turns = 0;
	#windowCame = 0;
	#delay = Infinity;
	/** Of the last window. */
	#lastDelay = 0;
	readonly #shed: Record<ShedCause, number> = { delay: 0, streams: 0, deadline: 0 };
	readonly #endTurn = () => this.#turnEnded();

	constructor(options: ShedderOptions) {
		this.#options = options;
		this.#limits = { ...LIMITS, ...options.limits };
		this.#turnAt = this.#windowAt = options.stopwatch();
		this.#turnIdle = this.#windowIdle = options.idle();
	}

	/** Checks that were shed since the start. */
	get counts(): Readonly<Record<ShedCause, number>> {
		return this.#shed;
	}

	/** The share of checks that are admitted, in (0, 1]. */
	get share(): number {
		return this.#share;
	}

	/** Called for each check as its headers come. One that is admitted must be told of by `ended`. */
	admit(): boolean {
		if (!this.#marked) this.#mark();
		this.#came++;
		if (this.#open >= this.#limits.grpcChecks) {
			this.#shed.streams++;
			return false;
		}
		if (this.#isTooMuch()) {
			this.#shed.delay++;
			return false;
		}
		this.#open++;
		this.#waiting++;
		return true;
	}

	/**
	 * Called when a check is there to its last byte.
	 * @param waitedMs since its headers came.
	 * @param patienceMs that its caller waits, or infinite.
	 * @returns false when the caller has given up: no work is worth doing any more.
	 */
	begin(waitedMs: number, patienceMs: number): boolean {
		this.#waiting--;
		this.#begun++;
		if (waitedMs < this.#wait) this.#wait = waitedMs;
		if (waitedMs < patienceMs) return true;
		this.#shed.deadline++;
		return false;
	}

	/** Called when an admitted check is gone: answered, or given up before it began. */
	ended(begun: boolean): void {
		this.#open--;
		if (!begun) this.#waiting--;
	}

	/** By the coin, and by what is known of the moment, since the coin follows late. */
	#isTooMuch(): boolean {
		if (this.#share < 1 && this.#options.random() >= this.#share) return true;
		return this.#wasMany && (this.#isLongAgain() || this.#isBacklogged());
	}

	/** Whether this turn is too long already and the last one was, too: what comes now has waited at least as long. */
	#isLongAgain(): boolean {
		const longest = LONGEST * this.#limits.shedDelayMs;
		if (this.#lastTurn < this.#limits.shedDelayMs || this.#options.stopwatch() - this.#turnAt < longest) return false;
		return this.#options.stopwatch() - this.#turnAt - (this.#options.idle() - this.#turnIdle) > longest;
	}

	/** Whether those that wait for their last byte would take too long by themselves, while checks do wait. */
	#isBacklogged(): boolean {
		const { shedDelayMs } = this.#limits;
		return this.#lastWait > shedDelayMs && this.#waiting * this.#lastEach > LONGEST * shedDelayMs;
	}

	#mark(): void {
		this.#marked = true;
		// After a silence, what was known of the load is old.
		const silence = this.#options.stopwatch() - this.#turnAt;
		if (silence > this.#limits.shedWindowMs && (this.#share < 1 || this.#wasMany)) this.#awake();
		this.#options.afterTurn(this.#endTurn);
	}

	#awake(): void {
		const now = this.#options.stopwatch();
		const idle = this.#options.idle();
		this.#judge(now - this.#windowAt, idle - this.#windowIdle);
		this.#turnAt = now;
		this.#turnIdle = idle;
		this.#lastTurn = 0;
		this.#wasMany = false;
	}

	#turnEnded(): void {
		this.#marked = false;
		const { shedPerSecond, shedWindowMs } = this.#limits;
		const now = this.#options.stopwatch();
		const idle = this.#options.idle();
		const turn = now - this.#turnAt - (idle - this.#turnIdle);
		this.#turnAt = now;
		this.#turnIdle = idle;
		this.#lastTurn = turn;
		this.#wasMany = this.#came >= (shedPerSecond * turn) / 1_000;
		this.#lastWait = this.#wait === Infinity ? 0 : this.#wait;
		this.#lastEach = this.#begun === 0 ? 0 : turn / this.#begun;
		this.#delay = Math.min(this.#delay, Math.max(turn, this.#lastWait));
		this.#turns++;
		this.#windowCame += this.#came;
		this.#came = this.#begun = 0;
		this.#wait = Infinity;
		const window = now - this.#windowAt;
		if (window >= shedWindowMs && this.#turns >= LEAST_TURNS) this.#judge(window, idle - this.#windowIdle);
	}

	#judge(window: number, idle: number): void {
		const { shedDelayMs, shedPerSecond, shedWindowMs } = this.#limits;
		const delay = this.#delay === Infinity ? 0 : this.#delay;
		const busy = idle < BUSY_BELOW * window && this.#windowCame >= (shedPerSecond * window) / 1_000;
		const before = this.#share;
		if (busy && delay > shedDelayMs) {
			const sinks = delay < SINKS * this.#lastDelay;
			if (!sinks) this.#share = Math.max(LEAST, before * Math.max(LESS, shedDelayMs / delay));
		} else if (!busy || delay < shedDelayMs / 2) {
			this.#share = Math.min(1, before * MORE ** Math.min(100, window / shedWindowMs) + BIT);
		}
		this.#lastDelay = delay;
		this.#windowAt += window;
		this.#windowIdle += idle;
		this.#turns = this.#windowCame = 0;
		this.#delay = Infinity;
		if (before === 1 && this.#share < 1) this.#options.onChange(true);
		else if (before < 1 && this.#share === 1) this.#options.onChange(false);
	}
}

/**
 * Milliseconds that a proxy waits for an answer, by what it says in `x-envoy-expected-rq-timeout-ms`; infinite when it says
 * nothing that can be read. gRPC's own deadline is grpc-js's to keep.
 */
export function patienceOf(header: unknown): number {
	return typeof header === "string" && /^[1-9]\d{0,8}$/.test(header) ? Number(header) : Infinity;
}
