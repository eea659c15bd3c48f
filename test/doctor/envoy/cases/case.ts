/** A broken configuration, and what is to be found in it. */
import type { FindingId } from "../../../../src/doctor/envoy/catalogue.ts";
import type { Part } from "../bootstraps.ts";

export interface Case {
	/** What is broken. */
	readonly broken: string;
	readonly change: (bootstrap: Part) => void;
	/** Findings in the order of severity, with the end of the place that each is told at. */
	readonly expect: readonly (readonly [FindingId, RegExp])[];
	/** Taken by no Envoy as it stands: tried as data alone. */
	readonly dataOnly?: true;
}

export const TYPE = "type.googleapis.com/envoy";
export const FILTER = /listener inbound, envoy\.filters\.http\.ext_authz$/;
export const LISTENER = /^listener inbound$/;
export const CLUSTER = /^cluster firebreak$/;

/** typed_per_filter_config of a route. */
export const perRoute = (settings: object) => ({
	"envoy.filters.http.ext_authz": {
		"@type": `${TYPE}.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute`,
		...settings,
	},
});
export const filterConfig = (settings: object) => ({
	"envoy.filters.http.ext_authz": { "@type": `${TYPE}.config.route.v3.FilterConfig`, ...settings },
});
export const OFF = perRoute({ disabled: true });
