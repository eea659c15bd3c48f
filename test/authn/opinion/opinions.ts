/** Two opinions on one request: ours, and that of oauth4webapi's validateJwtAccessToken. */
import * as oauth from "oauth4webapi";
import { type CredentialRequest, createAuthenticator } from "../../../src/authn/authenticator.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { AUDIENCE, demandOf, proofMemory, TokenWorld } from "../../support/tokens.ts";

/** Seconds since the epoch: the present, at which both clocks stand still. */
export const NOW = Math.floor(Date.now() / 1000);
export const world = new TokenWorld(NOW);
/** The only issuer that counts. */
export const { main } = world.issuers;

/** A difference between the two, its reason, and what shows it. */
export interface Difference {
	/** What we say; "accepted" where they refuse. */
	readonly ours: string;
	readonly why: string;
	/** By name. */
	readonly cases: readonly string[];
}

const ring = new KeyRing({ clock: () => NOW * 1000, fetch: () => Promise.reject(new Error("nothing is fetched")) });

/** "accepted", or reason and detail. With a memory of its own for each request, since they have none. */
export async function ours(request: CredentialRequest): Promise<string> {
	const authenticator = createAuthenticator({ clock: () => NOW * 1000, keys: ring, replay: proofMemory() });
	const verdict = await authenticator.authenticate(request, demandOf([main]));
	return verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : "accepted";
}

const server: oauth.AuthorizationServer = { issuer: main.url, jwks_uri: "https://id.example.org/jwks" };
const cache: oauth.JWKSCacheInput = {};

/** "accepted", or their error's message. */
export async function theirs({ authorization, dpop, ...rest }: CredentialRequest): Promise<string> {
	try {
		const headers = new Headers();
		for (const value of authorization) headers.append("authorization", value);
		for (const value of dpop) headers.append("dpop", value);
		const request = new Request(`${rest.scheme}://${rest.authority}${rest.rawPath}`, { method: rest.method, headers });
		await oauth.validateJwtAccessToken(server, request, AUDIENCE, {
			[oauth.clockSkew]: NOW - Math.floor(Date.now() / 1000),
			[oauth.clockTolerance]: LIMITS.clockSkewSeconds,
			[oauth.customFetch]: async () => Response.json(main.jwks),
			[oauth.jwksCache]: cache,
			signingAlgorithms: ["ES256", "Ed25519", "EdDSA", "RS256", "PS256"],
		});
		return "accepted";
	} catch (error) {
		return (error as Error).message;
	}
}
