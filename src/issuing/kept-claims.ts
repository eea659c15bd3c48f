/**
 * What conditions read of a token that was given in exchange, against what they would have read of the subject token. Claims
 * stay as they were where they can; a rule that reads what cannot stay must not open by the exchange what was shut.
 */
import { ANY_CLAIM } from "../core/condition/condition.ts";
import type { TokenFacts } from "../core/request.ts";
import type { Rule } from "../core/snapshot.ts";
import type { Reach } from "./reach.ts";

/**
 * - `stays`: reads the same in both tokens, so every rule judges both alike.
 * - `own`: the exchange states it anew, whatever it was: a fact of the new token. An allow that reads it means tokens like the
 *   new one. A deny that reads it might miss what it would have met in the subject token.
 * - `lost`: gone, or not what it was, by no fact of its own. An allow that reads it might hold only because something is
 *   missing (`!has(token.contractor)`), a deny might miss.
 */
type Fate = "stays" | "own" | "lost";

/** Those that do not stay even within a domain. `sub` is judged by itself. */
const NEW: ReadonlyMap<string, Exclude<Fate, "stays">> = new Map([
	// The issuer that Firebreak signs for in the destination's domain, and the audience of that domain.
	["iss", "own"],
	["aud", "own"],
	// The workload that asked, by its certificate, in front of those that acted before.
	["client_id", "own"],
	["act", "own"],
	// The certificate that it is bound to.
	["cnf", "own"],
	// This one token, and when it was made: whoever asks for the user's login reads `auth_time`, which stays.
	["jti", "own"],
	["iat", "own"],
	["nbf", "own"],
	["exp", "own"],
	// Where it may be used, and what it was exchanged for.
	["firebreak", "own"],
	// Cut: fewer scopes may satisfy what more did not (`token.scope == "read"`). Rules ask for them by `scopes`.
	["scope", "lost"],
	// Who might exchange the subject token. That was the one exchange.
	["may_act", "lost"],
]);

/** Judges claims of one subject token on its way from one segment to another. */
export class KeptClaims {
	readonly #token: TokenFacts;
	readonly #within: boolean;

	constructor(token: TokenFacts, { source, destination }: Pick<Reach, "source" | "destination">) {
		this.#token = token;
		this.#within = source.domain === destination.domain;
	}

	/** Whether a rule that holds for the new token would have held for the subject token, and a deny the other way round. */
	fits(rule: Rule): boolean {
		// Under monitor an allow lets pass what its condition does not, and a deny refuses nothing.
		if (rule.monitor) return true;
		return claimsRead(rule).every((name) => {
			const fate = this.#fateOf(name);
			return fate === "stays" || (fate === "own" && !rule.deny);
		});
	}

	/** Those that stay and that some of the rules read. */
	readBy(rules: readonly Rule[]): Readonly<Record<string, unknown>> {
		const { claims } = this.#token;
		const read = new Set(rules.flatMap(claimsRead));
		const names = Object.keys(claims).filter((name) => name !== "sub" && read.has(name));
		return Object.fromEntries(
			names.filter((name) => this.#fateOf(name) === "stays").map((name) => [name, claims[name]]),
		);
	}

	#fateOf(name: string): Fate {
		if (name === ANY_CLAIM) return "lost";
		if (name === "sub") {
			// Over a border the subject has another name, by which the rules there know it.
			return !this.#within || this.#token.claims.sub === this.#token.subject ? "stays" : "lost";
		}
		// What another domain's issuer says of somebody says nothing here, and nor does its silence.
		return NEW.get(name) ?? (this.#within ? "stays" : "lost");
	}
}

const claimsRead = ({ condition }: Rule): readonly string[] => condition?.claims ?? [];
