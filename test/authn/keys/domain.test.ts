/** Keys that a domain signs its own tokens with, as the lane tells of them. */
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeSigningKey, type SigningKey, signToken } from "../../../demo/tokens.ts";
import { type Authenticator, createAuthenticator } from "../../../src/authn/authenticator.ts";
import { DomainKeySource } from "../../../src/authn/keys/domain.ts";
import { KeyRing } from "../../../src/authn/keys/ring.ts";
import { Lane } from "../../../src/core/lane/lane.ts";
import type { IssuerRow } from "../../../src/core/model.ts";
import type { CredentialVerdict } from "../../../src/core/request.ts";
import { AUDIENCE, bearer, demandOf, issuerRow, proofMemory } from "../../support/tokens.ts";

const NOW = 1_780_000_000_000;
const OWN = { options: { signer: "firebreak" }, jwks: null } as const;
const internal = issuerRow({ url: "https://own.example.org", ...OWN });
const partner = issuerRow({ url: "https://partner.example.org", domain: "partner", ...OWN });
const [k1, k2, partners] = ["k1", "k2", "p1"].map((kid) => makeSigningKey("ES256", kid)) as [
	SigningKey,
	SigningKey,
	SigningKey,
];

let now: number;
let lane: Lane;
let authenticator: Authenticator;
const ring = new KeyRing({ clock: () => now, fetch: () => Promise.reject(new Error("nothing is fetched")) });
beforeEach(() => {
	now = NOW;
	lane = new Lane();
	ring.follow([internal, partner]);
	authenticator = createAuthenticator({ clock: () => now, keys: ring, replay: proofMemory() });
});
afterAll(() => ring.stop());

function publish(key: SigningKey, until: number | null = null, domain = "internal", kid = key.kid): void {
	lane.restore({ kind: "domain_key", payload: { domain, kid, jwk: { ...key.jwk, kid }, from: 1 }, until });
}

function tokenOf(key: SigningKey, row: IssuerRow = internal, kid = key.kid): string {
	const seconds = NOW / 1_000;
	const times = { iat: seconds, exp: seconds + 3_000, jti: "t" };
	const claims = { iss: row.url, aud: AUDIENCE, sub: "billing", client_id: "billing", ...times };
	return signToken(key, { ...claims, firebreak: { owner: "o", purpose: "p", kind: "client" } }, { kid });
}

/** `ok`, or the detail of the refusal. */
async function ask(token: string, issuers: readonly IssuerRow[] = [internal]): Promise<string> {
	const verdict: CredentialVerdict = await authenticator.authenticate(bearer(token), demandOf(issuers, { lane }));
	return verdict.kind === "refused" ? verdict.detail : "ok";
}

describe("rotation", () => {
	test("keeps what is in flight: the old key verifies until its end, the new one as soon as it is known", async () => {
		publish(k1);
		const [old, young] = [tokenOf(k1), tokenOf(k2)];
		expect([await ask(old), await ask(young)]).toEqual(["ok", "key_unknown"]);
		publish(k2);
		expect([await ask(old), await ask(young)]).toEqual(["ok", "ok"]);
		publish(k1, NOW + 10_000);
		now = NOW + 9_999;
		expect([await ask(old), await ask(young)]).toEqual(["ok", "ok"]);
		now = NOW + 10_000;
		expect([await ask(old), await ask(young)]).toEqual(["key_unknown", "ok"]);
	});

	test("leaves what is remembered of other keys as it was", async () => {
		publish(k1);
		expect(await ask(tokenOf(k1))).toBe("ok");
		const { miss } = authenticator.counts;
		const token = tokenOf(k1);
		await ask(token);
		publish(k2);
		publish(partners, null, "partner");
		expect(await ask(token)).toBe("ok");
		expect(authenticator.counts.miss).toBe(miss + 1);
	});

	test("withdraws at once, also what was verified before", async () => {
		publish(k1);
		const token = tokenOf(k1);
		expect(await ask(token)).toBe("ok");
		publish(k1, NOW);
		expect(await ask(token)).toBe("key_unknown");
		lane.prune(now, 100);
		expect(await ask(token)).toBe("key_unknown");
	});

	test("a stolen key in quarantine is refused though it is published", async () => {
		publish(k1);
		const token = tokenOf(k1);
		const verdict = await authenticator.authenticate(bearer(token), demandOf([internal], { lane }));
		const name = verdict.kind === "token" ? verdict.token.keyThumbprint : null;
		lane.restore({ kind: "quarantine", payload: { kind: "key", name }, until: null });
		expect(await ask(token)).toBe("key");
	});

	test("of a new lane only its own keys count", async () => {
		publish(k1);
		const token = tokenOf(k1);
		expect(await ask(token)).toBe("ok");
		lane = new Lane();
		expect(await ask(token)).toBe("key_unknown");
		publish(k1);
		expect(await ask(token)).toBe("ok");
	});
});

describe("the key of one domain opens nothing in another", () => {
	const both = [internal, partner];
	test.each<[string, () => string, string]>([
		["the other domain's issuer, with the other's key", () => tokenOf(partners, partner), "ok"],
		["the other domain's key for this issuer", () => tokenOf(partners), "key_unknown"],
		["the other domain's key under the name of one of this", () => tokenOf(partners, internal, "k1"), "signature"],
		["this domain's key for the other issuer", () => tokenOf(k1, partner), "key_unknown"],
		["this domain's key under the name of one of the other", () => tokenOf(k1, partner, "p1"), "signature"],
	])("%s", async (_, token, expected) => {
		publish(k1);
		publish(partners, null, "partner");
		expect(await ask(token(), both)).toBe(expected);
	});

	test("nor where both issuers bear one url after another", async () => {
		publish(k1);
		const token = tokenOf(k1);
		expect(await ask(token)).toBe("ok");
		const moved = issuerRow({ ...internal, domain: "partner" });
		ring.follow([moved]);
		expect(await ask(token, [moved])).toBe("key_unknown");
	});
});

test("keys are imported when the lane changed, and at no other request", () => {
	publish(k1);
	const source = new DomainKeySource("i", "internal");
	source.update(lane.domainKeys, NOW);
	const { keys } = source;
	source.update(lane.domainKeys, NOW + 1);
	expect(source.keys).toBe(keys);
	publish(k2, NOW + 100);
	source.update(lane.domainKeys, NOW + 1);
	expect(source.keys).not.toBe(keys);
	expect(source.keys.keys[0]).toBe(keys.keys[0]);
	source.update(lane.domainKeys, NOW + 100);
	expect(source.keys.keys.map(({ kid }) => kid)).toEqual(["k1"]);
});
