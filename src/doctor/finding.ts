/** What a look at a running system found wrong. */

/** `danger`: a request may pass unjudged, or a caller pose as another. `warning`: it will fail or mislead. `notice`: right only on purpose. */
export const SEVERITIES = ["danger", "warning", "notice"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding<Id extends string = string> {
	/** Stable: scripts accept findings by it. */
	readonly id: Id;
	readonly severity: Severity;
	/** The listener that it belongs to; null when it belongs to none. */
	readonly listener: string | null;
	/** Where in the configuration, for people. */
	readonly place: string;
	/** What is wrong, and what it leads to. */
	readonly what: string;
	/** How to mend it. */
	readonly cure: string;
}

/** Of a finding in general: `what` as the reference tells it, unless a place says more. */
export interface CatalogueEntry {
	readonly severity: Severity;
	readonly what: string;
	readonly cure: string;
}

/** A part of what is examined, for people, and the listener that it belongs to, if any. */
export interface Place {
	readonly listener: string | null;
	readonly text: string;
}

/** A place within another. */
export function within(place: Place, ...parts: readonly string[]): Place {
	return { ...place, text: [place.text, ...parts].join(", ") };
}

/** Makes findings of one catalogue. `detail` says what is so at this place, before what it leads to. */
export function finder<Id extends string>(catalogue: Readonly<Record<Id, CatalogueEntry>>) {
	return (id: Id, place: Place, detail?: string): Finding<Id> => {
		const { severity, what, cure } = catalogue[id];
		const told = detail === undefined ? what : `${detail}: ${what}`;
		return { id, severity, listener: place.listener, place: place.text, what: told, cure };
	};
}

/** The findings, dangers first, otherwise in their order; the same one at the same place once. */
export function sorted<Id extends string>(findings: readonly Finding<Id>[]): Finding<Id>[] {
	const unique = new Map(findings.map((finding) => [`${finding.id}\n${finding.place}`, finding]));
	return SEVERITIES.flatMap((severity) => [...unique.values()].filter((finding) => finding.severity === severity));
}
