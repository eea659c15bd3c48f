/** Reads Prometheus' text format strictly: a line that is no comment, sample or empty throws. */
export interface Sample {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function readMetrics(text: string): Sample[] {
	return text
		.split("\n")
		.filter((line) => line !== "" && !/^# (HELP|TYPE) /.test(line))
		.map((line) => {
			const [, name, labels, value] = SAMPLE.exec(line) ?? [];
			if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`);
			return { name, labels: readLabels(labels ?? ""), value: readValue(value) };
		});
}

function readLabels(text: string): Record<string, string> {
	const labels: Record<string, string> = {};
	LABEL.lastIndex = 0;
	let end = 0;
	for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
		labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
		end = LABEL.lastIndex;
	}
	if (end !== text.length) throw new Error(`no labels: ${text}`);
	return labels;
}

function readValue(text: string): number {
	if (text === "+Inf") return Infinity;
	const value = text === "Nan" ? Number.NaN : Number(text);
	if (Number.isNaN(value) && text !== "Nan") throw new Error(`no value: ${text}`);
	return value;
}
