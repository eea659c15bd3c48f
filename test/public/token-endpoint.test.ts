/** The token endpoint without a wire: outages, and whatever comes in. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FirebreakError } from "../../src/core/errors.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { CredentialVerdict, TokenFacts } from "../../src/core/request.ts";
import type { TokenClaims } from "../../src/issuing/claims.ts";
import { OAuthError } from "../../src/public/oauth-error.ts";
import { exchangeToken, type TokenEndpointOptions } from "../../src/public/token-endpoint.ts";
import { domain, issuer, policy, policySet, segment, snapshotOf } from "../support/policy-set.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const CLIENT = { principal: ORDERS, certificateHash: "H".repeat(43), until: NOW + 1 };
const SNAPSHOT = snapshotOf(
	policySet({
		domains: [domain({ name: "internal" }), domain({ name: "bare" })],
		issuers: [
			issuer({ url: "https://tokens.example.org", domain: "internal", jwks: null, options: { signer: "firebreak" } }),
		],
		segments: [segment({ name: "orders" }), segment({ name: "payments" }), segment({ name: "vault", domain: "bare" })],
		policies: [policy({ name: "read", source: "orders", destination: "payments", scopes: ["r"] })],
	}),
);
const TOKEN: TokenFacts = {
	issuer: "https://id.example.org",
	id: "s-1",
	subject: "alice",
	subjectKind: "user",
	scopes: ["r"],
	allScopes: ["r"],
	issuedAt: NOW / 1_000 - 1,
	expiresAt: NOW / 1_000 + 600,
	keyThumbprint: null,
	bound: null,
	owner: null,
	purpose: null,
	claims: {},
};
const GOOD = {
	grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
	subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
	subject_token: "planted.s3cret.token",
	audience: "payments",
};

let steps: string[];
let registered: TokenClaims[];
beforeEach(() => {
	steps = [];
	registered = [];
});

function options(changes: Partial<TokenEndpointOptions> = {}): TokenEndpointOptions {
	return {
		view: () => ({ snapshot: SNAPSHOT, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW }),
		ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
		authenticator: { authenticate: () => ({ kind: "token", token: TOKEN }) },
		limiter: { take: () => null },
		sign: async () => {
			steps.push("signed");
			return "signed.to.ken";
		},
		register: async (claims) => {
			steps.push("registered");
			registered.push(claims);
		},
		newId: () => "x-1",
		clock: () => NOW,
		...changes,
	};
}

const exchange = (
	changes: Partial<TokenEndpointOptions> = {},
	fields: Record<string, string> = GOOD,
	client: typeof CLIENT | null = CLIENT,
) => exchangeToken(options(changes), client, "10.0.0.7", new Map(Object.entries(fields)));

/** Code and detail of the OAuthError that it ends with. */
async function refusal(work: Promise<unknown>): Promise<string> {
	const error = await work.then(
		() => null,
		(error: unknown) => error,
	);
	if (!(error instanceof OAuthError)) throw error ?? new Error("it was not refused");
	expect(JSON.stringify(error.body)).not.toContain("s3cret");
	return `${error.status} ${error.code} ${error.detail}`;
}

test("the record is written before anybody gets the token", async () => {
	const { body, exchanged } = await exchange();
	expect(body.access_token).toBe("signed.to.ken");
	expect(steps).toEqual(["signed", "registered"]);
	expect(registered[0]).toMatchObject({ jti: "x-1", sub: "alice", cnf: { "x5t#S256": CLIENT.certificateHash } });
	expect(exchanged).toEqual({
		client: ORDERS,
		destination: "payments",
		issuer: "https://tokens.example.org",
		tokenId: "x-1",
		from: { issuer: "https://id.example.org", id: "s-1" },
	});
});

test("one that no server would read is not given, nor recorded", async () => {
	const sign = (length: number) => ({ sign: async () => "a".repeat(length) });
	expect((await exchange(sign(LIMITS.tokenBytes))).body.access_token).toHaveLength(LIMITS.tokenBytes);
	expect(steps).toEqual(["registered"]);
	expect(await refusal(exchange(sign(LIMITS.tokenBytes + 1)))).toBe("400 invalid_target size");
	expect(steps).toEqual(["registered"]);
});

