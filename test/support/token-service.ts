/** Firebreak's authorization service on a real gRPC listener, with the issuers of the token world: for cases of tokens. */
import { randomUUID } from "node:crypto";
import { type Authenticator, type CredentialDemand, createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing, type KeyRingOptions } from "../../src/authn/keys/ring.ts";
import type { KeyReport } from "../../src/authn/keys/source.ts";
import type { ReplayMemory } from "../../src/authn/proof/memory.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { DomainRow, IssuerRow } from "../../src/core/model.ts";
import type { PolicyView } from "../../src/core/policy-view.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { type Check, createCheck, type Observation } from "../../src/extauthz/check.ts";
import { CERTIFICATE } from "../authn/vectors/rfc.ts";
import type { Presented } from "../cases/tokens/case.ts";
import type { Answer, TestClient } from "../extauthz/client.ts";
import { Harness } from "../extauthz/harness.ts";
import { checkRequest } from "./check-requests.ts";
import { domain, policy, segment, snapshotOf } from "./policy-set.ts";
import { proofMemory, REQUEST, USE } from "./tokens.ts";

/** How the destination's domain is set up for one request. */
export interface Rules {
	readonly issuers: readonly IssuerRow[];
	readonly domain?: Partial<DomainRow>;
	/** Scopes that the policy demands. */
	readonly scopes?: readonly string[];
	/** Scopes by which another one denies; none: there is no such policy. */
	readonly deniedScopes?: readonly string[];
	/** Of the segment `payments`. */
	readonly origins?: readonly string[];
	/** Who uses the token, where it is not `orders` from its usual address without a certificate. */
	readonly use?: Partial<CredentialDemand["use"]>;
}

/** An answer, as whoever sits behind the proxy and its access log see it. */
export interface TokenAnswer {
	readonly reason: string;
	readonly detail: string | null;
	/** 200 for an allow. */
	readonly status: number;
	readonly challenge: string | null;
	/** DPoP-Nonce, for the caller's next proof. */
	readonly nonce: string | null;
	readonly body: string;
}

const MAX_REVOCATION_AGE = 300_000;
const RULE = { source: "orders", destination: "payments", methods: ["*"] };

export class TokenService {
	/** Milliseconds since the epoch. */
	now: number;
	lane = new Lane();
	/** Milliseconds since the lane was last confirmed. */
	laneAge = 0;
	readonly reports: KeyReport[] = [];
	readonly observations: Observation[] = [];
	readonly errors: unknown[] = [];
	/** Of used proofs; forgotten by {@link reset}. */
	replay: ReplayMemory = proofMemory();
	ring: KeyRing;
	authenticator: Authenticator;
	readonly #start: number;
	readonly #harness = new Harness();
	readonly #snapshots = new Map<string, Snapshot>();
	#snapshot: Snapshot | null = null;
	#check: Check;
	#client: TestClient | undefined;

	constructor(start: number) {
		this.now = this.#start = start;
		this.ring = this.#createRing();
		this.authenticator = this.#createAuthenticator();
		this.#check = this.#createCheck();
	}

	async start(): Promise<void> {
		const server = await this.#harness.start((check, caller) => this.#check(check, caller));
		this.#client = this.#harness.client(server);
	}

	/** Forgets everything that requests and steps left behind. */
	reset(): void {
		this.ring.stop();
		this.now = this.#start;
		this.replay = proofMemory();
		this.lane = new Lane();
		this.laneAge = 0;
		for (const list of [this.reports, this.observations, this.errors]) list.length = 0;
		this.ring = this.#createRing();
		this.authenticator = this.#createAuthenticator();
		this.#check = this.#createCheck();
	}

	/** Another server from now on: it has seen nothing, and shares the keys, the lane and the memory of used proofs. */
	replace(): void {
		this.authenticator = this.#createAuthenticator();
		this.#check = this.#createCheck();
	}

	/** From now on nobody answers what asks whether a proof was used. */
	loseReplayMemory(): void {
		this.replay = { secret: this.replay.secret, has: () => false, add: () => Promise.resolve("unreachable") };
		this.replace();
	}

	/** Revocations that hold from now on, in place of those that arrive by {@link lane}. */
	useLane(lane: Pick<Lane, "revocationOf">): void {
		this.lane = lane as Lane;
	}

	async end(): Promise<void> {
		this.ring.stop();
		await this.#harness.end();
	}

