/**
 * `POST /oauth/token`: token exchange (RFC 8693) for workloads that mutual TLS has identified (RFC 8705, 2). Here the
 * request is read and the subject token verified; what may come of it is issuing/exchange.ts.
 */
import { createHash } from "node:crypto";
import type { Authenticator } from "../authn/authenticator.ts";
import { isApiKey } from "../core/api-key.ts";
import type { Budget, Overdrawn } from "../core/budget.ts";
import { locate } from "../core/decide/locate.ts";
import { identify } from "../core/decide/source.ts";
import { demandOf } from "../core/flow.ts";
import { isOwnIssuer } from "../core/issuer.ts";
import { LIMITS } from "../core/limits.ts";
import type { IssuerRow, SegmentRow } from "../core/model.ts";
import type { PassportJson } from "../core/passport/passport.ts";
import { type AgeLimits, isPolicyStale, laneStaleness, type PolicyView } from "../core/policy-view.ts";
import type { TokenFacts } from "../core/request.ts";
import type { Clock } from "../core/time.ts";
import { type OwnClaim, restrictionsIn, type TokenClaims } from "../issuing/claims.ts";
import { planExchange } from "../issuing/exchange.ts";
import { type Reach, reachOf } from "../issuing/reach.ts";
import { restrictionsOf } from "../issuing/restrictions.ts";
import { isTooLong } from "../issuing/sign.ts";
import type { TlsClient } from "./client.ts";
import { OAuthError } from "./oauth-error.ts";

export interface TokenEndpointOptions {
	readonly view: () => PolicyView;
	readonly ages: AgeLimits;
	readonly authenticator: Pick<Authenticator, "authenticate">;
	readonly limiter: { take(budgets: readonly Budget[]): Overdrawn | null };
	/** Signs with the key of a domain. @throws FirebreakError */
	readonly sign: (domain: string, view: PolicyView, claims: TokenClaims) => Promise<string>;
	/** Writes the record of a token; before it resolves, nobody gets the token. @throws FirebreakError */
	readonly register: (claims: TokenClaims) => Promise<void>;
	readonly newId: () => string;
	readonly clock: Clock;
}

/** What is told of one exchange, for the log: never a token. */
export interface Exchanged {
	readonly client: string;
	readonly destination: string;
	readonly issuer: string;
	readonly tokenId: string;
	/** The token that it was given for. */
	readonly from: { readonly issuer: string; readonly id: string | null };
}

export interface TokenAnswer {
	/** RFC 8693, 2.2.1. Holds the token. */
	readonly body: Readonly<Record<string, string | number>>;
	readonly exchanged: Exchanged;
}

/**
 * @param address of the client, in canonical spelling, or null.
 * @throws OAuthError for what the client is told; FirebreakError for outages.
 */
export async function exchangeToken(
	options: TokenEndpointOptions,
	client: TlsClient | null,
	address: string | null,
	form: ReadonlyMap<string, string>,
): Promise<TokenAnswer> {
	const { view: current, ages, clock, limiter } = options;
	const now = clock();
	const view = current();
	if (client === null) throw new OAuthError("invalid_client", "no_certificate");
	if (now >= client.until) throw new OAuthError("invalid_client", "certificate_expired");
	const overdrawn = limiter.take([budgetOf(client)]);
	if (overdrawn) throw new OAuthError("too_many_requests", "throttled", overdrawn.retryAfter);
	const asked = readRequest(form, client);
	if (isPolicyStale(view, ages, now)) throw new OAuthError("temporarily_unavailable", "policy_stale");
	if (laneStaleness(view, ages, now) !== null) throw new OAuthError("temporarily_unavailable", "revocation_stale");
	const source = identify(view.snapshot, client.principal);
	if (source.kind !== "segment") throw new OAuthError("invalid_client", "source_unknown");
	const reach = reachTo(view, source.segment, client, asked.destination, now);
	const issuer = issuerOf(reach);
	const token = await verify(options, view, asked.subjectToken, { source: source.segment, client, address, reach });
	// What was waited for may have taken its time.
	const instant = clock();
	const restrictions = restrictionsOf(
		token,
		passportOf(token, asked.subjectToken, view, source.segment, instant),
		view.lane,
		instant,
	);
	if (restrictions === null) throw new OAuthError("invalid_request", "restrictions");
	const id = options.newId();
	const subject = { token, ...restrictions };
	const plan = planExchange({ subject, client, reach, issuer, scopes: asked.scopes, id, now: instant });
	if ("error" in plan) throw new OAuthError(plan.error, plan.detail);
	const signed = await options.sign(issuer.domain, view, plan);
	if (isTooLong(signed)) throw new OAuthError("invalid_target", "size");
	await options.register(plan);
	const { exp, iat, scope } = plan;
	return {
		body: {
			access_token: signed,
			issued_token_type: ACCESS_TOKEN,
			token_type: "Bearer",
			expires_in: exp - iat,
			...(scope !== undefined && { scope }),
		},
		exchanged: {
			client: client.principal,
			destination: reach.destination.name,
			issuer: issuer.url,
			tokenId: id,
			from: { issuer: token.issuer, id: token.id },
		},
	};
}

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

interface Asked {
	readonly subjectToken: string;
	/** A segment or a SPIFFE ID. */
	readonly destination: string;
	readonly scopes: readonly string[] | null;
}

