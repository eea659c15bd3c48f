import { rmSync } from "node:fs";
import type { SecureVersion } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Leaf } from "../../demo/pki.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import { ORDERS } from "./fixtures.ts";
import { until } from "./harness.ts";
import { ask, createPki, FIREBREAK, type Pki, RELOAD_MS, TlsHarness } from "./tls-harness.ts";

let pki: Pki;
let harness: TlsHarness;

beforeAll(async () => {
	pki = await createPki();
});
beforeEach(() => {
	harness = new TlsHarness(pki);
});
afterEach(() => harness.end());

describe("who may connect", () => {
	test("nobody without a certificate of the right authority", async () => {
		const strangers = await pki.other.issue({ uris: [ORDERS] });
		const expired = await pki.authority.issue({ uris: [ORDERS], notAfter: new Date(Date.now() - 1_000) });
		await harness.serve();
		expect(await ask(harness.proxy(null))).toBe("UNAVAILABLE");
		expect(await ask(harness.proxy(strangers))).toBe("UNAVAILABLE");
		expect(await ask(harness.proxy(expired))).toBe("UNAVAILABLE");
		expect(await ask(harness.plain())).toBe("UNAVAILABLE");
		expect(await ask(harness.proxy())).toBe("OK");
		expect(harness.enforcers).toEqual([ORDERS]);
	});

	test.each<[SecureVersion, boolean]>([
		["TLSv1.3", true],
		["TLSv1.2", true],
		["TLSv1.1", false],
	])("%s: %s", async (version, accepted) => {
		await harness.serve();
		const ended = await harness.handshake({ minVersion: version, maxVersion: version });
		expect(ended?.version ?? null).toBe(accepted ? version : null);
	});

	test("no cipher of TLS 1.2 that HTTP/2 forbids", async () => {
		await harness.serve();
		const options = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:AES128-SHA:@SECLEVEL=0" } as const;
		expect(await harness.handshake(options)).toBeNull();
	});
});

describe("renewal", () => {
	test("new handshakes use the new files, connections stay", async () => {
		await harness.serve();
		const old = harness.proxy();
		expect(await ask(old)).toBe("OK");

		harness.write(await pki.other.issue({ uris: [FIREBREAK], dns: ["firebreak"] }), pki.other);
		await until(() => harness.reloads.at(-1) === null);
		expect(await ask(old)).toBe("OK");
		expect(await ask(harness.proxy(pki.proxy, pki.other))).toBe("UNAVAILABLE");
		expect(await ask(harness.proxy(await pki.other.issue({ uris: [ORDERS] }), pki.authority))).toBe("UNAVAILABLE");
		expect(await ask(harness.proxy(await pki.other.issue({ uris: [ORDERS] }), pki.other))).toBe("OK");
	});

	test("a session of before cannot be resumed under an authority that is no longer trusted", async () => {
		await harness.serve();
		const first = await harness.handshake({});
		expect((await harness.handshake({ session: first?.session ?? Buffer.alloc(0) }))?.resumed).toBe(true);
		harness.replace("clientCa", pki.other.certificate);
		await until(() => harness.reloads.at(-1) === null);
		expect(await harness.handshake({ session: first?.session ?? Buffer.alloc(0) })).toBeNull();
	});

	test.each<[name: string, spoil: (renewed: Leaf) => void, message: RegExp]>([
		["half written", (renewed) => harness.replace("cert", renewed.certificate), /key does not belong/],
		["garbage", () => harness.replace("cert", "garbage"), /GRPC_TLS_CERT: the file holds no certificate/],
		["an empty key", () => harness.replace("key", ""), /GRPC_TLS_KEY: the file holds no private key/],
		["no authority", () => harness.replace("clientCa", "\n"), /GRPC_TLS_CLIENT_CA: the file holds no certificate/],
		["gone", () => rmSync(harness.files.key), /cannot be read any more/],
	])("%s: the old ones go on, which is told once, and the next good ones are taken", async (_name, spoil, message) => {
		await harness.serve();
		const renewed = await pki.authority.issue({ uris: [FIREBREAK], dns: ["firebreak"] });
		spoil(renewed);
		await until(() => harness.reloads.length > 0);
		expect(harness.reloads[0]?.message).toMatch(message);
		await new Promise((resolve) => setTimeout(resolve, 4 * RELOAD_MS));
		expect(harness.reloads).toHaveLength(1);
		expect(await ask(harness.proxy())).toBe("OK");

		harness.write(renewed, pki.authority);
		await until(() => harness.reloads.at(-1) === null);
		expect(await ask(harness.proxy())).toBe("OK");
	});
});

describe("a start with files that do not fit", () => {
	test.each<[name: string, spoil: (leaf: Leaf) => void, object: string]>([
		["no certificate", () => rmSync(harness.files.cert), "FIREBREAK_GRPC_TLS_CERT"],
		["garbage for it", () => harness.replace("cert", "garbage"), "FIREBREAK_GRPC_TLS_CERT"],
		["no key", () => rmSync(harness.files.key), "FIREBREAK_GRPC_TLS_KEY"],
		["the certificate as key", () => harness.replace("key", pki.server.certificate), "FIREBREAK_GRPC_TLS_KEY"],
		["another's key", (leaf) => harness.replace("key", leaf.key), "FIREBREAK_GRPC_TLS_KEY"],
		["no authority", () => rmSync(harness.files.clientCa), "FIREBREAK_GRPC_TLS_CLIENT_CA"],
		["the key as authority", () => harness.replace("clientCa", pki.server.key), "FIREBREAK_GRPC_TLS_CLIENT_CA"],
	])("%s", async (_name, spoil, object) => {
		spoil(pki.proxy);
		const error = await harness.serve().then(
			() => null,
			(thrown: FirebreakError) => thrown,
		);
		expect(error).toBeInstanceOf(FirebreakError);
		expect(error).toMatchObject({ code: "config_invalid", problems: [{ object }] });
		expect(JSON.stringify([error?.message, error?.problems, String(error?.cause)])).not.toMatch(/PRIVATE|BEGIN/);
	});
});
