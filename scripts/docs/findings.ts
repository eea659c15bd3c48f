/** The reference of the doctor's findings, from its catalogues. */
import { FINDINGS as OF_ENVOY } from "../../src/doctor/envoy/catalogue.ts";
import { type CatalogueEntry, SEVERITIES } from "../../src/doctor/finding.ts";
import { FINDINGS as OF_FIREBREAK } from "../../src/doctor/firebreak/catalogue.ts";
import { code, sentence, table } from "./markdown.ts";

export const envoyFindings = () => findingTable(OF_ENVOY);
export const firebreakFindings = () => findingTable(OF_FIREBREAK);

/** Dangers first. */
function findingTable(catalogue: Readonly<Record<string, CatalogueEntry>>): string {
	const rows = SEVERITIES.flatMap((severity) =>
		Object.entries(catalogue).filter(([, entry]) => entry.severity === severity),
	);
	return table(
		["severity", "finding", "what is wrong", "how to mend it"],
		rows.map(([id, { severity, what, cure }]) => [severity, code(id), sentence(what), sentence(cure)]),
	);
}
