/** Who signs tokens for the example company, with throw-away keys; and tokens of them, good and bad. */
import { accessToken, jwksOf, makeSigningKey, type SigningKey } from "./tokens.ts";

/** An issuer, by the domain that it signs for. */
export type IssuerName = "internal" | "partner" | "public";

/** What stands in a token, beside what every access token has. */
export interface TokenRecipe {
	readonly issuer: IssuerName;
	/** Whom it was issued to. */
	readonly subject: string;
	/** Parted by spaces; none when absent. */
	readonly scope?: string;
	/** Another audience than the domain's own APIs. */
	readonly audience?: string;
	/** Seconds that it lives, five minutes by default; negative for a token that has expired. */
	readonly lifetime?: number;
	/** Signed with a key that is not the issuer's, under its name and key id. */
	readonly forged?: boolean;
	/** Further claims. */
	readonly claims?: Readonly<Record<string, unknown>>;
}

export interface Issuers {
	/** Signs a token; each has an id of its own. */
	token(recipe: TokenRecipe): string;
	/** SQL that states the issuers with these keys in place of the URLs where the example's own would be fetched. */
	readonly sql: string;
}

interface IssuerFacts {
	readonly url: string;
	readonly audience: string;
	readonly profile: "rfc9068" | "oidc";
	readonly maxLifetime: string;
}

/** As migrations/policy states them. */
const FACTS: Readonly<Record<IssuerName, IssuerFacts>> = {
	internal: {
		url: "https://id.internal.example.org",
		audience: "https://api.internal.example.org",
		profile: "rfc9068",
		maxLifetime: "1 hour",
	},
	partner: {
		url: "https://id.partner.example.org",
		audience: "https://api.partner.example.org",
		profile: "rfc9068",
		maxLifetime: "15 minutes",
	},
	public: {
		url: "https://id.public.example.org",
		audience: "https://api.public.example.org",
		profile: "oidc",
		maxLifetime: "1 hour",
	},
};
const NAMES = Object.keys(FACTS) as IssuerName[];

/** Makes keys for every issuer. */
export function createIssuers(): Issuers {
	const keys = new Map(NAMES.map((name) => [name, makeSigningKey(name === "partner" ? "EdDSA" : "ES256", name)]));
	const keyOf = (name: IssuerName): SigningKey => keys.get(name) as SigningKey;
	return {
		token({ issuer, audience, forged, ...recipe }) {
			const facts = FACTS[issuer];
			const key = forged ? makeSigningKey("ES256", keyOf(issuer).kid) : keyOf(issuer);
			return accessToken(key, {
				...recipe,
				issuer: facts.url,
				audience: audience ?? facts.audience,
				now: Date.now() / 1_000,
			});
		},
		sql: NAMES.map((name) => statement(name, keyOf(name))).join("\n"),
	};
}

/** Public keys are base64url: there is nothing in them to escape. */
function statement(domain: IssuerName, key: SigningKey): string {
	const { url, audience, profile, maxLifetime } = FACTS[domain];
	return `select firebreak.issuer(
	url => '${url}',
	domain => '${domain}',
	profile => '${profile}',
	audiences => array['${audience}'],
	max_lifetime => '${maxLifetime}',
	jwks => '${JSON.stringify(jwksOf(key))}'
);
`;
}