describe("no token is given", () => {
	test.each<[string, string, Partial<TokenEndpointOptions>]>([
		["by policies that are too old", "503 temporarily_unavailable policy_stale", { clock: () => NOW + 1_001 }],
		[
			"by revocations that are too old",
			"503 temporarily_unavailable revocation_stale",
			{ view: () => ({ snapshot: SNAPSHOT, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW - 1_001 }) },
		],
		[
			"beyond the budget",
			"429 too_many_requests throttled",
			{ limiter: { take: () => ({ budget: {} as never, retryAfter: 1 }) } },
		],
	])("%s", async (_name, told, changes) => {
		const until = { ...CLIENT, until: NOW + 10_000 };
		expect(await refusal(exchange(changes, GOOD, until))).toBe(told);
		expect(steps).toEqual([]);
	});

	test.each<[string, CredentialVerdict]>([
		[
			"503 temporarily_unavailable keys_unavailable",
			{ kind: "refused", reason: "keys_unavailable", detail: "no_keys" },
		],
		["400 invalid_request token_revoked token", { kind: "refused", reason: "token_revoked", detail: "token" }],
		[
			"400 invalid_request passport_context network",
			{ kind: "refused", reason: "passport_context", detail: "network" },
		],
		["400 invalid_request token_missing", { kind: "none" }],
	])("%s", async (told, verdict) => {
		expect(await refusal(exchange({ authenticator: { authenticate: async () => verdict } }))).toBe(told);
	});

	test("when no key signs, or the record cannot be written", async () => {
		const away = new FirebreakError("dependency_unreachable", "Postgres is away");
		const fail = async () => {
			throw away;
		};
		await expect(exchange({ sign: fail })).rejects.toBe(away);
		await expect(exchange({ register: fail })).rejects.toBe(away);
		expect(registered).toEqual([]);
	});

	test("with a certificate that is over, for a domain that nobody signs for, and after a wait that outlived the token", async () => {
		expect(await refusal(exchange({}, GOOD, { ...CLIENT, until: NOW }))).toBe("401 invalid_client certificate_expired");
		expect(await refusal(exchange({}, { ...GOOD, audience: "vault" }))).toMatch(/^400 invalid_target/);
		let now = NOW;
		const authenticate = async (): Promise<CredentialVerdict> => {
			now += 900;
			return { kind: "token", token: { ...TOKEN, expiresAt: NOW / 1_000 + 0.5 } };
		};
		expect(await refusal(exchange({ clock: () => now, authenticator: { authenticate } }))).toBe(
			"400 invalid_request expired",
		);
	});
});

test("the subject token is judged as the workload would use it for the destination", async () => {
	const seen: unknown[] = [];
	const authenticate: TokenEndpointOptions["authenticator"]["authenticate"] = (request, demand) => {
		seen.push(
			request.authorization,
			demand.issuers.map(({ url }) => url),
			demand.use,
		);
		return { kind: "token", token: TOKEN };
	};
	await exchange({ authenticator: { authenticate } });
	expect(seen).toEqual([
		["Bearer planted.s3cret.token"],
		["https://tokens.example.org"],
		expect.objectContaining({
			principal: ORDERS,
			source: expect.objectContaining({ name: "orders" }),
			destination: expect.objectContaining({ name: "payments" }),
			address: "10.0.0.7",
			certificateHash: CLIENT.certificateHash,
		}),
	]);
});

test.each([
	["mtls+token", false],
	["mtls+bound-token", true],
] as const)("under %s of the workload's own domain, a subject token has to be bound: %s", async (flow, bound) => {
	const domains = [domain({ name: "internal", flow }), domain({ name: "bare" })];
	const issuers = SNAPSHOT.domains.get("internal")!.issuers;
	const segments = [segment({ name: "orders" }), segment({ name: "payments" })];
	const policies = [policy({ name: "read", source: "orders", destination: "payments", scopes: ["r"] })];
	const snapshot = snapshotOf(policySet({ domains, issuers, segments, policies }));
	const view = () => ({ snapshot, lane: new Lane(), policyConfirmedAt: NOW, laneConfirmedAt: NOW });
	const demanded: boolean[] = [];
	const authenticate: TokenEndpointOptions["authenticator"]["authenticate"] = (_request, demand) => {
		demanded.push(demand.bound);
		return { kind: "token", token: TOKEN };
	};
	await exchange({ view, authenticator: { authenticate } });
	expect(demanded).toEqual([bound]);
});

test("whatever the form says, it ends in a token that is no wider or in an error of the endpoint's own", async () => {
	const value = fc.oneof(
		fc.string({ maxLength: 40 }),
		fc.constantFrom(
			...Object.values(GOOD),
			"r",
			"w",
			"r w",
			ORDERS,
			"spiffe://prod.example.org/ns/payments/sa/payments",
			"orders",
		),
	);
	const names = [
		"scope",
		"resource",
		"audience",
		"client_id",
		"actor_token",
		"requested_token_type",
		"subject_token",
		"x",
	];
	const forms = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 });
	let given = 0;
	await fc.assert(
		fc.asyncProperty(forms, async (fields) => {
			const outcome = await exchange({}, { ...GOOD, ...fields }).catch((error: unknown) => error);
			if (outcome instanceof OAuthError) return;
			if (outcome instanceof Error) throw outcome;
			given++;
			const claims = registered.at(-1)!;
			expect([claims.scope, claims.exp <= TOKEN.expiresAt]).toEqual(["r", true]);
			expect(claims.firebreak.destinations).toEqual(["payments"]);
		}),
		{ numRuns: 400 },
	);
	expect(given).toBeGreaterThan(10);
});
