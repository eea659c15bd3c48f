/**
 * Cases of what happened before the request: keys that were rotated, withdrawn, published twice, or cannot be fetched;
 * revocations after the first sight; proofs that were used. Cases 28 to 30, 35 and 38.
 */
import { dpopProof, jwkThumbprint } from "../../../demo/proofs.ts";
import { accessToken, makeSigningKey, type SigningKey } from "../../../demo/tokens.ts";
import type { CredentialRequest } from "../../../src/authn/authenticator.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { LaneRow } from "../../../src/core/model.ts";
import { AUDIENCE, bearer, REQUEST } from "../../support/tokens.ts";
import type { ServiceExpected } from "./case.ts";

/** Whose keys are fetched; its row is made by whoever knows where they are published. */
export const REMOTE = "https://remote.example.org";

export type Step =
	/** What the issuer publishes from now on, or that its address fails; and one fetch of it. */
	| { readonly publish: readonly SigningKey[] | "down" }
	/** The request is sent, and passes. */
	| "seen"
	/** Seconds go by, during which the lane is confirmed. */
	| { readonly wait: number }
	/** Seconds go by, during which it is not. */
	| { readonly laneOld: number }
	/** From now on another server is asked, that shares the memory of used proofs with the first. */
	| "replica"
	/** From now on that memory cannot be asked. */
	| "memory down"
	/** A row of the revocation lane arrives. */
	| { readonly lane: Pick<LaneRow, "kind" | "payload"> };

export interface Circumstance {
	readonly no: number;
	readonly name: string;
	readonly steps: readonly Step[];
	/** Who signs the token, which is good for an hour from the last step on unless it was seen before. */
	readonly by: SigningKey;
	/** It is bound to a key, and comes with one proof, however often it is sent. */
	readonly proven?: boolean;
	readonly expect: ServiceExpected;
	/** Kinds of what was told of the keys meanwhile, for whoever is to be alerted. */
	readonly told?: readonly string[];
}

const old = makeSigningKey("ES256", "2026-01");
const young = makeSigningKey("ES256", "2026-02");
/** Another key under the old one's name. */
const twin = makeSigningKey("ES256", old.kid);

const holder = makeSigningKey("ES256", "holder");

/** A request with a token of the remote issuer. `now` in seconds since the epoch. */
export function remoteRequest({ by, proven = false }: Circumstance, now: number): CredentialRequest {
	const cnf = proven ? { cnf: { jkt: jwkThumbprint(holder) } } : {};
	const options = { issuer: REMOTE, audience: AUDIENCE, subject: "orders", now, lifetime: 3_600 };
	const token = accessToken(by, { ...options, claims: { jti: "remote-1", ...cnf } });
	if (!proven) return bearer(token);
	const uri = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;
	const proof = dpopProof(holder, { method: REQUEST.method, uri, token, now });
	return { ...REQUEST, authorization: [`DPoP ${token}`], dpop: [proof] };
}

const STALE = LIMITS.jwksStaleMs / 1000;
const revoked = (payload: Record<string, unknown>, kind: LaneRow["kind"] = "revoke_token"): Step => ({
	lane: { kind, payload: { issuer: REMOTE, ...payload } },
});

