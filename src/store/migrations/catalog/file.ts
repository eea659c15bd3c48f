/** Where the schema's catalog lies: beside the files that make the schema, and shipped with them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FirebreakError } from "../../../core/errors.ts";
import { SCHEMA_DIRECTORY } from "../files.ts";
import type { Catalog } from "./read.ts";
import { parseCatalog } from "./text.ts";

export const CATALOG_FILE = join(SCHEMA_DIRECTORY, "catalog.txt");

/** @throws FirebreakError migration_invalid when it is missing or malformed. */
export async function readCatalogFile(path: string): Promise<Catalog> {
	try {
		return parseCatalog(await readFile(path, "utf8"));
	} catch (cause) {
		throw new FirebreakError("migration_invalid", `${path} cannot be read`, {
			problems: [
				{
					object: "the schema's catalog",
					message: cause instanceof SyntaxError ? cause.message : "it cannot be read",
					cure: "install Firebreak again; in a checkout, run: npm run schema",
					file: path,
				},
			],
			cause,
		});
	}
}
