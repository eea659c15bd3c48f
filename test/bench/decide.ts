/** `decide` alone, and memory, from 10 to 1,000,000 policies: the time has no slope, the memory is a line. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mebibytes, microseconds, printTable, TINY, times } from "./measure.ts";

interface Size {
	readonly size: number;
	readonly resident: number;
	readonly compileSeconds: number;
	readonly median: number;
	readonly p99: number;
	readonly allowed: number;
}

const SIZES = TINY ? [0, 10, 1_000] : [0, 10, 1_000, 100_000, 1_000_000];

const sizes = SIZES.map((size): Size => {
	process.stderr.write(`decide: ${size.toLocaleString("en")} policies ...\n`);
	const script = fileURLToPath(new URL("./decide-size.ts", import.meta.url));
	return JSON.parse(execFileSync(process.execPath, ["--expose-gc", script, String(size)], { encoding: "utf8" }));
});
const [empty, ...full] = sizes as [Size, ...Size[]];

printTable(
	"decide() alone (reach: median at most 5 us at every size) and resident memory (reach: at most 700 bytes a policy)",
	["policies", "median", "p99", "to 10 policies", "allowed", "compile", "resident", "bytes a policy"],
	full.map((each) => [
		each.size.toLocaleString("en"),
		microseconds(each.median),
		microseconds(each.p99),
		times(each.median / full[0]!.median),
		`${Math.round(each.allowed * 100)} %`,
		`${each.compileSeconds.toFixed(2)} s`,
		mebibytes(each.resident),
		each.size < 100_000 ? "" : ((each.resident - empty.resident) / each.size).toFixed(0),
	]),
);
