import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type ConnectionOptions, TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Leaf } from "../../demo/pki.ts";
import { type ConnectedCall, EnforcerIdentities } from "../../src/extauthz/enforcer.ts";
import { spiffeIdOf } from "../../src/tls/svid.ts";
import { ORDERS } from "./fixtures.ts";
import { ask, createPki, FIREBREAK, type Pki, TlsHarness } from "./tls-harness.ts";

let pki: Pki;
let harness: TlsHarness;

beforeAll(async () => {
	pki = await createPki();
	jest.spyOn(TLSSocket.prototype, "getPeerCertificate");
});
afterAll(() => {
	jest.restoreAllMocks();
});
beforeEach(() => {
	harness = new TlsHarness(pki);
});
afterEach(() => harness.end());

describe("who asks", () => {
	test("the SPIFFE ID of the proxy's certificate, read once for each connection", async () => {
		await harness.serve();
		const [one, two] = [harness.proxy(), harness.proxy(await pki.authority.issue({ uris: [FIREBREAK] }))];
		expect(await ask(one)).toBe("OK");
		jest.mocked(TLSSocket.prototype.getPeerCertificate).mockClear();
		for (let call = 0; call < 3; call++) expect(await ask(one)).toBe("OK");
		expect(TLSSocket.prototype.getPeerCertificate).not.toHaveBeenCalled();
		expect(await ask(two)).toBe("OK");
		expect(harness.enforcers).toEqual([ORDERS, ORDERS, ORDERS, ORDERS, FIREBREAK]);
	});

	test.each<[name: string, names: { uris?: string[]; dns?: string[] }]>([
		["no name", {}],
		["DNS names only", { dns: ["orders", "spiffe.example.org"] }],
		["two URIs", { uris: [ORDERS, FIREBREAK] }],
		["the same URI twice", { uris: [ORDERS, ORDERS] }],
		["a URI that is no SPIFFE ID", { uris: ["https://example.org/orders"] }],
		["a SPIFFE ID in another spelling", { uris: ["spiffe://Prod.example.org/ns/orders/sa/orders"] }],
		["a URI that pretends to be two names", { uris: [`x, URI:${ORDERS}`] }],
	])("%s is nobody", async (_name, names) => {
		const leaf = await pki.authority.issue(names);
		await harness.serve();
		expect(await ask(harness.proxy(leaf))).toBe("OK");
		expect(harness.enforcers).toEqual([null]);
	});

	test("a SPIFFE ID among DNS names", async () => {
		const leaf = await pki.authority.issue({ uris: [ORDERS], dns: ["orders.example.org"] });
		await harness.serve();
		expect(await ask(harness.proxy(leaf))).toBe("OK");
		expect(harness.enforcers).toEqual([ORDERS]);
	});

	test("the same identity after a session is resumed, as Envoy does", async () => {
		await harness.serve();
		const first = await harness.handshake({});
		expect(await askOnce({ session: first?.session ?? Buffer.alloc(0) })).toEqual({ resumed: true, status: "0" });
		expect(harness.enforcers).toEqual([ORDERS]);
	});
});

describe("without a server", () => {
	test("without its connection at hand, the certificate is read for each call", async () => {
		const raw = derOf(pki.proxy);
		const getAuthContext = jest.fn(() => ({ sslPeerCertificate: { raw } }));
		const identities = new EnforcerIdentities();
		for (const call of [{ getAuthContext }, { getAuthContext, call: {} }, { getAuthContext, call: { stream: {} } }]) {
			expect(identities.of(call)).toBe(ORDERS);
		}
		expect(getAuthContext).toHaveBeenCalledTimes(3);
		const session = {};
		const connected: ConnectedCall = { getAuthContext, call: { stream: { session } } };
		for (let call = 0; call < 3; call++) expect(identities.of(connected)).toBe(ORDERS);
		expect(getAuthContext).toHaveBeenCalledTimes(4);
		expect(identities.of({ getAuthContext: () => ({}) })).toBeNull();
	});

	test("a certificate that cannot be read is an error, not somebody", () => {
		expect(() => spiffeIdOf(Buffer.from("garbage"))).toThrow();
	});
});

function derOf(leaf: Leaf): Buffer {
	return Buffer.from(leaf.certificate.replace(/-----[^-]+-----/g, ""), "base64");
}

/** One empty check over a connection made by hand, since grpc-js keeps no sessions: how it ended. */
async function askOnce(options: ConnectionOptions): Promise<{ resumed: boolean; status: unknown }> {
	const session = connectHttp2(`https://127.0.0.1:${harness.port}`, { ...harness.clientTls(), ...options });
	const stream = session.request({
		":method": "POST",
		":path": "/envoy.service.auth.v3.Authorization/Check",
		"content-type": "application/grpc",
		te: "trailers",
	});
	stream.end(Buffer.alloc(5)).resume();
	const [trailers] = (await once(stream, "trailers")) as [Readonly<Record<string, unknown>>];
	const resumed = (session.socket as TLSSocket).isSessionReused();
	session.close();
	return { resumed, status: trailers["grpc-status"] };
}
