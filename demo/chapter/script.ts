/**
 * The chapter on tokens, `make demo STORY=tokens`: what a stolen token is worth. Told by demo/chapter/play.ts and held by
 * test/e2e/tokens-story.test.ts.
 */
import type { Shown } from "../story.ts";
import {
	type Act,
	ADD_ISSUER,
	closedWindow,
	exchange,
	exchangeForMore,
	FIRST_KEY,
	issue,
	revoke,
	revokeForeign,
	rotateUnderTraffic,
} from "./acts.ts";
import type { Headers, Kit } from "./kit.ts";

/** A request; what it brings along is made when it is sent. */
export interface Scene extends Shown {
	readonly bring: (kit: Kit) => Headers;
}

/** Requests, and the commands between them. */
type Script = readonly (Scene | Act)[];

const PAYMENT = "/v1/payments/7";
const INVALID = 'Bearer realm="firebreak", error="invalid_token"';
const INVALID_PROOF = 'DPoP realm="firebreak", error="invalid_dpop_proof", algs="ES256 EdDSA Ed25519 RS256 PS256"';
const ALLOWED = { status: 200, reason: "allowed", policy: "orders-reads-payments" } as const;
const READ = { from: "orders", to: "payments", path: PAYMENT } as const;

/** Proofs of possession: the key stays with the orders service, whatever else is stolen. */
const PROOFS: readonly Scene[] = [
	{
		...READ,
		row: 1,
		shows: "a token that is bound to a key, with a proof by that key for this one request",
		brings: "token + proof",
		bring: (kit) =>
			kit.bound(
				kit.keyBound,
				kit.keep("proof", () => kit.proof(kit.ordersKey, kit.keyBound, PAYMENT)),
			),
		expect: ALLOWED,
	},
	{
		...READ,
		row: 2,
		shows: "stolen from a log, the token alone is worth nothing, even inside the orders service",
		brings: "stolen token",
		bring: (kit) => kit.bearer(kit.keyBound),
		expect: { status: 401, reason: "binding_mismatch", detail: "proof_missing", challenge: INVALID },
	},
	{
		...READ,
		row: 3,
		shows: "nor with a proof that the thief makes",
		brings: "stolen, thief's proof",
		bring: (kit) => kit.bound(kit.keyBound, kit.proof(kit.thiefsKey, kit.keyBound, PAYMENT)),
		expect: { status: 401, reason: "binding_mismatch", detail: "proof_key", challenge: INVALID },
	},
	{
		...READ,
		row: 4,
		shows: "nor with the proof of row 1, which was stolen too: it was used",
		brings: "stolen, used proof",
		bring: (kit) =>
			kit.bound(
				kit.keyBound,
				kit.keep("proof", () => ""),
			),
		expect: { status: 401, reason: "proof_replayed", detail: "used", challenge: INVALID_PROOF },
	},
	{
		...READ,
		row: 5,
		path: "/v1/payments/8",
		shows: "nor with a proof that was caught on its way, for any other request",
		brings: "stolen, another's proof",
		bring: (kit) => kit.bound(kit.keyBound, kit.proof(kit.ordersKey, kit.keyBound, PAYMENT)),
		expect: { status: 401, reason: "proof_invalid", detail: "target", challenge: INVALID_PROOF },
	},
	{
		...READ,
		row: 6,
		shows: "nor with one that was caught two minutes ago",
		brings: "stolen, old proof",
		bring: (kit) =>
			kit.bound(kit.keyBound, kit.proof(kit.ordersKey, kit.keyBound, PAYMENT, { now: Date.now() / 1_000 - 120 })),
		expect: { status: 401, reason: "proof_invalid", detail: "time", challenge: INVALID_PROOF },
	},
];

/** Certificate binding: the same without any work for the caller, whose sidecar shows the certificate anyway. */
const CERTIFICATES: readonly Scene[] = [
	{
		...READ,
		row: 7,
		shows: "a token that is bound to the certificate of the orders service",
		brings: "certificate-bound",
		bring: (kit) => kit.bearer(kit.certificateBound),
		expect: ALLOWED,
	},
	{
		...READ,
		row: 8,
		from: "storefront",
		shows: "stolen by the storefront, it is worth nothing behind any other certificate",
		brings: "stolen, cert.-bound",
		bring: (kit) => kit.bearer(kit.certificateBound),
		expect: { status: 401, reason: "binding_mismatch", detail: "certificate", challenge: INVALID },
	},
];

