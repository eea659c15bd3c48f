/**
 * A company whose tokens go the whole way, from their issue through exchange to the decision on their use, at instants that
 * the test chooses: all that is real but the wire and Postgres.
 */
import { makeSigningKey, signToken } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import type { Budget } from "../../src/core/budget.ts";
import { rateBudgets, throttleBudgets } from "../../src/core/decide/budgets.ts";
import { conclude, judge, throttle } from "../../src/core/decide/judge.ts";
import { locate } from "../../src/core/decide/locate.ts";
import { route } from "../../src/core/decide/route.ts";
import { RoutedUse } from "../../src/core/decide/use.ts";
import type { Decision } from "../../src/core/decision.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { PolicyRow, RateLimitRow } from "../../src/core/model.ts";
import type { PassportJson } from "../../src/core/passport/passport.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { claimsOf } from "../../src/issuing/claims.ts";
import { planGrant } from "../../src/issuing/grant.ts";
import { exchangeToken } from "../../src/public/token-endpoint.ts";
import { crossing, domain, segment, snapshotOf } from "./policy-set.ts";
import { requestOf, spiffe } from "./requests.ts";
import { bearer, demandOf, endlessTurn, issuerRow, OWN_KEY, proofMemory, TokenWorld } from "./tokens.ts";

/** Seconds since the epoch: a Thursday, 20:26:40 UTC. */
export const NOW = 1_780_000_000;
export const MAIN = "https://id.example.org";
export const OWN = "https://own.example.org";
const PARTNERS = "https://own.example.net";
const PARTNERS_KEY = makeSigningKey("ES256", "partners-1");
const world = new TokenWorld(NOW);
export const SOURCES = ["orders", "web"];
const INSIDE = ["payments", "reports"];
/** The last one is another domain's. */
export const DESTINATIONS = [...INSIDE, "gateway"];
const segments = [
	...[...SOURCES, ...INSIDE].map((name) => segment({ name })),
	...["gateway", "billing"].map((name) => segment({ name, domain: "partner" })),
];

/** Orders and web call payments and reports, and over a crossing the partner's gateway, as the policies let them. */
export function companyOf(policies: readonly PolicyRow[], rate_limits: readonly RateLimitRow[] = []): Snapshot {
	return snapshotOf({
		domains: [domain({ name: "internal" }), domain({ name: "partner" })],
		issuers: [
			world.issuers.main,
			world.issuers.own,
			issuerRow({ url: PARTNERS, domain: "partner", options: { signer: "firebreak" } }),
		],
		segments,
		crossings: [crossing({ name: "over", source_domain: "internal", destination_domain: "partner" })],
		policies,
		rate_limits,
	});
}

/** The token that somebody was given. */
export interface Given {
	readonly issuer: string;
	/** What it carries itself: only tokens of ours do. */
	readonly carried: Partial<PassportJson>;
	readonly registered: {
		readonly passport: Partial<PassportJson>;
		readonly scopes: readonly string[];
		readonly life: number;
	} | null;
	readonly scopes: readonly string[];
	readonly subject: string;
	/** Seconds. */
	readonly life: number;
	readonly notBefore: number | undefined;
	/** To the certificate of this hash, or to none. */
	readonly boundTo: string | null;
	/** That conditions read. */
	readonly told: Readonly<Record<string, unknown>>;
}

/** The token, and what servers know of it; null when nobody would issue it. */
export function issue(given: Given): { readonly lane: Lane; readonly token: string } | null {
	const { issuer, carried, registered, scopes, subject, life, notBefore, boundTo, told } = given;
	const lane = new Lane();
	for (const [name, key] of [["internal", OWN_KEY] as const, ["partner", PARTNERS_KEY] as const]) {
		const payload = { domain: name, kid: key.kid, jwk: key.jwk, from: 1 };
		lane.restore({ kind: "domain_key", payload, until: null });
	}
	if (registered) {
		const passport = { owner: "team", purpose: "work", ...registered.passport };
		const { scopes, life } = registered;
		const payload = { issuer, token_id: "t-1", expires: NOW + life, scopes, passport };
		lane.restore({ kind: "passport", payload, until: null });
	}
	const binding = boundTo === null ? null : { "x5t#S256": boundTo };
	const more = { ...told, ...(notBefore !== undefined && { nbf: NOW + notBefore }) };
	if (issuer === MAIN) {
		const scope = scopes.join(" ");
		const claims = { sub: subject, jti: "t-1", scope, iat: NOW, exp: NOW + life, ...(binding && { cnf: binding }) };
		return { lane, token: world.token({ ...claims, ...more }) };
	}
	const passport = { owner: "platform", purpose: "work", ...carried };
	const grant = planGrant(
		{ subject, scopes, passport, binding, expires: (NOW + life) * 1_000, unused: false },
		{
			issuer: world.issuers.own,
			domain: { name: "internal", flow: "mtls+token" },
			segments: new Map(segments.map((row) => [row.name, row])),
			workloads: new Set([spiffe("orders")]),
			owners: new Set(["platform"]),
			environments: new Set(["prod", "dev"]),
			scopesUsed: new Set(scopes),
		},
		NOW * 1_000,
	);
	if (!("issuer" in grant)) return null;
	return { lane, token: signToken(OWN_KEY, { ...claimsOf(grant, "t-1"), ...more }) };
}

