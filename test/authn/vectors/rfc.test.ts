/** The examples of the standards: each verifies as printed, and no longer with one bit of any byte turned. */
import { describe, expect, test } from "@jest/globals";
import { readJws } from "../../../src/authn/jws.ts";
import { algorithmOf, importKeySet, KeySet } from "../../../src/authn/keys/keyset.ts";
import { isRefusal } from "../../../src/authn/refusal.ts";
import { isSignedBy } from "../../../src/authn/signature.ts";
import { certificateHash } from "../../../src/extauthz/certificate.ts";
import { CERTIFICATE, REFUSED, SIGNED, THUMBPRINTS } from "./rfc.ts";

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

describe.each(SIGNED)("$name", ({ key, jws, payload }) => {
	test("verifies as printed", async () => {
		expect(Buffer.from((readJws(jws) as { payload: Uint8Array }).payload).toString()).toBe(payload);
		expect(await verifies(jws, await keysOf(key))).toBe(true);
	});

	test("does not with one bit of any byte turned", async () => {
		const keys = await keysOf(key);
		const parts = jws.split(".").map((part) => Buffer.from(part, "base64url"));
		const accepted: string[] = [];
		for (const [index, part] of parts.entries()) {
			for (let at = 0; at < part.length; at++) {
				const turned = Buffer.from(part);
				turned[at] = turned[at]! ^ (1 << (at % 8));
				const text = parts.map((same, i) => (i === index ? turned : same).toString("base64url")).join(".");
				if (await verifies(text, keys)) accepted.push(`part ${index}, byte ${at}`);
			}
		}
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
