/** The examples of the standards: each verifies as printed, and no longer with one bit of any byte turned. */
import { hash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { readJws } from "../../../src/authn/jws.ts";
import { algorithmOf, importKeySet, KeySet } from "../../../src/authn/keys/keyset.ts";
import { ProofJudge } from "../../../src/authn/proof/judge.ts";
import { isRefusal } from "../../../src/authn/refusal.ts";
import { isSignedBy } from "../../../src/authn/signature.ts";
import { eventLoopTurns } from "../../../src/authn/turns.ts";
import { certificateHash } from "../../../src/extauthz/certificate.ts";
import { proofMemory } from "../../support/tokens.ts";
import { CERTIFICATE, DPOP, REFUSED, SIGNED, THUMBPRINTS } from "./rfc.ts";

async function keysOf(key: object): Promise<KeySet> {
	const set = await importKeySet({ keys: [key] }, "rfc9068", null);
	if (!(set instanceof KeySet)) throw new Error(`no sound key: ${JSON.stringify(set)}`);
	return set;
}

/** Whether the key signed it, by our whole path from text to verdict. */
async function verifies(text: string, keys: KeySet): Promise<boolean> {
	const jws = readJws(text);
	if (isRefusal(jws)) return false;
	const key = keys.find(jws.kid, jws.alg, [jws.alg]);
	return key !== null && algorithmOf(key, [jws.alg]) === jws.alg && isSignedBy(text, jws.alg, key);
}

/** A compact JWS with one bit turned, for each byte of its three parts: where, and the text. */
function* turned(jws: string): Generator<readonly [at: string, text: string]> {
	const parts = jws.split(".").map((part) => Buffer.from(part, "base64url"));
	for (const [index, part] of parts.entries()) {
		for (let at = 0; at < part.length; at++) {
			const bytes = Buffer.from(part);
			bytes[at] = bytes[at]! ^ (1 << (at % 8));
			const text = parts.map((same, i) => (i === index ? bytes : same).toString("base64url")).join(".");
			yield [`part ${index}, byte ${at}`, text];
		}
	}
}

describe.each(SIGNED)("$name", ({ key, jws, payload }) => {
	test("verifies as printed", async () => {
		expect(Buffer.from((readJws(jws) as { payload: Uint8Array }).payload).toString()).toBe(payload);
		expect(await verifies(jws, await keysOf(key))).toBe(true);
	});

	test("does not with one bit of any byte turned", async () => {
		const keys = await keysOf(key);
		const accepted: string[] = [];
		for (const [at, text] of turned(jws)) if (await verifies(text, keys)) accepted.push(at);
		expect(accepted).toEqual([]);
	});
});

test.each(REFUSED)("$name is refused: $detail", ({ jws, detail }) => {
	expect(readJws(jws)).toMatchObject({ reason: "token_invalid", detail });
});

test.each(THUMBPRINTS)("thumbprint of $name", async ({ key, thumbprint }) => {
	expect((await keysOf(key)).keys[0]?.thumbprint).toBe(thumbprint);
});

test("thumbprint of a certificate: RFC 8705, appendix A", () => {
	expect(certificateHash(encodeURIComponent(CERTIFICATE.pem))).toBe(CERTIFICATE.thumbprint);
});

describe("the protected resource request of RFC 9449, 7.1", () => {
	const { hostname, pathname } = new URL(DPOP.uri);
	const demand = {
		key: DPOP.jkt,
		tokenHash: hash("sha256", DPOP.token, "base64url"),
		request: { method: DPOP.method, scheme: "https", authority: hostname, rawPath: pathname },
		origins: [],
		nonce: false,
		remember: true,
		source: "client",
	};
	const judge = (proof: string, over: Partial<typeof demand> = {}, now = DPOP.iat) =>
		new ProofJudge(proofMemory(), eventLoopTurns()).judge(proof, { ...demand, ...over }, now * 1000);

	test("its proof holds, once", async () => {
		expect(demand.tokenHash).toBe(DPOP.ath);
		const proofs = new ProofJudge(proofMemory(), eventLoopTurns());
		expect(await proofs.judge(DPOP.proof, demand, DPOP.iat * 1000)).toEqual({ kind: "proven", nonce: null });
		expect(await proofs.judge(DPOP.proof, demand, DPOP.iat * 1000)).toMatchObject({ reason: "proof_replayed" });
	});

	test("not for another method, URI, token or key, nor at another time", async () => {
		const over = { ...demand.request };
		expect(await judge(DPOP.proof, { request: { ...over, method: "POST" } })).toMatchObject({ detail: "method" });
		expect(await judge(DPOP.proof, { request: { ...over, rawPath: "/other" } })).toMatchObject({ detail: "target" });
		expect(await judge(DPOP.proof, { tokenHash: DPOP.jkt })).toMatchObject({ detail: "token_hash" });
		expect(await judge(DPOP.proof, { key: DPOP.ath })).toMatchObject({ reason: "binding_mismatch" });
		expect(await judge(DPOP.proof, {}, DPOP.iat + 3_600)).toMatchObject({ detail: "time" });
		expect(await judge(DPOP.proof, {}, DPOP.iat - 3_600)).toMatchObject({ detail: "time" });
	});

	test("nor with one bit of any byte turned", async () => {
		const accepted: string[] = [];
		for (const [at, text] of turned(DPOP.proof)) if ((await judge(text)).kind === "proven") accepted.push(at);
		expect(accepted).toEqual([]);
	});
});