/** Who uses a token where, and when. */
export interface Use {
	readonly source: string;
	readonly destination: string;
	readonly method: string;
	readonly address: string | null;
	readonly certificateHash: string | null;
	/** Seconds after {@link NOW}. */
	readonly after: number;
}

export interface Order extends Pick<Use, "source" | "destination" | "address"> {
	readonly certificateHash: string;
	readonly scope: readonly string[] | undefined;
}

/** What comes of one request. */
export interface Outcome {
	readonly decision: Decision;
	readonly credential: CredentialVerdict;
	/** Of tokens, that it spends. */
	readonly budgets: readonly string[];
}

/** A server of its own, whose clock stands where the test says. */
export class Server {
	readonly #snapshot: Snapshot;
	readonly #lane: Lane;
	readonly #keys = new KeyRing({
		clock: () => this.#now,
		fetch: () => Promise.reject(new Error("nothing is fetched")),
	});
	readonly #authenticator = createAuthenticator({
		clock: () => this.#now,
		keys: this.#keys,
		replay: proofMemory(),
		turns: endlessTurn(),
	});
	#now = NOW * 1_000;

	constructor(snapshot: Snapshot, lane: Lane) {
		this.#snapshot = snapshot;
		this.#lane = lane;
	}

	stop(): void {
		this.#keys.stop();
	}

	/** At NOW. @throws OAuthError */
	async exchange(
		token: string,
		{ source, destination, address, certificateHash, scope }: Order,
		id: string,
	): Promise<string> {
		this.#now = NOW * 1_000;
		const clock = () => this.#now;
		const form: readonly (readonly [string, string])[] = [
			["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
			["subject_token", token],
			["subject_token_type", "urn:ietf:params:oauth:token-type:access_token"],
			["audience", destination],
			...(scope ? [["scope", scope.join(" ")] as const] : []),
		];
		const { body } = await exchangeToken(
			{
				view: () => ({
					snapshot: this.#snapshot,
					lane: this.#lane,
					policyConfirmedAt: clock(),
					laneConfirmedAt: clock(),
				}),
				ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
				authenticator: this.#authenticator,
				limiter: { take: () => null },
				sign: async (name, _view, claims) => signToken(name === "internal" ? OWN_KEY : PARTNERS_KEY, claims),
				register: async () => {},
				newId: () => id,
				clock,
			},
			{ principal: spiffe(source), certificateHash, until: Number.POSITIVE_INFINITY },
			address,
			new Map(form),
		);
		return String(body.access_token);
	}

	/** The whole decision on a request with this token. */
	async check(token: string, use: Use): Promise<Outcome> {
		return this.decide(use, await this.authenticate(token, use, this.#domainOf(use.destination)));
	}

	/** As issuers of a domain count there. */
	async authenticate(token: string, use: Use, of: string): Promise<CredentialVerdict> {
		const routed = this.#route(use);
		const { destination } = routed.input;
		if (!destination.ok) throw new Error(`there is no segment ${use.destination}`);
		const { issuers } = this.#snapshot.domains.get(of)!;
		const demand = demandOf(issuers, { lane: this.#lane, use: new RoutedUse(routed, destination) });
		return this.#authenticator.authenticate(bearer(token), { ...demand, issuers });
	}

	/** With any facts that a credential may have come to. */
	decide(use: Use, credential: CredentialVerdict): Outcome {
		const routed = this.#route(use);
		throttle(routed, throttleBudgets(routed), null);
		const judged = judge(routed, credential);
		const budgets = rateBudgets(judged);
		const ofTokens = budgets.filter(({ kind }: Budget) => kind === "token").map(({ key }) => key);
		return { decision: conclude(judged, budgets, null), credential, budgets: ofTokens };
	}

	#route({ source, destination, method, address, certificateHash, after }: Use) {
		this.#now = (NOW + after) * 1_000;
		const peer = { address, certificateHash };
		return route({
			snapshot: this.#snapshot,
			lane: this.#lane,
			destination: locate(this.#snapshot, null, destination),
			request: requestOf({ from: source, to: destination, method, peer }),
			enforcerIdentity: "none",
			now: this.#now,
			trace: null,
		});
	}

	#domainOf(name: string): string {
		return this.#snapshot.segments.get(name)!.domain;
	}
}
