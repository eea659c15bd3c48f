/** Rows of one kind between the request's path and the sink: a bounded queue, and how much of it is written at once. */
import { LIMITS } from "../core/limits.ts";
import { BoundedQueue } from "./queue.ts";
import { RowRefused } from "./sink.ts";

export interface RecordBufferOptions<T> {
	readonly queueMax: number;
	readonly write: (rows: readonly T[]) => Promise<void>;
	/** Told of each row that is given up. */
	readonly onLost: (row: T) => void;
}

export class RecordBuffer<T> {
	readonly #options: RecordBufferOptions<T>;
	readonly #queue: BoundedQueue<T>;
	/** Halved while the sink refuses a row among them, until that row stands alone. */
	#batch: number = LIMITS.recordBatchRows;

	constructor(options: RecordBufferOptions<T>) {
		this.#options = options;
		this.#queue = new BoundedQueue(options.queueMax);
	}

	get length(): number {
		return this.#queue.length;
	}

	/** Takes a row, or gives it up when the queue is full. */
	push(row: T): void {
		if (!this.#queue.push(row)) this.#options.onLost(row);
	}

	/** Writes one batch. @throws what the sink throws when it is not there; the rows stay. */
	async writeBatch(): Promise<void> {
		const rows = this.#queue.peek(this.#batch);
		try {
			await this.#options.write(rows);
		} catch (error) {
			if (!(error instanceof RowRefused)) throw error;
			if (rows.length > 1) {
				this.#batch = Math.ceil(rows.length / 2);
				return;
			}
			for (const row of rows) this.#options.onLost(row);
		}
		this.#queue.drop(rows.length);
		this.#batch = Math.min(this.#batch * 2, LIMITS.recordBatchRows);
	}

	/** Gives up all rows. */
	abandon(): void {
		for (const row of this.#queue.peek(this.#queue.length)) this.#options.onLost(row);
		this.#queue.drop(this.#queue.length);
	}
}
