import type { IssuerRow } from "./model.ts";

/** Whether Firebreak itself signs an issuer's tokens, with the key of the issuer's domain (option `signer`). */
export function isOwnIssuer({ profile, options }: Pick<IssuerRow, "profile" | "options">): boolean {
	return profile === "rfc9068" && options.signer === "firebreak";
}
