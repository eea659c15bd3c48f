/** A company's issuers with real keys, and tokens of them in every shape: for tests of authentication. */
import { createPublicKey } from "node:crypto";
import {
	accessTokenClaims,
	jwksOf,
	makeSigningKey,
	type SigningAlgorithm,
	type SigningKey,
	signBytes,
	signToken,
} from "../../demo/tokens.ts";
import type { CredentialDemand, CredentialRequest } from "../../src/authn/authenticator.ts";
import { MemoryReplay, type MemoryReplayOptions } from "../../src/authn/proof/memory.ts";
import { Turns } from "../../src/authn/turns.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { IssuerRow } from "../../src/core/model.ts";

export const AUDIENCE = "https://payments.example.org";

export function issuerRow(row: Partial<IssuerRow> & Pick<IssuerRow, "url">): IssuerRow {
	return Object.freeze({
		domain: "internal",
		profile: "rfc9068",
		audiences: [AUDIENCE],
		algorithms: ["ES256", "EdDSA", "RS256"],
		max_lifetime: 3_600,
		binding: "none",
		jwks_uri: null,
		jwks: null,
		options: {},
		...row,
	});
}

/** Orders calls payments, both of `prod`; the certificate is not known. */
export const USE: CredentialDemand["use"] = Object.freeze({
	principal: "spiffe://prod.example.org/ns/orders/sa/orders",
	source: { name: "orders", environment: "prod" },
	destination: { name: "payments", environment: "prod" },
	address: "10.1.2.3",
	certificateHash: null,
});

export function demandOf(issuers: readonly IssuerRow[], demand: Partial<CredentialDemand> = {}): CredentialDemand {
	return {
		issuers: Object.freeze([...issuers]),
		bound: false,
		passport: "optional",
		lane: new Lane(),
		use: USE,
		origins: [],
		...demand,
	};
}

/** The request that tests make unless they say otherwise. */
export const REQUEST = {
	method: "POST",
	scheme: "https",
	authority: "payments.example.org",
	rawPath: "/v1/payments",
	authorization: [],
	dpop: [],
} as const satisfies CredentialRequest;

export function bearer(token: string): CredentialRequest {
	return { ...REQUEST, authorization: [`Bearer ${token}`] };
}

/** No time passes, so nothing ever waits for its turn. */
export function endlessTurn(): Turns {
	return new Turns({ stopwatch: () => 0, afterTurn: () => {} });
}

/** A memory of used proofs that began long ago. */
export function proofMemory(options: Partial<MemoryReplayOptions> = {}): MemoryReplay {
	return new MemoryReplay({ since: 0, secret: Buffer.alloc(32, 7), ...options });
}

const URLS = {
	main: "https://id.example.org",
	other: "https://other.example.org",
	spire: "https://spire.example.org",
	trustDomain: "spiffe://td.example.org",
	login: "https://login.example.org",
	tenants: "https://tenants.example.org",
	arrays: "https://arrays.example.org",
	kubernetes: "https://kubernetes.example.org",
	binding: "https://binding.example.org",
	twins: "https://twins.example.org",
	pss: "https://pss.example.org",
	nonced: "https://nonced.example.org",
	partner: "https://partner.example.net",
	podless: "https://podless.example.org",
	namespaced: "https://namespaced.example.org",
	purposeful: "https://purposeful.example.org",
	own: "https://own.example.org",
	keys: "https://keys.example.org",
	unknown: "https://unknown.example.org",
	keycloak: "https://sso.example.org/realms/company",
	entra: "https://login.microsoftonline.com/9f4b8a52-0000-4000-8000-000000000001/v2.0",
	okta: "https://company.okta.com/oauth2/aus1",
	auth0: "https://company.eu.auth0.com/",
	cognito: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc",
	google: "https://accounts.google.com",
} as const;
export type IssuerName = keyof typeof URLS;

