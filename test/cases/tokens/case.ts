/** The cases of tokens as data: what is presented, and the verdict. */
import type { CredentialDemand, CredentialRequest } from "../../../src/authn/authenticator.ts";
import type { Reason } from "../../../src/core/reasons.ts";
import type { CredentialReason, TokenFacts } from "../../../src/core/request.ts";
import type { TokenWorld } from "../../support/tokens.ts";

/** The credential, and what else of the request is not that of support/tokens.ts. */
export type Presented = Pick<CredentialRequest, "authorization" | "dpop"> & Partial<CredentialRequest>;

/** Reason and detail, or the facts that an accepted token has to show. */
export type Expected = readonly [CredentialReason, string] | Partial<TokenFacts>;

export interface TokenCase {
	/** What this is an example of: a number of the classic list of token attacks, told in words by `name`. */
	readonly no: number;
	readonly name: string;
	/** A token, sent as a bearer token, or everything that the request presents. */
	readonly present: (world: TokenWorld) => string | Presented;
	readonly demand?: Partial<CredentialDemand>;
	readonly expect: Expected;
	/** Scopes that the policy demands of the token, where the case is about them. */
	readonly scopes?: readonly string[];
	/** Scopes by which another policy denies, where the case is about them. */
	readonly deniedScopes?: readonly string[];
	/** What the whole service says, where other steps than that of the credential decide. */
	readonly service?: ServiceExpected;
}

/** Reason and detail; details of the steps that are no credential's may be none. */
export type ServiceExpected = readonly [Reason, string | null];

export const OK: Expected = {};

/** A case whose token is refused as `token_invalid`. */
export function refused(no: number, name: string, detail: string, present: (world: TokenWorld) => string): TokenCase {
	return { no, name, present, expect: ["token_invalid", detail] };
}

/** A case whose token is accepted. */
export function accepted(
	no: number,
	name: string,
	present: (world: TokenWorld) => string,
	expect: Partial<TokenFacts> = {},
): TokenCase {
	return { no, name, present, expect };
}