/** Firebreak's own tokens: each is cut to what it is for, and refused everywhere else. */
const RESTRICTIONS: Script = [
	ADD_ISSUER,
	FIRST_KEY,
	issue("elsewhere", "a token for the data centre alone", "--network", "10.20.0.0/16"),
	{
		...READ,
		row: 9,
		shows: "from any other network it is refused",
		brings: "for 10.20.0.0/16",
		bring: (kit) => kit.bearer(kit.made("elsewhere").token),
		expect: { status: 403, reason: "passport_context", detail: "network" },
	},
	issue("later", "a token for a time of the day that is not now", "--window", closedWindow),
	{
		...READ,
		row: 10,
		shows: "outside its times it is refused",
		brings: "for other hours",
		bring: (kit) => kit.bearer(kit.made("later").token),
		expect: { status: 403, reason: "passport_context", detail: "window" },
	},
	issue(
		"cut",
		"a token for orders, for payments, from here",
		...["--source", "orders", "--destination", "payments", "--network", "127.0.0.0/8"],
	),
	{
		...READ,
		row: 11,
		shows: "where it was made for, it passes",
		brings: "for this",
		bring: (kit) => kit.bearer(kit.made("cut").token),
		expect: ALLOWED,
	},
	{
		...READ,
		row: 12,
		from: "storefront",
		shows: "stolen by the storefront, it is worth nothing there",
		brings: "stolen, for orders",
		bring: (kit) => kit.bearer(kit.made("cut").token),
		expect: { status: 403, reason: "passport_context", detail: "source" },
	},
];

/** A broad token never travels further than the service that holds it. */
const EXCHANGE: Script = [
	exchange("exchanged", "payments:read"),
	{
		...READ,
		row: 13,
		shows: "the token that it got opens what it was cut to",
		brings: "exchanged",
		bring: (kit) => kit.bearer(kit.made("exchanged").token),
		expect: ALLOWED,
	},
	{
		...READ,
		row: 14,
		to: "orders",
		path: "/v1/orders/7",
		shows: "no other service takes it",
		brings: "exchanged",
		bring: (kit) => kit.bearer(kit.made("exchanged").token),
		expect: { status: 403, reason: "passport_context", detail: "destination" },
	},
	{
		...READ,
		row: 15,
		from: "storefront",
		shows: "and nobody but the orders service can use it: it is bound to its certificate",
		brings: "stolen, exchanged",
		bring: (kit) => kit.bearer(kit.made("exchanged").token),
		expect: { status: 401, reason: "binding_mismatch", detail: "certificate", challenge: INVALID },
	},
	exchangeForMore("payments:write"),
];

/** New keys and new tokens in the place of old ones, while requests go on. */
const ROTATION: Script = [
	rotateUnderTraffic("cut"),
	{
		...READ,
		row: 16,
		shows: "after the overlap the old token is dead",
		brings: "the old token",
		bring: (kit) => kit.bearer(kit.made("cut, before").token),
		expect: { status: 401, reason: "token_revoked", detail: "token", challenge: INVALID },
	},
	{
		...READ,
		row: 17,
		shows: "and the new one lives",
		brings: "the new token",
		bring: (kit) => kit.bearer(kit.made("cut").token),
		expect: ALLOWED,
	},
];

/** Revocation at once, of any issuer's tokens, with a receipt. */
const REVOCATION: Script = [
	revoke("cut"),
	{
		...READ,
		row: 18,
		shows: "a revoked token is refused, though every server had verified it before",
		brings: "revoked",
		bring: (kit) => kit.bearer(kit.made("cut").token),
		expect: { status: 401, reason: "token_revoked", detail: "token", challenge: INVALID },
	},
	revokeForeign,
	{
		...READ,
		row: 19,
		shows: "so is one of the company's identity provider, proof and all",
		brings: "revoked + proof",
		bring: (kit) => kit.bound(kit.keyBound, kit.proof(kit.ordersKey, kit.keyBound, PAYMENT)),
		expect: { status: 401, reason: "token_revoked", detail: "token", challenge: INVALID },
	},
];

/** In this order: some lines stand on what others did. */
export const SCRIPT: Script = [...PROOFS, ...CERTIFICATES, ...RESTRICTIONS, ...EXCHANGE, ...ROTATION, ...REVOCATION];
export const SCENES: readonly Scene[] = SCRIPT.filter((part): part is Scene => "bring" in part);
