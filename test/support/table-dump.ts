/** Everything that a database keeps of ours, to be searched. */
import type { Haystack } from "./secrets.ts";

/** Every row of every table of ours. */
export async function dumpTables(query: <Row extends object>(text: string) => Promise<Row[]>): Promise<Haystack[]> {
	const tables = await query<{ name: string }>(
		"select tablename as name from pg_tables where schemaname = 'firebreak' order by 1",
	);
	const dumps: Haystack[] = [];
	for (const { name } of tables) {
		const rows = await query<{ text: string }>(`select to_jsonb(t)::text as text from firebreak.${name} t`);
		dumps.push({ name: `table ${name}`, text: `rows: ${rows.map(({ text }) => text).join("\n")}`, holds: "rows: " });
	}
	return dumps;
}
