/** What records need of Postgres; the store's Database is one. */
export interface RecordDatabase {
	/** Runs `work` on a pooled connection; throws what `work` throws, or a typed error when Postgres is away. */
	withClient<T>(work: (client: RecordClient) => Promise<T>): Promise<T>;
}

export interface RecordClient {
	query(text: string, values?: unknown[]): Promise<RecordResult>;
}

export interface RecordResult {
	readonly rows: Record<string, unknown>[];
	readonly rowCount: number | null;
}

/** SQLSTATE of what Postgres threw, or null. */
export function sqlState(error: unknown): string | null {
	const { code } = (error ?? {}) as { code?: unknown };
	return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}
