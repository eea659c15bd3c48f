/**
 * What an issuer's row says beyond its columns: its options, and the algorithms that really count. Read here once, so
 * that the compiler refuses exactly what authentication could not honour.
 */
import { canonicalAlgorithm, checkJwksUri, type KeyProblem, lintJwks, SIGNATURE_ALGORITHMS } from "./jwks.ts";
import type { IssuerRow, Profile } from "./model.ts";
import { parseSpiffeId } from "./spiffe.ts";

/** `options` of an issuer, with its defaults filled in. */
export interface IssuerOptions {
	/** `scope_claim`: where scopes stand. */
	readonly scopeClaim: string;
	/** `scope_array`: the claim is an array of strings, rather than one text parted by spaces. */
	readonly scopeArray: boolean;
	/** `id_claim`: what names the token; then every token must have it. Null: `jti`, if the token has one. */
	readonly idClaim: string | null;
	/** `subject_claim`: whom the token speaks for. */
	readonly subjectClaim: string;
	/** `tenant_claim` and `tenants`: tokens of other tenants of the same issuer are refused. */
	readonly tenant: { readonly claim: string; readonly allowed: readonly string[] } | null;
	/** `trust_domain`, or the one that the url names: the only one whose workloads a `jwt_svid` issuer speaks for. */
	readonly trustDomain: string | null;
	/** `namespaces`: service accounts of other namespaces are refused (`kubernetes`). Null: any. */
	readonly namespaces: readonly string[] | null;
	/** `require_pod`: the token says which pod it was made for, as projected ones do (`kubernetes`). */
	readonly requirePod: boolean;
	/** `purposes`: what its tokens may be for; a token without a passport is for nothing. Null: anything. */
	readonly purposes: readonly string[] | null;
	/** `dpop_nonce`: a DPoP proof counts only with a nonce of ours (RFC 9449, 9). */
	readonly nonce: boolean;
}

const KNOWN_OPTIONS: Readonly<Partial<Record<Profile, readonly string[]>>> = {
	rfc9068: ["signer", "purposes", "dpop_nonce"],
	jwt_svid: ["trust_domain", "purposes"],
	kubernetes: ["namespaces", "require_pod", "purposes"],
	oidc: [
		"scope_claim",
		"scope_array",
		"id_claim",
		"subject_claim",
		"tenant_claim",
		"tenants",
		"purposes",
		"dpop_nonce",
	],
	api_key: ["purposes", "dpop_nonce"],
};

/** Whether Firebreak signs an issuer's tokens, with the keys of its domain, as the option `signer` says. */
export function isOwnIssuer({ profile, options }: Pick<IssuerRow, "profile" | "options">): boolean {
	return profile === "rfc9068" && options.signer === "firebreak";
}

/** Whether this version knows a profile; tokens of others are refused. */
export function isVerifiable(profile: Profile): boolean {
	return KNOWN_OPTIONS[profile] !== undefined;
}

/**
 * Everything that is wrong with an issuer's algorithms, keys and options; empty when its tokens can be verified. Options
 * of a profile that this version does not know are let be: none of its tokens count.
 */
export function lintIssuer(row: IssuerRow): readonly KeyProblem[] {
	const uri = row.jwks_uri === null ? null : checkJwksUri(row.jwks_uri);
	return [
		...lintPlaceOfKeys(row),
		...(row.profile === "api_key" ? [] : lintAlgorithms(row)),
		...(row.jwks === null ? [] : lintJwks(row.jwks, row.profile)),
		...(uri === null ? [] : [uri]),
		...(isVerifiable(row.profile) ? readIssuerOptions(row).problems : []),
	];
}

/**
 * The algorithms that tokens of an issuer may use, by their canonical names: those of its row that we verify, and for
 * `jwt_svid` only those that the standard knows (JWT-SVID section 3: RS, ES and PS).
 */
export function issuerAlgorithms(row: IssuerRow): readonly string[] {
	const known = row.algorithms.filter((alg) => SIGNATURE_ALGORITHMS.includes(alg)).map(canonicalAlgorithm);
	return row.profile === "jwt_svid" ? known.filter((alg) => alg !== "EdDSA") : known;
}

