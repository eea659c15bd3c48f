/** `make docs`: writes the generated parts of docs/reference anew, from the program's own tables and a database with its schema. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { migrateUp } from "../demo/firebreak.ts";
import { startEmbeddedPostgres } from "../demo/postgres.ts";
import { createWorkspace } from "../demo/workspace.ts";
import { BLOCKS } from "./docs/blocks.ts";
import { fill } from "./docs/fill.ts";

const folder = join(import.meta.dirname, "../docs/reference");

const workspace = createWorkspace("docs");
const postgres = await startEmbeddedPostgres();
const client = new pg.Client({ connectionString: postgres.url });
await client.connect();
try {
	await migrateUp(postgres.url, workspace.path);
	for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".md"))) {
		const file = join(folder, name);
		const page = readFileSync(file, "utf8");
		const written = await fill(page, async (block) => {
			const render = BLOCKS[block];
			if (render === undefined) throw new Error(`${file} asks for ${block}, which nothing writes`);
			return render(client);
		});
		if (written === page) continue;
		writeFileSync(file, written);
		process.stdout.write(`docs/reference/${name} was written anew\n`);
	}
} finally {
	await client.end();
	await postgres.stop();
	workspace.remove();
}
