/** Reads what the schema firebreak is made of out of Postgres's own catalogs. */
import type { ClientBase } from "pg";
import { CATALOG_QUERIES } from "./queries.ts";

/** One thing that is so of an object, such as a column's type or what a role may do. */
export interface Property {
	readonly name: string;
	readonly value: string;
	/** Postgres wrote it anew from a parsed form, which may read otherwise in another major version. */
	readonly deparsed: boolean;
}

/** Objects by kind and name, `table firebreak.policy`, with their properties by name. */
export interface Catalog {
	/** Of Postgres: 18. */
	readonly major: number;
	readonly objects: ReadonlyMap<string, ReadonlyMap<string, Property>>;
}

/** Within a transaction, whose settings it changes so that every session describes the same in the same words. */
export async function readCatalog(client: ClientBase): Promise<Catalog> {
	await client.query(SETTINGS);
	const version = await client.query<{ number: number }>("select current_setting('server_version_num')::int as number");
	const objects = new Map<string, Map<string, Property>>();
	for (const text of CATALOG_QUERIES) {
		const { rows } = await client.query<Property & { object: string }>(text);
		for (const { object, ...property } of rows) {
			let properties = objects.get(object);
			if (!properties) {
				properties = new Map();
				objects.set(object, properties);
			}
			properties.set(property.name, property);
		}
	}
	return { major: Math.floor(version.rows[0]!.number / 10_000), objects };
}

/** Names are qualified unless they are Postgres's own. */
const SETTINGS = `
	set local search_path = pg_catalog;
	set local quote_all_identifiers = off;
	set local intervalstyle = postgres;
	set local datestyle = iso;
	set local timezone = utc;
	set local bytea_output = hex;
	set local extra_float_digits = 1`;
