/** Reads recorded decisions back. */
import type { ClientBase } from "pg";
import { FirebreakError } from "../core/errors.ts";
import type { ExplainQuery } from "../core/explanation.ts";
import { ANONYMOUS } from "../core/model.ts";
import type { REASONS } from "../core/reasons.ts";
import type { CredentialReason, CredentialVerdict } from "../core/request.ts";
import { readHead } from "./head.ts";
import { rowsOf, sql } from "./queries.ts";

/** A recorded request as it can be asked again. Of a token's claims only the scopes are recorded. */
export interface RecordedQuestion {
	readonly query: ExplainQuery;
	readonly revision: number;
	/** What the record knows of the credential: why it was refused, or whose it was. */
	readonly credential: CredentialVerdict;
	readonly recorded: { readonly allow: boolean; readonly reason: string };
}

/** @throws FirebreakError not_found */
export async function loadRecordedQuestion(client: ClientBase, id: string): Promise<RecordedQuestion> {
	const [row] = await rowsOf(client, sql.selectFrom("firebreak.decision").selectAll().where("id", "=", id));
	if (!row) {
		throw missing(id, "no record has this id", "ordinary allowed traffic is kept as flows, and old records are pruned");
	}
	const head = await readHead(client);
	if (row.epoch !== head.epoch || row.revision === null) {
		throw missing(
			id,
			"it was made by a policy set of another epoch",
			"its history is in the database that it came from",
		);
	}
	return {
		revision: Number(row.revision),
		query: {
			source: row.source_principal ?? ANONYMOUS,
			destination: row.destination_principal ?? row.destination_segment ?? "unknown",
			method: row.method ?? "GET",
			path: row.path ?? "/",
			headers: row.host === null ? {} : { host: row.host },
			token: null,
			at: row.at.getTime(),
		},
		credential: credentialOf(row),
		recorded: { allow: row.decision === "allow", reason: row.reason },
	};
}

function credentialOf(row: CredentialColumns): CredentialVerdict {
	const { reason, detail, token_scopes: scopes, token_withheld_scopes: withheld } = row;
	if (isCredentialReason(reason)) return { kind: "refused", reason, detail: detail ?? "recorded" };
	return {
		kind: "token",
		token: {
			issuer: row.token_issuer ?? "not recorded",
			id: row.token_id,
			owner: row.token_owner,
			purpose: null,
			subject: "a subject that is not recorded",
			subjectKind: "workload",
			scopes: scopes ?? [],
			allScopes: [...(scopes ?? []), ...(withheld ?? [])],
			issuedAt: null,
			expiresAt: Number.POSITIVE_INFINITY,
			keyThumbprint: null,
			bound: null,
			claims: {},
		},
	};
}

interface CredentialColumns {
	readonly reason: string;
	readonly detail: string | null;
	readonly token_issuer: string | null;
	readonly token_id: string | null;
	readonly token_owner: string | null;
	readonly token_scopes: readonly string[] | null;
	readonly token_withheld_scopes: readonly string[] | null;
}

const CREDENTIAL_REASONS = [
	"credentials_conflict",
	"token_missing",
	"token_invalid",
	"token_revoked",
	"proof_invalid",
	"proof_replayed",
	"proof_nonce",
	"binding_mismatch",
	"passport_missing",
	"passport_context",
	"revocation_stale",
	"replay_store_down",
	"keys_unavailable",
] as const satisfies readonly (CredentialReason & keyof typeof REASONS)[];

const isCredentialReason = (reason: string): reason is CredentialReason =>
	(CREDENTIAL_REASONS as readonly string[]).includes(reason);

const missing = (id: string, message: string, cure: string) =>
	new FirebreakError("not_found", `decision ${JSON.stringify(id.slice(0, 64))} cannot be explained`, {
		problems: [{ object: "decision", message, cure }],
	});
