/** The reference of SQL: functions, arguments, defaults, relations and rights, as a database with the schema tells them. */
import type { ClientBase } from "pg";
import { code, sentence, table } from "./markdown.ts";
import { FUNCTION_TEXTS, INTERNAL } from "./sql-texts.ts";

interface Argument {
	readonly name: string;
	readonly type: string;
	readonly default: string | null;
}

interface SqlFunction {
	readonly name: string;
	readonly result: string;
	readonly arguments: readonly Argument[];
}

export async function functionSections(client: ClientBase): Promise<string> {
	const functions = await readFunctions(client);
	return Object.keys(FUNCTION_TEXTS)
		.map((name) => section(find(functions, name)))
		.join("\n\n");
}

/** @throws when a function that people may call is neither told of nor internal, or one that is told of does not exist. */
async function readFunctions(client: ClientBase): Promise<readonly SqlFunction[]> {
	const { rows } = await client.query<SqlFunction & { readonly open: boolean }>(`
		select p.proname as name, pg_get_function_result(p.oid) as result,
			exists (select from aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
				where r.rolname in ('firebreak_author', 'firebreak_operator')) as open,
			array(select json_build_object('name', a.name, 'type', format_type(a.type, null),
					'default', pg_get_function_arg_default(p.oid, a.at::integer))
				from unnest(p.proargnames, coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes)
					with ordinality a (name, type, mode, at)
				where a.name is not null and coalesce(a.mode, 'i') = 'i' order by a.at) as arguments
		from pg_proc p where p.pronamespace = 'firebreak'::regnamespace order by p.proname`);
	const untold = rows.filter(
		({ name, open }) => open && !(name in FUNCTION_TEXTS) && !INTERNAL.some((pattern) => pattern.test(name)),
	);
	if (untold.length > 0) throw new Error(`sql-texts.ts does not tell of ${untold.map(({ name }) => name).join(", ")}`);
	return rows;
}

function find(functions: readonly SqlFunction[], name: string): SqlFunction {
	const found = functions.filter((candidate) => candidate.name === name);
	if (found.length !== 1) throw new Error(`there are ${found.length} functions firebreak.${name}`);
	return found[0]!;
}

function section({ name, arguments: given, result }: SqlFunction): string {
	const texts = FUNCTION_TEXTS[name]!;
	const names = given.map((argument) => argument.name);
	const differing = [
		...names.filter((argument) => texts[argument] === undefined),
		...Object.keys(texts).filter((argument) => argument !== "" && !names.includes(argument)),
	];
	if (differing.length > 0) throw new Error(`sql-texts.ts and ${name}() differ about ${differing.join(", ")}`);
	const parts = [`### \`${name}\``, texts[""]!];
	if (given.length > 0) {
		const rows = given.map((argument) => [
			code(argument.name),
			code(argument.type.replace("timestamp with time zone", "timestamptz")),
			argument.default === null ? "required" : code(shortDefault(argument.default)),
			texts[argument.name] === "" ? "" : sentence(texts[argument.name]!),
		]);
		parts.push(table(["argument", "type", "default", "meaning"], rows));
	}
	if (result.startsWith("TABLE")) parts.push(`Gives \`${result.replace("TABLE", "table ")}\`.`);
	return parts.join("\n\n");
}

/** `'{}'::text[]` without its cast. */
function shortDefault(text: string): string {
	return text.replace(/::[a-z ]+(\[\])?$/, "").replace(/^NULL$/, "null");
}

/** Tables and views that readers see. */
export async function relationTable(client: ClientBase): Promise<string> {
	const { rows } = await client.query<{ name: string; comment: string | null; columns: string[] }>(`
		select c.relname as name, obj_description(c.oid, 'pg_class') as comment,
			array(select a.attname::text from pg_attribute a
				where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns
		from pg_class c where c.relnamespace = 'firebreak'::regnamespace and c.relkind in ('r', 'v')
			and has_table_privilege('firebreak_reader', c.oid, 'select')
		order by c.relname`);
	return table(
		["table or view", "what it holds", "columns"],
		rows.map(({ name, comment, columns }) => [
			code(name),
			sentence(
				comment ?? (name.endsWith("_history") ? "the history of this kind alone" : "which object refers to which"),
			),
			columns.join(", "),
		]),
	);
}

const ROLES: Readonly<Record<string, string>> = {
	firebreak_owner: "owns the schema; nobody logs in as it",
	firebreak_author: "teams that write policy migrations. Row-level security: only what their owner's role owns",
	firebreak_operator: "the platform team: owners, domains, whatever has no role of its own, and the revocation lane",
	firebreak_server: "`firebreak serve` reads the policy set and revocations",
	firebreak_recorder: "`firebreak serve` stores records",
	firebreak_migrator:
		"the login of `firebreak migrate up`: records what is applied. It writes no policy; files run as their owners' roles",
	firebreak_reader: "people and tools that look",
};

export async function roleTable(client: ClientBase): Promise<string> {
	const { rows } = await client.query<{ role: string; inserts: string[]; changes: string[]; reads: number }>(
		`
		select r.rolname as role,
			(select count(*)::integer from pg_class c where c.relnamespace = 'firebreak'::regnamespace
				and c.relkind in ('r', 'v') and has_table_privilege(r.oid, c.oid, 'select')) as reads,
			array(select c.relname::text from pg_class c where c.relnamespace = 'firebreak'::regnamespace
				and c.relkind = 'r' and has_any_column_privilege(r.oid, c.oid, 'insert')
				and not has_table_privilege(r.oid, c.oid, 'update') order by 1) as inserts,
			array(select c.relname::text from pg_class c where c.relnamespace = 'firebreak'::regnamespace
				and c.relkind = 'r' and has_table_privilege(r.oid, c.oid, 'update') order by 1) as changes
		from pg_roles r where r.rolname = any ($1)`,
		[Object.keys(ROLES)],
	);
	return table(
		["role", "for", "reads", "inserts into", "changes"],
		Object.entries(ROLES).map(([role, text]) => {
			const row = rows.find((candidate) => candidate.role === role);
			if (row === undefined) throw new Error(`there is no role ${role}`);
			const all = role === "firebreak_owner";
			return [
				code(role),
				sentence(text),
				all ? "everything" : row.reads === 0 ? "nothing" : `${row.reads} tables and views`,
				all ? "" : row.inserts.map(code).join(" "),
				all ? "everything" : row.changes.map(code).join(" "),
			];
		}),
	);
}
