/** Typed queries over Firebreak's tables. They are built here and run on whichever connection the caller holds. */

import {
	type CompiledQuery,
	DummyDriver,
	type Generated,
	Kysely,
	PostgresAdapter,
	PostgresIntrospector,
	PostgresQueryCompiler,
} from "kysely";
import type { ClientBase, QueryResultRow } from "pg";

/** The columns that queries here name; the whole schema is migrations/schema/. bigint comes as text. */
interface Tables {
	"firebreak.head": { epoch: string; revision: string; seq: string };
	"firebreak.migration": {
		name: string;
		owner: string | null;
		checksum: string;
		applied_at: Date;
		applied_by: Generated<string>;
		revision: string | null;
		seconds: number | null;
	};
	"firebreak.decision": {
		id: string;
		at: Date;
		reason: string;
		detail: string | null;
		epoch: string | null;
		revision: string | null;
		source_principal: string | null;
		destination_segment: string | null;
		destination_principal: string | null;
		method: string | null;
		path: string | null;
		token_issuer: string | null;
		token_id: string | null;
		token_owner: string | null;
		token_scopes: readonly string[] | null;
		token_withheld_scopes: readonly string[] | null;
		host: string | null;
		decision: "allow" | "deny";
	};
	"firebreak.revocation": {
		seq: string;
		kind: string;
		key: string;
		payload: Readonly<Record<string, unknown>>;
		until: Date | null;
	};
}

/** Builds queries, never runs one. */
export const sql = new Kysely<Tables>({
	dialect: {
		createAdapter: () => new PostgresAdapter(),
		createDriver: () => new DummyDriver(),
		createIntrospector: (db) => new PostgresIntrospector(db),
		createQueryCompiler: () => new PostgresQueryCompiler(),
	},
});

/** Runs one built query. */
export async function rowsOf<Row extends QueryResultRow>(
	client: ClientBase,
	query: { compile(): CompiledQuery<Row> },
	options: { readonly timeoutMs?: number } = {},
): Promise<readonly Row[]> {
	const { sql: text, parameters } = query.compile();
	const config = {
		text,
		values: [...parameters],
		...(options.timeoutMs === undefined ? {} : { query_timeout: options.timeoutMs }),
	};
	return (await client.query<Row>(config)).rows;
}