const ROWS: Readonly<Partial<Record<IssuerName, Partial<IssuerRow>>>> = {
	spire: { profile: "jwt_svid", options: { trust_domain: "prod.example.org" } },
	trustDomain: { profile: "jwt_svid" },
	login: { profile: "oidc" },
	tenants: {
		profile: "oidc",
		options: { scope_claim: "scp", id_claim: "uti", subject_claim: "oid", tenant_claim: "tid", tenants: ["blue"] },
	},
	arrays: { profile: "oidc", options: { scope_claim: "scp", scope_array: true } },
	kubernetes: { profile: "kubernetes" },
	binding: { binding: "dpop" },
	pss: { algorithms: ["PS256"] },
	nonced: { options: { dpop_nonce: true } },
	partner: { domain: "partner" },
	podless: { profile: "kubernetes", options: { require_pod: false } },
	namespaced: { profile: "kubernetes", options: { namespaces: ["orders"] } },
	purposeful: { options: { purposes: ["export"] } },
	own: { jwks: null, options: { signer: "firebreak" } },
	keys: { profile: "api_key", jwks: null, audiences: [] },
	unknown: { profile: "paseto" as IssuerRow["profile"] },
	keycloak: { profile: "oidc" },
	entra: {
		profile: "oidc",
		options: {
			scope_claim: "scp",
			id_claim: "uti",
			subject_claim: "oid",
			tenant_claim: "tid",
			tenants: ["9f4b8a52-0000-4000-8000-000000000001"],
		},
	},
	okta: { profile: "oidc", options: { scope_claim: "scp", scope_array: true, subject_claim: "uid", id_claim: "jti" } },
	cognito: { profile: "oidc" },
	google: { profile: "oidc" },
};

/** What Firebreak signs with for the domain `internal`; a lane has to tell of it. */
export const OWN_KEY = makeSigningKey("ES256", "own-1");

/** Issuers, their keys, and what signs for them. All but `partner` belong to the domain `internal`. */
export class TokenWorld {
	/** Seconds since the epoch. */
	readonly now: number;
	readonly key: Readonly<Record<"es" | "rs" | "ed" | "es384" | "stranger" | IssuerName, SigningKey>>;
	readonly issuers: Readonly<Record<IssuerName, IssuerRow>>;

	constructor(now: number) {
		this.now = now;
		const make = (alg: SigningAlgorithm, kid: string) => makeSigningKey(alg, kid);
		const names = Object.keys(URLS) as IssuerName[];
		const own = Object.fromEntries(
			names.map((name) => [name, make(name === "pss" ? "PS256" : "ES256", `${name}-1`)]),
		) as Record<IssuerName, SigningKey>;
		this.key = {
			...own,
			own: OWN_KEY,
			es: own.main,
			rs: make("RS256", "main-rs"),
			ed: make("EdDSA", "main-ed"),
			es384: make("ES384", "main-es384"),
			stranger: make("ES256", own.main.kid),
		};
		const { rs, ed, es384 } = this.key;
		const row = (name: IssuerName) => {
			const more = { main: [rs, ed, es384], twins: [make("ES256", "twins-2")] }[name as string] ?? [];
			return issuerRow({ url: URLS[name], jwks: jwksOf(own[name], ...more), ...ROWS[name] });
		};
		this.issuers = Object.fromEntries(names.map((name) => [name, row(name)])) as Record<IssuerName, IssuerRow>;
	}

	/** The issuers of the domain `internal`. */
	get internal(): readonly IssuerRow[] {
		return Object.values(this.issuers).filter(({ domain }) => domain === "internal");
	}

	/** Good claims of an access token of `main`; undefined removes a claim. */
	claims(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
		const { now } = this;
		const options = { issuer: URLS.main, audience: AUDIENCE, subject: "alice", client: "web", scope: "a b", now };
		return { ...accessTokenClaims(options), jti: "token-1", ...over };
	}

	/** A good access token of `main`, but for what is given. */
	token(over: Readonly<Record<string, unknown>> = {}, header: object = {}, key: SigningKey = this.key.es): string {
		return signToken(key, this.claims(over), header);
	}

	/** A token of another issuer, without the claims that only RFC 9068 asks for. */
	tokenOf(name: IssuerName, over: Readonly<Record<string, unknown>> = {}, header: object = {}): string {
		const base = { client_id: undefined, iss: URLS[name], ...over };
		return signToken(this.key[name], this.claims(base), { typ: "JWT", ...header });
	}

	/** A good token with its claims or header replaced by exactly this text, signed as it stands. */
	raw(payload: string | Buffer | null, header: string | Buffer | null = null): string {
		const { alg, kid } = this.key.es;
		return signBytes(
			this.key.es,
			header ?? JSON.stringify({ alg, kid, typ: "at+jwt" }),
			payload ?? JSON.stringify(this.claims()),
		);
	}

	/** The text of good claims with `members` written in front of them. */
	claimsText(members: string): string {
		return JSON.stringify(this.claims()).replace("{", `{${members},`);
	}
}

/** PEM of a key's public half: what the confusion of RS256 with HS256 takes for a secret. */
export function publicPem({ privateKey }: SigningKey): string {
	return createPublicKey(privateKey).export({ type: "spki", format: "pem" }) as string;
}
