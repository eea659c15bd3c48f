import { expect, test } from "@jest/globals";
import { createAuthority } from "../../demo/pki.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { certificateHash } from "../../src/extauthz/certificate.ts";
import { ORDERS } from "./fixtures.ts";

test("the hash is the certificate's thumbprint, as often as it is asked for", async () => {
	const authority = await createAuthority();
	const [one, other] = await Promise.all([authority.issue({ uris: [ORDERS] }), authority.issue({ uris: [ORDERS] })]);
	for (let round = 0; round < 2; round++) {
		expect(certificateHash(encodeURIComponent(one.certificate))).toBe(one.thumbprint);
		expect(certificateHash(encodeURIComponent(other.certificate))).toBe(other.thumbprint);
	}
	expect(one.thumbprint).not.toBe(other.thumbprint);
});

test("nothing is made of what is no certificate", async () => {
	const { key, certificate } = await (await createAuthority()).issue({});
	const texts = [
		"",
		"%",
		"%00",
		"garbage",
		encodeURIComponent("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		encodeURIComponent(key),
		encodeURIComponent(certificate).slice(0, 300),
		encodeURIComponent(certificate.padEnd(LIMITS.certificateBytes + 1)),
	];
	for (const text of [...texts, ...texts]) expect(certificateHash(text)).toBeNull();
});
