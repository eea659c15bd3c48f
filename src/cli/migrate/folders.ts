/** Where the subcommands of `migrate` find their files. */
import { SCHEMA_DIRECTORY } from "../../store/migrations/files.ts";
import type { MigrationFolders } from "../../store/migrations/up.ts";

/** The default of `--dir`. */
export const DIRECTORY = "migrations/policy";

/** The folder stays as it was given: messages name its files the same way. */
export const folders = (dir: string): MigrationFolders => ({ schema: SCHEMA_DIRECTORY, policy: dir });
