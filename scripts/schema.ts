/** Writes migrations/schema/catalog.txt: what the files of migrations/schema/ make of an empty database. `npm run schema` */
import { readFileSync, writeFileSync } from "node:fs";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../demo/postgres.ts";
import { CATALOG_FILE } from "../src/store/migrations/catalog/file.ts";
import { readCatalog } from "../src/store/migrations/catalog/read.ts";
import { formatCatalog } from "../src/store/migrations/catalog/text.ts";
import { readSchemaFiles, SCHEMA_DIRECTORY } from "../src/store/migrations/files.ts";

const postgres = await startEmbeddedPostgres();
const client = new Client({ connectionString: postgres.url });
await client.connect();
try {
	await client.query("begin");
	for (const { text } of await readSchemaFiles(SCHEMA_DIRECTORY)) await client.query(text);
	const catalog = await readCatalog(client);
	writeFileSync(CATALOG_FILE, formatCatalog(catalog));
	const lines = readFileSync(CATALOG_FILE, "utf8").split("\n").length - 1;
	process.stdout.write(`${CATALOG_FILE}: ${catalog.objects.size} objects, ${lines} lines\n`);
} finally {
	await client.end();
	await postgres.stop();
}
