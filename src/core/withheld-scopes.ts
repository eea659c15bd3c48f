import type { TokenFacts } from "./request.ts";

/** Scopes of a token that let nothing pass, since it is registered without them; deny rules know it by these, too. */
export function withheldScopes({ scopes, allScopes }: Pick<TokenFacts, "scopes" | "allScopes">): readonly string[] {
	return scopes === allScopes ? [] : allScopes.filter((scope) => !scopes.includes(scope));
}
