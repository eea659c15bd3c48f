import { createPrivateKey, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type Authority, createAuthority } from "../../demo/pki.ts";

const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";

describe("the throw-away authority", () => {
	let authority: Authority;
	beforeAll(async () => {
		authority = await createAuthority();
	});

	test("signs a leaf that carries one SPIFFE ID and verifies against the authority", async () => {
		const leaf = await authority.issue({ uris: [ORDERS], dns: ["orders.prod.internal"], commonName: "orders" });
		const certificate = new X509Certificate(leaf.certificate);
		expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
		expect(certificate.subjectAltName).toBe(`URI:${ORDERS}, DNS:orders.prod.internal`);
		expect(certificate.subject).toBe("CN=orders");
		expect(certificate.ca).toBe(false);
		expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
		expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBeLessThanOrEqual(3 * 3_600_000);
		expect(Buffer.from(leaf.thumbprint, "base64url").toString("hex")).toBe(
			certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
		);
	});

	test("gives each leaf a key of its own, which fits it", async () => {
		const [one, other] = await Promise.all([authority.issue({ uris: [ORDERS] }), authority.issue({ uris: [ORDERS] })]);
		expect(one.key).not.toBe(other.key);
		expect(new X509Certificate(one.certificate).checkPrivateKey(createPrivateKey(one.key))).toBe(true);
		expect(new X509Certificate(one.certificate).checkPrivateKey(createPrivateKey(other.key))).toBe(false);
	});

	test.each([
		["without a name", {}, undefined],
		["with two SPIFFE IDs", { uris: [ORDERS, "spiffe://prod.example.org/ns/a/sa/a"] }, /^URI:.*orders, URI:.*\/a$/],
		["with a DNS name alone", { dns: ["orders.internal"] }, /^DNS:orders\.internal$/],
	])("makes a certificate %s", async (_what, options, names) => {
		const { subjectAltName } = new X509Certificate((await authority.issue(options)).certificate);
		if (names) expect(subjectAltName).toMatch(names);
		else expect(subjectAltName).toBeUndefined();
	});

	test("makes an expired certificate", async () => {
		const hour = 3_600_000;
		const leaf = await authority.issue({
			uris: [ORDERS],
			notBefore: new Date(Date.now() - 2 * hour),
			notAfter: new Date(Date.now() - hour),
		});
		expect(new X509Certificate(leaf.certificate).validToDate.getTime()).toBeLessThan(Date.now());
	});

	test("does not verify what another authority signed", async () => {
		const stranger = await createAuthority();
		const leaf = await stranger.issue({ uris: [ORDERS] });
		const root = new X509Certificate(authority.certificate);
		expect(new X509Certificate(leaf.certificate).verify(root.publicKey)).toBe(false);
	});
});
