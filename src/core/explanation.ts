/** What `explain` tells, by HTTP and on the command line: the same facts as a decision, and the steps that led to it. */
import type { Step } from "./decide/trace.ts";
import type { Decision, Place, WouldBe } from "./decision.ts";
import type { Reason } from "./reasons.ts";
import { withheldScopes } from "./withheld-scopes.ts";

/** A request made up by an operator. */
export interface ExplainQuery {
	/** A segment or a SPIFFE ID, or `anonymous`. */
	readonly source: string;
	/** A segment or a SPIFFE ID. */
	readonly destination: string;
	readonly method: string;
	/** With or without a query. */
	readonly path: string;
	/** Names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
	/** A credential: never log it, never echo it. */
	readonly token: string | null;
	/** Milliseconds since the epoch; null is now. */
	readonly at: number | null;
}

/** What came of it. */
export interface Explained {
	readonly decision: Decision;
	readonly steps: readonly Step[];
}

/** The public form: `decision` first, then what led to it. Of a token only issuer, id, owner, purpose and scopes are shown. */
export interface ExplanationView {
	readonly decision: "allow" | "deny";
	readonly reason: Reason;
	readonly detail: string | null;
	readonly policy: string | null;
	readonly revision: number;
	readonly mode: string;
	readonly would: WouldBe | null;
	readonly source: (Place & { readonly principal: string | null }) | { readonly principal: string | null };
	readonly destination: (Place & { readonly principal: string | null }) | { readonly principal: string | null };
	readonly crossing: string | null;
	readonly hidden: boolean;
	readonly missing_scopes: readonly string[];
	readonly token: {
		readonly issuer: string;
		readonly id: string | null;
		readonly owner: string | null;
		readonly purpose: string | null;
		readonly scopes: readonly string[];
		/** What its registration takes away: it lets nothing pass, and deny rules still know the token by it. */
		readonly withheld_scopes: readonly string[];
	} | null;
	readonly steps: readonly Step[];
}

export function viewExplanation({ decision, steps }: Explained): ExplanationView {
	const { token } = decision;
	return {
		decision: decision.allow ? "allow" : "deny",
		reason: decision.reason,
		detail: decision.detail,
		policy: decision.policy,
		revision: decision.revision,
		mode: decision.mode,
		would: decision.would,
		source: { ...decision.source, principal: decision.principal },
		destination: { ...decision.destination, principal: decision.destinationPrincipal },
		crossing: decision.crossing,
		hidden: decision.hidden,
		missing_scopes: decision.missingScopes,
		token: token && {
			issuer: token.issuer,
			id: token.id,
			owner: token.owner,
			purpose: token.purpose,
			scopes: token.scopes,
			withheld_scopes: withheldScopes(token),
		},
		steps,
	};
}
