import type { Decision } from "../../../src/core/decision.ts";
import type { Rows } from "../../support/policy-set.ts";
import type { Asked, Circumstances } from "../../support/requests.ts";

/** Decisions as data: one policy set and what it answers. */
export interface Suite {
	readonly name: string;
	readonly rows: Rows;
	readonly cases: readonly Case[];
}

export interface Case {
	readonly name: string;
	readonly ask: Asked;
	readonly given?: Circumstances;
	readonly expect: Partial<Decision>;
}
