/** Reads results of any length row by row, as text: nothing accumulates in the driver, and dates, arrays and numbers are not parsed. */
import { type Client, type ClientBase, Query } from "pg";
import { LIMITS } from "../core/limits.ts";

/** Columns in the order of the select list. */
export type TextRow = readonly (string | null)[];

/**
 * Resolves after the last row. An error thrown by `onRow` ends the reading and is thrown here.
 * @throws also when Postgres sends nothing for LIMITS.databaseSilenceMs; the connection is of no further use then.
 */
export function streamRows(
	client: ClientBase,
	text: string,
	values: readonly unknown[],
	onRow: (row: TextRow) => void,
): Promise<void> {
	return new Promise((resolve, reject) => {
		const query = new Query({ text, values: [...values], types: TEXT, rowMode: "array" } as ConstructorParameters<
			typeof Query
		>[0]);
		let failure: unknown = null;
		const silence = setTimeout(() => {
			reject(new Error("Postgres fell silent while a result was read"));
		}, LIMITS.databaseSilenceMs);
		const end = (settle: () => void) => {
			clearTimeout(silence);
			settle();
		};
		const { stream } = (client as Client).connection;
		const resume = () => stream.resume();
		let inTurn = 0;
		query.on("row", (row) => {
			silence.refresh();
			if (failure !== null) return;
			if (++inTurn === ROWS_PER_TURN) {
				inTurn = 0;
				stream.pause();
				setImmediate(resume);
			}
			try {
				onRow(row as unknown as TextRow);
			} catch (error) {
				failure = error;
			}
		});
		query.on("end", () => end(() => (failure === null ? resolve() : reject(failure))));
		query.on("error", (error) => end(() => reject(error)));
		client.query(query);
	});
}

/** Node reads up to two megabytes from a socket in one turn of the event loop; requests shall not wait for so many rows. */
const ROWS_PER_TURN = 128;

const itself = (value: string): string => value;
const TEXT = { getTypeParser: () => itself };
