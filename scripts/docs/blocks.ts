/** Every generated block, by the name that pages ask for it by. */
import type { ClientBase } from "pg";
import { bypassTable } from "./bypasses.ts";
import { commandSections, errorTable, exitTable, globalOptions } from "./cli.ts";
import * as conditions from "./conditions.ts";
import { refusedConfigurations, variableTable } from "./configuration.ts";
import { envoyFindings, firebreakFindings } from "./findings.ts";
import { routeTable } from "./http.ts";
import { limitTable } from "./limits.ts";
import { permissionTables } from "./permissions.ts";
import { reasonSections, reasonTable } from "./reasons.ts";
import { functionSections, relationTable, roleTable } from "./sql.ts";
import * as telemetry from "./telemetry.ts";

/** @param client of a database that has the schema. */
export type Block = (client: ClientBase) => string | Promise<string>;

export const BLOCKS: Readonly<Record<string, Block>> = {
	reasons: reasonTable,
	"reason-sections": reasonSections,
	variables: variableTable,
	"refused-configurations": refusedConfigurations,
	spans: telemetry.spanTable,
	attributes: telemetry.attributeTable,
	metrics: telemetry.metricTable,
	"log-fields": telemetry.fieldTable,
	"log-messages": telemetry.messageTable,
	"global-options": globalOptions,
	commands: commandSections,
	"exit-codes": exitTable,
	errors: errorTable,
	"sql-functions": functionSections,
	"sql-relations": relationTable,
	"sql-roles": roleTable,
	permissions: permissionTables,
	"condition-variables": conditions.variableTable,
	"condition-functions": conditions.functionTable,
	"condition-operators": conditions.operatorList,
	"condition-examples": conditions.exampleTable,
	"condition-refusals": conditions.refusalTable,
	limits: limitTable,
	routes: routeTable,
	bypasses: bypassTable,
	"envoy-findings": envoyFindings,
	"firebreak-findings": firebreakFindings,
};
