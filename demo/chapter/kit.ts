/** What the parties of the chapter on tokens hold: keys, tokens, and what a thief got hold of. */
import { createHash, X509Certificate } from "node:crypto";
import { dpopProof, jwkThumbprint, type ProofOptions } from "../proofs.ts";
import type { Stage } from "../stage.ts";
import { makeSigningKey, type SigningKey } from "../tokens.ts";

/** As callers know the payments service. */
const PAYMENTS = "payments.internal.example.org";

export type Headers = Readonly<Record<string, string>>;

export class Kit {
	readonly stage: Stage;
	/** Never leaves the orders service. */
	readonly ordersKey: SigningKey = makeSigningKey("ES256", "orders-dpop");
	readonly thiefsKey: SigningKey = makeSigningKey("ES256", "thief-dpop");
	readonly #kept = new Map<string, string>();

	constructor(stage: Stage) {
		this.stage = stage;
	}

	/** A token of the internal domain's identity provider for the orders service; `claims` are added. */
	foreignToken(claims: Readonly<Record<string, unknown>> = {}): string {
		return this.stage.issuers.token({ issuer: "internal", subject: "orders", scope: "payments:read", claims });
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
}
