/** What the parties of the chapter on tokens hold: keys, tokens, and what a thief got hold of. */
import { createHash, X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientResponse, send } from "../client.ts";
import { FIREBREAK_SPIFFE_ID } from "../company.ts";
import { errorOf, migrateUp, runFirebreak } from "../firebreak.ts";
import { dpopProof, jwkThumbprint, type ProofOptions } from "../proofs.ts";
import type { Stage } from "../stage.ts";
import { makeSigningKey, type SigningKey } from "../tokens.ts";

/** As callers know the payments service. */
const PAYMENTS = "payments.internal.example.org";

/** Who signs what `firebreak token` makes, with keys of its own. */
export const ISSUER = "https://tokens.internal.example.org";
const OWN_ISSUER = `select firebreak.issuer(
	url => '${ISSUER}',
	domain => 'internal',
	audiences => array['https://api.internal.example.org'],
	options => '{"signer": "firebreak"}'
);`;

/** A token that was made by the command line. */
export interface Made {
	readonly token: string;
	readonly id: string;
}

export type Headers = Readonly<Record<string, string>>;

export class Kit {
	readonly stage: Stage;
	/** Never leaves the orders service. */
	readonly ordersKey: SigningKey = makeSigningKey("ES256", "orders-dpop");
	readonly thiefsKey: SigningKey = makeSigningKey("ES256", "thief-dpop");
	readonly #kept = new Map<string, string>();
	readonly #made = new Map<string, Made>();

	constructor(stage: Stage) {
		this.stage = stage;
	}

	/** A token of the internal domain's identity provider for the orders service; `claims` are added. */
	foreignToken(claims: Readonly<Record<string, unknown>> = {}, scope = "payments:read"): string {
		return this.stage.issuers.token({ issuer: "internal", subject: "orders", scope, claims });
	}

	/** One that is bound to the key that the orders service holds (RFC 9449). Always the same one. */
	get keyBound(): string {
		return this.keep("key-bound", () => this.foreignToken({ cnf: { jkt: jwkThumbprint(this.ordersKey) } }));
	}

	/** One that is bound to the certificate that the orders service shows (RFC 8705). Always the same one. */
	get certificateBound(): string {
		return this.keep("certificate-bound", () =>
			this.foreignToken({ cnf: { "x5t#S256": this.certificateHash("orders") } }),
		);
	}

	/** base64url(SHA-256(DER)) of a service's certificate. */
	certificateHash(service: string): string {
		const leaf = this.stage.world.pki.services.get(service);
		if (leaf === undefined) throw new Error(`no service ${service}`);
		return createHash("sha256").update(new X509Certificate(leaf.certificate).raw).digest("base64url");
	}

	/** What is kept under a name; made when it is not there. */
	keep(name: string, make: () => string): string {
		let kept = this.#kept.get(name);
		if (kept === undefined) {
			kept = make();
			this.#kept.set(name, kept);
		}
		return kept;
	}

	/** Headers of a request to the payments service with a bearer token. */
	bearer(token: string): Headers {
		return { host: PAYMENTS, authorization: `Bearer ${token}` };
	}

	/** The same with a bound token and its proof. */
	bound(token: string, proof: string): Headers {
		return { host: PAYMENTS, authorization: `DPoP ${token}`, dpop: proof };
	}

	/** A proof for the request of a token to a path of the payments service. */
	proof(key: SigningKey, token: string, path: string, over: Partial<ProofOptions> = {}): string {
		return dpopProof(key, {
			method: "GET",
			uri: `https://${PAYMENTS}${path}`,
			token,
			now: Date.now() / 1_000,
			...over,
		});
	}

	/** States the issuer as a migration, and applies it. */
	async addIssuer(): Promise<void> {
		const { policies, world } = this.stage;
		policies.add("platform", "own_issuer", OWN_ISSUER);
		await migrateUp(world.databaseUrl, policies.path);
	}

	/** Runs a command, with the signing keys of this stage where it needs them, and reads its answer. */
	async run(args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
		const keys = NEEDS_KEYS.has(args.slice(0, 2).join(" ")) ? ["--keys-dir", this.stage.keysFolder ?? ""] : [];
		const finished = await runFirebreak(this.stage.world.databaseUrl, [...args, ...keys, "--json"]);
		if (finished.end !== 0) throw errorOf(finished);
		return JSON.parse(finished.stdout) as Record<string, unknown>;
	}

	/** A token that was made before, by its name; what no service takes when the command that makes it failed. */
	made(name: string): Made {
		return this.#made.get(name) ?? { token: "none", id: "none" };
	}

	/** Keeps the token of an answer of `token issue` or `token rotate`. */
	take(name: string, { token, token_id: id }: Readonly<Record<string, unknown>>): Made {
		const made = { token: String(token), id: String(id) };
		this.#made.set(name, made);
		return made;
	}

	/** A service asks to have a token exchanged (RFC 8693), known by its certificate. */
	exchange(service: string, form: Readonly<Record<string, string>>): Promise<ClientResponse> {
		const { world, firebreak } = this.stage;
		const certificate = world.pki.services.get(service);
		if (certificate === undefined || firebreak.publicPort === undefined) throw new Error("nobody exchanges tokens");
		return send({
			port: firebreak.publicPort,
			authority: world.pki.authority.certificate,
			server: FIREBREAK_SPIFFE_ID,
			certificate,
			method: "POST",
			path: "/oauth/token",
			headers: { "content-type": "application/x-www-form-urlencoded" },
			body: new URLSearchParams(form).toString(),
		});
	}

	/** The orders service reads a payment without a pause, with whatever token it is given, until `over`: every status. */
	async traffic(tokenOf: () => string, over: Promise<unknown>): Promise<readonly number[]> {
		const statuses: number[] = [];
		let stopped = false;
		const stop = () => {
			stopped = true;
		};
		over.then(stop, stop);
		while (!stopped) {
			const call = { from: "orders", to: "payments", path: "/v1/payments/7", headers: this.bearer(tokenOf()) };
			statuses.push((await this.stage.world.send(call)).status);
			await sleep(5);
		}
		return statuses;
	}
}

/** Commands that sign, or make what signs. */
const NEEDS_KEYS: ReadonlySet<string> = new Set(["token issue", "token rotate", "keys rotate"]);