	/** Sends a request for `payments` from `orders`. */
	async ask(request: Presented, rules: Rules): Promise<TokenAnswer> {
		this.#snapshot = this.#snapshotOf(rules);
		return readAnswer(await this.#client!.check(toCheck(request, rules.use ?? {})));
	}

	#snapshotOf({ issuers, domain: over, scopes = [], deniedScopes = [], origins = [] }: Rules): Snapshot {
		const key = JSON.stringify([issuers, over, scopes, deniedScopes, origins]);
		let snapshot = this.#snapshots.get(key);
		if (!snapshot) {
			snapshot = snapshotOf({
				domains: [domain({ name: "internal", ...over }), domain({ name: "partner" })],
				issuers,
				segments: [segment({ name: "orders" }), segment({ name: "payments", origins })],
				policies: [
					policy({ ...RULE, name: "p", scopes }),
					...(deniedScopes.length > 0 ? [policy({ ...RULE, name: "d", effect: "deny", scopes: deniedScopes })] : []),
				],
			});
			this.#snapshots.set(key, snapshot);
		}
		return snapshot;
	}

	#createRing(): KeyRing {
		const options: KeyRingOptions = {
			clock: () => this.now,
			random: () => 0,
			report: (report) => this.reports.push(report),
			timings: { refresh: 3_600_000, retry: 3_600_000 },
		};
		return new KeyRing(options);
	}

	#createAuthenticator(): Authenticator {
		return createAuthenticator({ clock: () => this.now, keys: this.ring, replay: this.replay });
	}

	#createCheck(): Check {
		const view = (): PolicyView => ({
			snapshot: this.#snapshot!,
			lane: this.lane,
			policyConfirmedAt: this.now,
			laneConfirmedAt: this.now - this.laneAge,
		});
		return createCheck({
			view,
			authenticator: this.authenticator,
			limiter: { take: () => null, giveBack() {} },
			ages: { maxPolicyAge: 86_400_000, maxRevocationAge: MAX_REVOCATION_AGE },
			enforcerIdentity: "none",
			clock: () => this.now,
			stopwatch: () => performance.now(),
			newId: randomUUID,
			observe: (observation) => this.observations.push(observation),
			onError: (error) => this.errors.push(error),
		});
	}
}

/** Each header's value a line of its own in bytes, as Envoy sends them with `encode_raw_headers`. */
function toCheck(
	presented: Presented,
	{ certificateHash = null, address = USE.address }: Partial<typeof USE>,
): unknown {
	const { authorization, dpop, method, scheme, authority, rawPath } = { ...REQUEST, ...presented };
	const { attributes } = checkRequest({ method, path: rawPath, host: authority });
	const line = (key: string) => (value: string) => ({ key, rawValue: Buffer.from(value) });
	const lines = [...authorization.map(line("authorization")), ...dpop.map(line("dpop"))];
	const peer = { address: { socketAddress: { address } }, certificate: certificateOf(certificateHash) };
	const http = { ...attributes!.request!.http, scheme, headers: {}, headerMap: { headers: lines } };
	return { attributes: { ...attributes, source: { ...attributes!.source, ...peer }, request: { http } } };
}

/** URL-encoded PEM of the certificate with this hash: that of RFC 8705's example. */
function certificateOf(hash: string | null): string {
	if (hash === null) return "";
	if (hash !== CERTIFICATE.thumbprint) throw new Error(`no certificate has the hash ${hash}`);
	return encodeURIComponent(CERTIFICATE.pem);
}

interface WireAnswer extends Answer {
	readonly deniedResponse?: {
		readonly status?: { readonly code?: number };
		readonly body?: string;
		readonly headers?: readonly { readonly header: { readonly key: string; readonly value: string } }[];
	};
	readonly dynamicMetadata?: { readonly fields: Readonly<Record<string, { readonly stringValue?: string }>> };
}

function readAnswer(answer: Answer): TokenAnswer {
	const { deniedResponse, dynamicMetadata } = answer as WireAnswer;
	const told = (name: string) => dynamicMetadata?.fields[name]?.stringValue ?? null;
	const header = (name: string) => deniedResponse?.headers?.find((some) => some.header.key === name)?.header.value;
	return {
		reason: told("reason") ?? "",
		detail: told("detail"),
		status: deniedResponse ? (deniedResponse.status?.code ?? 0) : 200,
		challenge: header("www-authenticate") ?? null,
		nonce: header("dpop-nonce") ?? null,
		body: deniedResponse?.body ?? "",
	};
}
