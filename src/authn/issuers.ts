import { type IssuerOptions, issuerAlgorithms, isVerifiable, readIssuerOptions } from "../core/issuer.ts";
import type { IssuerRow } from "../core/model.ts";
import { parseSpiffeId } from "../core/spiffe.ts";
import { invalid, type Refusal } from "./refusal.ts";

/** An issuer's row, made ready for judging tokens. One row has one of these, so identity stands for its content. */
export interface Issuer {
	readonly row: IssuerRow;
	/** Whether this version verifies its profile and understands its options. */
	readonly verifiable: boolean;
	readonly options: IssuerOptions;
	/** Allowed algorithms by their canonical names, in the row's order. */
	readonly algorithms: readonly string[];
	readonly audiences: ReadonlySet<string>;
}

const issuers = new WeakMap<IssuerRow, Issuer>();
const directories = new WeakMap<readonly IssuerRow[], ReadonlyMap<string, Issuer>>();

/** The issuer of a row; rows are frozen, so it is made once. */
export function issuerOf(row: IssuerRow): Issuer {
	let issuer = issuers.get(row);
	if (!issuer) {
		const { options, problems } = readIssuerOptions(row);
		issuer = {
			row,
			verifiable: isVerifiable(row.profile) && problems.length === 0,
			options,
			algorithms: issuerAlgorithms(row),
			audiences: new Set(row.audiences),
		};
		issuers.set(row, issuer);
	}
	return issuer;
}

/**
 * Whose token this claims to be, among the issuers that count: by `iss`, compared byte for byte.
 *
 * Only JWT-SVIDs may come without `iss`; their issuer is then the trust domain of `sub`, so that the issuer's url has
 * to be that trust domain's SPIFFE ID (JWT-SVID section 3; the trust bundle is found by the trust domain).
 */
export function findIssuer(rows: readonly IssuerRow[], claims: Readonly<Record<string, unknown>>): Issuer | Refusal {
	const { iss, sub } = claims;
	const directory = directoryOf(rows);
	if (typeof iss === "string") return directory.get(iss) ?? invalid("issuer");
	const workload = iss === undefined && typeof sub === "string" ? parseSpiffeId(sub) : null;
	const issuer = workload && directory.get(`spiffe://${workload.trustDomain}`);
	return issuer?.row.profile === "jwt_svid" ? issuer : invalid("issuer");
}

/** The one of these issuers that has this url. */
export function issuerAmong(rows: readonly IssuerRow[], url: string): Issuer | undefined {
	return directoryOf(rows).get(url);
}

function directoryOf(rows: readonly IssuerRow[]): ReadonlyMap<string, Issuer> {
	let directory = directories.get(rows);
	if (!directory) {
		directory = new Map(rows.map((row) => [row.url, issuerOf(row)]));
		directories.set(rows, directory);
	}
	return directory;
}
