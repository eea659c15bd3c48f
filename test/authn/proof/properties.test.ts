/** What holds of bound tokens whatever happens, with a clock that goes as it likes. */
import { afterAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dpopProof, jwkThumbprint } from "../../../demo/proofs.ts";
import { makeSigningKey } from "../../../demo/tokens.ts";
import { type CredentialRequest, createAuthenticator } from "../../../src/authn/authenticator.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import { nonceAt } from "../../../src/authn/proof/nonce.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { CredentialVerdict } from "../../../src/core/request.ts";
import { demandOf, issuerRow, proofMemory, REQUEST, TokenWorld, USE } from "../../support/tokens.ts";

const START = 1_780_000_000;
const world = new TokenWorld(START);
let now = START * 1000;
const clock = () => now;
const ring = new KeyRing({ clock });
afterAll(() => ring.stop());

const holder = makeSigningKey("ES256", "holder");
const stranger = makeSigningKey("ES256", "stranger");
const URI = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;
const CERTIFICATE = "A".repeat(43);
const secret = Buffer.alloc(32, 7);
const nonced = issuerRow({ ...world.issuers.main, options: { dpop_nonce: true } });
const mtls = issuerRow({ ...world.issuers.main, binding: "mtls" });

const dpopToken = (life: number) => world.token({ exp: START + life, cnf: { jkt: jwkThumbprint(holder) } });
const mtlsToken = (life: number) => world.token({ exp: START + life, cnf: { "x5t#S256": CERTIFICATE } });

/** What one request shows; the same one may be shown again and again. */
const shown = fc.record({
	iat: fc.integer({ min: -100, max: 100 }),
	life: fc.integer({ min: 1, max: 300 }),
	kind: fc.constantFrom("dpop", "dpop", "dpop", "bearer", "mtls", "forged", "other key"),
	nonce: fc.constantFrom("none", "now", "old", "made up"),
	method: fc.constantFrom("POST", "POST", "POST", "post"),
});
type Shown = typeof shown extends fc.Arbitrary<infer T> ? T : never;

function requestOf({ iat, life, kind, nonce, method }: Shown, index: number): CredentialRequest {
	if (kind === "mtls") return { ...REQUEST, authorization: [`Bearer ${mtlsToken(life)}`] };
	const token = dpopToken(life);
	if (kind === "bearer") return { ...REQUEST, authorization: [`Bearer ${token}`] };
	const nonces = { none: undefined, now: nonceAt(secret, START * 1000), old: nonceAt(secret, 0), "made up": "x" };
	const made = nonces[nonce as keyof typeof nonces];
	const proof = dpopProof(kind === "other key" ? stranger : holder, {
		method,
		uri: URI,
		token,
		now: START + iat,
		...(made === undefined ? {} : { nonce: made }),
		claims: { jti: `proof-${index}` },
	});
	const dpop = kind === "forged" ? `${proof.slice(0, -8)}AAAAAAAA` : proof;
	return { ...REQUEST, authorization: [`DPoP ${token}`], dpop: [dpop] };
}

const step = fc.record({
	wait: fc.oneof(fc.double({ min: -60, max: 120, noNaN: true }), fc.constant(0)),
	which: fc.nat(3),
	row: fc.constantFrom(world.issuers.main, world.issuers.main, nonced, mtls),
	bound: fc.boolean(),
	certificate: fc.constantFrom(CERTIFICATE, "B".repeat(43), null),
});

test("cached and uncached verdicts are equal at every instant, and a proof is accepted at most once", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(shown, { minLength: 4, maxLength: 4 }),
			fc.array(step, { minLength: 1, maxLength: 10 }),
			async (pool, steps) => {
				now = START * 1000;
				const requests = pool.map(requestOf);
				const seasoned = createAuthenticator({ clock, keys: ring, replay: proofMemory({ secret }) });
				// Its tokens are verified anew each time; which proofs were used is kept.
				const remembered = proofMemory({ secret });
				const fresh = () => createAuthenticator({ clock, keys: ring, replay: remembered });
				const accepted = new Map<string, number>();
				for (const { wait, which, row, bound, certificate } of steps) {
					now += wait * 1000;
					const request = requests[which]!;
					const demand = demandOf([row], { bound, use: { ...USE, certificateHash: certificate } });
					const examined = await fresh().examine(request, demand);
					const verdict = await seasoned.authenticate(request, demand);
					expect(await fresh().authenticate(request, demand)).toEqual(verdict);
					// An explanation says the same, but that it does not ask what was used before.
					if (!isAboutMemory(verdict)) expect(examined).toEqual(verdict);
					if (verdict.kind !== "token") continue;
					expect(isWellShown(pool[which]!, verdict, certificate)).toBe(true);
					const [proof] = request.dpop;
					if (proof !== undefined) accepted.set(proof, (accepted.get(proof) ?? 0) + 1);
				}
				expect([...accepted.values()].every((times) => times === 1)).toBe(true);
			},
		),
		{ numRuns: 60 },
	);
});

const isAboutMemory = (verdict: CredentialVerdict) =>
	verdict.kind === "refused" && (verdict.reason === "proof_replayed" || verdict.detail === "forgotten");

/** An oracle of its own: what every accepted request must have shown. */
function isWellShown({ kind, iat, method }: Shown, verdict: CredentialVerdict, certificate: string | null): boolean {
	if (kind === "mtls") return certificate === CERTIFICATE;
	const age = now / 1000 - (START + iat);
	const inTime = age < LIMITS.proofSeconds + LIMITS.clockSkewSeconds && -age <= LIMITS.clockSkewSeconds;
	return kind === "dpop" && method === "POST" && inTime && verdict.kind === "token" && verdict.token.bound === "dpop";
}