/** Keys stand in one place: in the row, at an address, or with Firebreak itself. API keys have no signature. */
function lintPlaceOfKeys(row: IssuerRow): readonly KeyProblem[] {
	const given = [row.jwks, row.jwks_uri].filter((place) => place !== null).length;
	if (row.profile === "api_key" || isOwnIssuer(row)) {
		if (given === 0) return [];
		const why = row.profile === "api_key" ? "API keys carry no signature" : "Firebreak signs its tokens itself";
		return [{ field: "jwks", message: `it has keys, but ${why}`, cure: "leave jwks and jwks_uri out" }];
	}
	if (given === 1) return [];
	const message = given === 0 ? "it has no keys" : "it has both inline keys and a key address";
	return [{ field: "jwks", message, cure: "give either jwks or jwks_uri" }];
}

function lintAlgorithms(row: IssuerRow): readonly KeyProblem[] {
	const cure = `choose among ${SIGNATURE_ALGORITHMS.join(", ")}`;
	const unknown = row.algorithms.filter((alg) => !SIGNATURE_ALGORITHMS.includes(alg));
	if (unknown.length > 0) {
		return [{ field: "algorithms", message: `tokens cannot be verified with ${unknown.join(", ")}`, cure }];
	}
	if (issuerAlgorithms(row).length > 0) return [];
	return [{ field: "algorithms", message: "no algorithm is left that its profile allows", cure }];
}

/** Reads `options`. The result counts only when there are no problems. */
export function readIssuerOptions(row: IssuerRow): { options: IssuerOptions; problems: readonly KeyProblem[] } {
	const problems: KeyProblem[] = [];
	const complain = (message: string, cure: string) => problems.push({ field: "options", message, cure });
	const known = KNOWN_OPTIONS[row.profile] ?? [];
	const given = row.options;
	for (const name of Object.keys(given).filter((name) => !known.includes(name))) {
		complain(`${name} is no option of the profile ${row.profile}`, `use ${known.join(", ") || "no options"}`);
	}
	const text = (name: string): string | null => {
		const value = given[name];
		if (value === undefined || (typeof value === "string" && value !== "")) return value ?? null;
		complain(`${name} is not a text`, `write the name as a text, or leave ${name} out`);
		return null;
	};
	const texts = (name: string): readonly string[] | null => {
		const value = given[name];
		if (value === undefined || isListOfTexts(value)) return value ?? null;
		complain(`${name} is no list of texts`, `write an array of at least one text, or leave ${name} out`);
		return null;
	};
	const options: IssuerOptions = {
		scopeClaim: text("scope_claim") ?? "scope",
		scopeArray: given.scope_array === true,
		idClaim: text("id_claim"),
		subjectClaim: text("subject_claim") ?? "sub",
		tenant: readTenant(text("tenant_claim"), given.tenants),
		trustDomain: readTrustDomain(row.url, text("trust_domain")),
		namespaces: texts("namespaces"),
		requirePod: given.require_pod !== false,
		purposes: texts("purposes"),
		nonce: given.dpop_nonce === true,
	};
	if (given.signer !== undefined && known.includes("signer") && given.signer !== "firebreak") {
		complain("signer is not firebreak", 'write "firebreak", or leave signer out');
	}
	for (const name of ["scope_array", "require_pod", "dpop_nonce"]) {
		const value = given[name];
		if (value === undefined || typeof value === "boolean") continue;
		complain(`${name} is neither true nor false`, "write it as a boolean");
	}
	const wantsTenant = given.tenant_claim !== undefined || given.tenants !== undefined;
	if (wantsTenant && options.tenant === null) {
		complain("tenant_claim and tenants do not go together", "name the claim and an array of the tenants it may hold");
	}
	if (row.profile === "jwt_svid" && options.trustDomain === null) {
		complain(
			"the trust domain whose workloads it speaks for is not known",
			"give trust_domain, or a url like spiffe://example.org",
		);
	}
	return { options, problems };
}

function readTenant(claim: string | null, allowed: unknown): IssuerOptions["tenant"] {
	return claim !== null && isListOfTexts(allowed) ? { claim, allowed } : null;
}

function isListOfTexts(value: unknown): value is readonly string[] {
	return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === "string" && text !== "");
}

/** Both the option and a SPIFFE url present must agree; null when neither names one. */
function readTrustDomain(url: string, option: string | null): string | null {
	const id = parseSpiffeId(url);
	const named = id?.path === "" ? id.trustDomain : null;
	if (option === null) return named;
	const valid = parseSpiffeId(`spiffe://${option}`)?.path === "" && (named ?? option) === option;
	return valid ? option : null;
}