export const CIRCUMSTANCES: readonly Circumstance[] = [
	{
		no: 28,
		name: "rotation: the old key is still published",
		steps: [{ publish: [old] }, { publish: [old, young] }],
		by: old,
		expect: ["allowed", null],
	},
	{
		no: 28,
		name: "rotation: the new key, which no fetch has shown yet, is looked for",
		steps: [{ publish: [old, young] }],
		by: young,
		expect: ["allowed", null],
	},
	{
		no: 28,
		name: "rotation: the old key is withdrawn",
		steps: [{ publish: [old] }, { publish: [young] }],
		by: old,
		expect: ["token_invalid", "key_unknown"],
	},
	{
		no: 28,
		name: "rotation: the old key is withdrawn while its token is cached",
		steps: [{ publish: [old] }, "seen", { publish: [young] }],
		by: old,
		expect: ["token_invalid", "key_unknown"],
		told: ["changed", "changed"],
	},
	{
		no: 29,
		name: "the keys cannot be fetched: a known one",
		steps: [{ publish: [old] }, { publish: "down" }],
		by: old,
		expect: ["allowed", null],
		told: ["changed", "unreachable"],
	},
	{
		no: 29,
		name: "the keys cannot be fetched: a known one at the end of its time",
		steps: [{ publish: [old] }, { publish: "down" }, { wait: STALE - 60 }],
		by: old,
		expect: ["allowed", null],
	},
	{
		no: 29,
		name: "the keys cannot be fetched: a known one beyond its time",
		steps: [{ publish: [old] }, { publish: "down" }, { wait: STALE }],
		by: old,
		expect: ["keys_unavailable", "stale"],
	},
	{
		no: 29,
		name: "the keys cannot be fetched: an unknown one",
		steps: [{ publish: [old] }, { publish: "down" }],
		by: young,
		expect: ["keys_unavailable", "fetch_failing"],
	},
	{
		no: 29,
		name: "the keys were never fetched",
		steps: [{ publish: "down" }],
		by: old,
		expect: ["keys_unavailable", "no_keys"],
	},
	{
		no: 30,
		name: "two keys of one name: the last good set stays",
		steps: [{ publish: [old] }, { publish: [old, twin] }],
		by: old,
		expect: ["allowed", null],
		told: ["changed", "refused"],
	},
	{
		no: 30,
		name: "two keys of one name: neither of a set that was never good",
		steps: [{ publish: [old, twin] }],
		by: old,
		expect: ["keys_unavailable", "no_keys"],
	},
	{
		no: 30,
		name: "two keys of one name: what else is in the set does not count either",
		steps: [{ publish: [old] }, { publish: [old, twin, young] }],
		by: young,
		expect: ["keys_unavailable", "fetch_failing"],
	},
	{
		no: 35,
		name: "a proof, used once",
		steps: [{ publish: [old] }],
		by: old,
		proven: true,
		expect: ["allowed", null],
	},
	{
		no: 35,
		name: "a proof, used again",
		steps: [{ publish: [old] }, "seen"],
		by: old,
		proven: true,
		expect: ["proof_replayed", "used"],
	},
	{
		no: 35,
		name: "a proof, used again at another server",
		steps: [{ publish: [old] }, "seen", "replica"],
		by: old,
		proven: true,
		expect: ["proof_replayed", "used"],
	},
	{
		no: 35,
		name: "a proof, used again when it is nearly over",
		steps: [{ publish: [old] }, "seen", { wait: LIMITS.proofSeconds + LIMITS.clockSkewSeconds - 1 }],
		by: old,
		proven: true,
		expect: ["proof_replayed", "used"],
	},
	{
		no: 35,
		name: "a proof, used again when it is over",
		steps: [{ publish: [old] }, "seen", { wait: LIMITS.proofSeconds + LIMITS.clockSkewSeconds }],
		by: old,
		proven: true,
		expect: ["proof_invalid", "time"],
	},
	{
		no: 35,
		name: "a proof, while nobody can tell whether it was used",
		steps: [{ publish: [old] }, "memory down"],
		by: old,
		proven: true,
		expect: ["replay_store_down", "unreachable"],
	},
	{
		no: 35,
		name: "a token without a proof, while nobody can tell which were used",
		steps: [{ publish: [old] }, "memory down"],
		by: old,
		expect: ["allowed", null],
	},
	{
		no: 38,
		name: "revoked while it is cached",
		steps: [{ publish: [old] }, "seen", revoked({ token_id: "remote-1" })],
		by: old,
		expect: ["token_revoked", "token"],
	},
	{
		no: 38,
		name: "revoked before it was ever seen",
		steps: [{ publish: [old] }, revoked({ token_id: "remote-1" })],
		by: old,
		expect: ["token_revoked", "token"],
	},
	{
		no: 38,
		name: "another token is revoked",
		steps: [{ publish: [old] }, "seen", revoked({ token_id: "remote-2" })],
		by: old,
		expect: ["allowed", null],
	},
	{
		no: 38,
		name: "everything of its issuer from before an instant, while it is cached",
		steps: [{ publish: [old] }, "seen", revoked({ issued_before: 2 ** 40 }, "revoke_before")],
		by: old,
		expect: ["token_revoked", "before"],
	},
	{
		no: 38,
		name: "cached, and the revocations are too old",
		steps: [{ publish: [old] }, "seen", { laneOld: 301 }],
		by: old,
		expect: ["revocation_stale", "age"],
	},
	{
		no: 38,
		name: "cached, and the revocations are not yet too old",
		steps: [{ publish: [old] }, "seen", { laneOld: 299 }],
		by: old,
		expect: ["allowed", null],
	},
];
