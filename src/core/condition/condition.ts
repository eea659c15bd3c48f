/**
 * Conditions of policies: CEL, type-checked and bounded when they compile, total when they are evaluated.
 *
 * | variable | what it is |
 * |---|---|
 * | `request` | `method`, `path` (canonical, escapes kept), `host` (lower case, no port), `headers`, `query` |
 * | `request.headers` | by lower-case name, repeated values joined with `,`. Credentials (`authorization`, `dpop`, `cookie` and their like), what proxies tell of the caller (`x-forwarded-client-cert`, `x-forwarded-for`, `x-real-ip`, `forwarded`) and `x-firebreak-*` are never there |
 * | `request.query` | decoded values by name. Reading what two servers could read differently is an error, see query.ts |
 * | `params` | what the path template captured, decoded |
 * | `source`, `destination` | `segment`, `domain`, `environment`, `principal`. An anonymous source has the segment `anonymous` and the rest empty |
 * | `token` | the verified claims. Without a token `has(token.x)` is false and `token.x` an error |
 * | `now` | a timestamp |
 *
 * Claims are JSON: integers that JavaScript holds exactly are ints (also when written `3.0`), all other numbers doubles;
 * `double(token.x)` makes sure. Comparing values of different types is false, ordering them an error.
 */
import { buildProgram, type Program } from "./build.ts";
import { checkCondition } from "./check.ts";
import { Frame } from "./frame.ts";
import { ConditionRefusal, locate } from "./refusal.ts";
import type { ConditionScope } from "./scope.ts";

export { ANY_CLAIM } from "./build.ts";
export type { ConditionPeer, ConditionScope } from "./scope.ts";

export interface Condition {
	readonly text: string;
	/** Names that it reads from `params`, so that a policy set can be refused whose templates do not capture them. */
	readonly params: readonly string[];
	/** Names that it reads from `token`; with {@link ANY_CLAIM} when some are computed. */
	readonly claims: readonly string[];
	/**
	 * Never throws, changes nothing, keeps nothing of the scope, and does at most {@link LIMITS.conditionWork} units of
	 * work, a few milliseconds. `error` stands for every failure at run time: a missing claim, a wrong type, spent work.
	 */
	evaluate(scope: ConditionScope): "true" | "false" | "error";
}

/** Compiles once, for years: a condition holds no state between evaluations but bounded caches of its expressions. */
export function compileCondition(
	text: string,
):
	| { readonly ok: true; readonly condition: Condition }
	| { readonly ok: false; readonly message: string; readonly cure: string } {
	try {
		return { ok: true, condition: Object.freeze(new CompiledCondition(text, buildProgram(checkCondition(text)))) };
	} catch (error) {
		if (!(error instanceof ConditionRefusal)) throw error;
		return { ok: false, message: locate(error.message, text, error.range), cure: error.cure };
	}
}

class CompiledCondition implements Condition {
	readonly text: string;
	readonly params: readonly string[];
	readonly claims: readonly string[];
	readonly #run: Program["run"];

	constructor(text: string, { run, params, claims }: Program) {
		this.text = text;
		this.params = params;
		this.claims = claims;
		this.#run = run;
	}

	evaluate(scope: ConditionScope): "true" | "false" | "error" {
		const frame = new Frame(scope);
		try {
			const verdict = this.#run(frame);
			if (frame.spent) return "error";
			return verdict === true ? "true" : verdict === false ? "false" : "error";
		} catch {
			// Memory or stack: no expression throws by itself.
			return "error";
		}
	}
}