/** RFC 8693, 2.1. */
function readRequest(form: ReadonlyMap<string, string>, client: TlsClient): Asked {
	const malformed = (detail: string) => new OAuthError("invalid_request", detail);
	const grant = form.get("grant_type");
	if (grant === undefined) throw malformed("grant_type");
	if (grant !== GRANT) throw new OAuthError("unsupported_grant_type", "grant_type");
	if (form.has("client_secret") || form.has("client_assertion")) throw malformed("two_authentications");
	if ((form.get("client_id") ?? client.principal) !== client.principal)
		throw new OAuthError("invalid_client", "client_id");
	if (form.has("actor_token") || form.has("actor_token_type")) throw malformed("actor_token");
	const subjectToken = form.get("subject_token") ?? "";
	if (subjectToken === "" || subjectToken.length > LIMITS.tokenBytes || !TOKEN.test(subjectToken))
		throw malformed("subject_token");
	const type = form.get("subject_token_type");
	if (type !== ACCESS_TOKEN && type !== JWT) throw malformed("subject_token_type");
	const wanted = form.get("requested_token_type") ?? ACCESS_TOKEN;
	if (wanted !== ACCESS_TOKEN && wanted !== JWT) throw malformed("requested_token_type");
	const { audience, resource } = { audience: form.get("audience"), resource: form.get("resource") };
	const destination = audience ?? resource ?? "";
	if (destination === "" || (audience !== undefined && resource !== undefined)) throw malformed("target");
	if (destination.length > LIMITS.spiffeIdBytes) throw new OAuthError("invalid_target", "size");
	return { subjectToken, destination, scopes: readScopes(form.get("scope")) };
}

/** RFC 6749, 3.3: texts parted by single spaces. */
function readScopes(text: string | undefined): readonly string[] | null {
	if (text === undefined || text === "") return null;
	const scopes = text.split(" ");
	if (scopes.length > LIMITS.listItems || !scopes.every((scope) => SCOPE.test(scope))) {
		throw new OAuthError("invalid_scope", "malformed");
	}
	return scopes;
}

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** RFC 6750, 2.1: nothing that could end one header's value and begin another's. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

function reachTo(view: PolicyView, source: SegmentRow, client: TlsClient, name: string, now: number): Reach {
	const located = locate(view.snapshot, null, name);
	if (!located.ok) throw new OAuthError("invalid_target", located.detail);
	const reach = reachOf(view.snapshot, view.lane, client.principal, source, located.segment, now);
	if (!("allows" in reach)) throw new OAuthError("invalid_target", reach.reason);
	return reach;
}

/**
 * Whose tokens count at the destination. What is exchanged is bound to a certificate, so an issuer that takes proofs alone
 * comes last, and is refused for its binding; the first by its URL when there are several.
 */
function issuerOf({ domain }: Reach): IssuerRow {
	const ours = domain.issuers.filter(isOwnIssuer).toSorted((a, b) => (a.url < b.url ? -1 : 1));
	const issuer = ours.find(({ binding }) => binding !== "dpop") ?? ours[0];
	if (issuer === undefined) throw new OAuthError("invalid_target", "no_issuer");
	return issuer;
}

interface Use {
	readonly source: SegmentRow;
	readonly client: TlsClient;
	readonly address: string | null;
	readonly reach: Reach;
}

/**
 * The subject token as it would count in the workload's own domain, shown by the workload for the destination: its
 * signature, times, revocations, restrictions and bindings. One that is bound needs the workload's own certificate, and where
 * the domain's flow takes bound tokens alone, so does the exchange: what is worth nothing there is worth nothing here.
 */
async function verify(
	{ authenticator }: TokenEndpointOptions,
	{ snapshot, lane }: PolicyView,
	token: string,
	{ source, client, address, reach }: Use,
): Promise<TokenFacts> {
	const domain = snapshot.domains.get(source.domain);
	if (!domain) throw new OAuthError("invalid_client", "domain");
	const request = {
		authorization: [`Bearer ${token}`],
		dpop: [],
		method: "POST",
		scheme: "https",
		authority: "",
		rawPath: "/oauth/token",
	};
	const verdict = await authenticator.authenticate(request, {
		issuers: domain.issuers,
		bound: demandOf(domain.row.flow).bound,
		passport: domain.row.passport,
		lane,
		use: {
			principal: client.principal,
			source,
			destination: reach.destination,
			address,
			certificateHash: client.certificateHash,
		},
		origins: [],
	});
	if (verdict.kind === "token") return verdict.token;
	if (verdict.kind === "refused" && OURS.includes(verdict.reason)) {
		throw new OAuthError("temporarily_unavailable", verdict.reason);
	}
	// RFC 8693, 2.2.2: a subject token that is not acceptable, for whatever cause, is an invalid request.
	const detail = verdict.kind === "refused" ? `${verdict.reason} ${verdict.detail}` : "token_missing";
	throw new OAuthError("invalid_request", detail);
}

/** Refusals that are no fault of the token. */
const OURS: readonly string[] = ["keys_unavailable", "revocation_stale", "replay_store_down"];

/** The passport that the token itself carries, or the API key's. */
function passportOf(
	token: TokenFacts,
	text: string,
	{ snapshot, lane }: PolicyView,
	source: SegmentRow,
	now: number,
): PassportJson | null {
	if (isApiKey(text)) {
		const digest = createHash("sha256").update(text).digest("base64url");
		return lane.registry.apiKey(digest, now)?.passport.json ?? null;
	}
	const issuer = snapshot.domains.get(source.domain)?.issuers.find(({ url }) => url === token.issuer);
	if (issuer === undefined || !isOwnIssuer(issuer)) return null;
	return restrictionsIn(token.claims.firebreak as OwnClaim);
}

function budgetOf({ principal }: TlsClient): Budget {
	const { exchangesPerSecond: perSecond, exchangesBurst: burst } = LIMITS;
	return { kind: "source", key: principal, perSecond, burst, own: true };
}
