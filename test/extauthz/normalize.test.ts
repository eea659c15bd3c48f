import { describe, expect, test } from "@jest/globals";
import { createAuthority } from "../../demo/pki.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { PathException } from "../../src/core/model.ts";
import { destinationOf, normalize } from "../../src/extauthz/normalize.ts";
import { decodeCheckRequest } from "../../src/extauthz/proto.ts";
import type { CheckRequest } from "../../src/extauthz/wire.ts";
import { checkOf, ORDERS, PAYMENTS, type Told } from "./fixtures.ts";

const requestOf = (told: Told, exceptions: readonly PathException[] = []) => {
	const result = normalize(checkOf(told), null, exceptions);
	if (!result.ok) throw new Error(`refused: ${result.detail}`);
	return result.request;
};
const detailOf = (check: CheckRequest) => {
	const result = normalize(check, null, []);
	return result.ok ? null : result.detail;
};

const HEADERS = {
	":method": "GET",
	":path": "/v1/payments/42?expand=lines",
	":authority": "payments.internal:8443",
	":scheme": "https",
	"user-agent": "orders/1.4",
	authorization: "Bearer abc",
};
const raw = (lines: Readonly<Record<string, string>>) =>
	Object.entries(lines).map(([key, rawValue]) => ({ key, rawValue }));

describe("a request that is in order", () => {
	const expected = {
		enforcer: "spiffe://prod.example.org/ns/edge/sa/envoy",
		peer: { principal: ORDERS, address: "10.0.0.7" },
		forwarded: null,
		destinationPrincipal: PAYMENTS,
		destinationHint: "payments",
		method: "GET",
		scheme: "https",
		host: "payments.internal",
		authority: "payments.internal:8443",
		rawPath: "/v1/payments/42",
		path: "/v1/payments/42",
		segments: ["v1", "payments", "42"],
		query: "expand=lines",
		headers: { "user-agent": "orders/1.4", authorization: "Bearer abc" },
		upgrade: null,
		authorization: ["Bearer abc"],
		dpop: [],
	};

	test.each([
		["joined headers", { headers: HEADERS }],
		["raw headers", { raw: raw(HEADERS) }],
		["header_map with values", { raw: Object.entries(HEADERS).map(([key, value]) => ({ key, value })) }],
	])("%s", (_name, told) => {
		const result = normalize(checkOf({ ...told, hint: "payments" }), expected.enforcer, []);
		const request = result.ok ? { ...result.request, headers: { ...result.request.headers } } : null;
		expect(request).toMatchObject(expected);
		expect(Object.keys(request ?? {}).sort()).toEqual(Object.keys(expected).sort());
		expect(request?.peer.certificateHash).toBeNull();
	});

	test("without any header", () => {
		expect(requestOf({})).toMatchObject({ headers: {}, authorization: [], dpop: [], forwarded: null, upgrade: null });
	});

	test("headers carry no prototype, and names of it are names", () => {
		const { headers } = requestOf({ raw: raw({ ["__proto__"]: "x", constructor: "y" }) });
		expect(Object.getPrototypeOf(headers)).toBeNull();
		expect(Object.entries(headers)).toEqual([
			["__proto__", "x"],
			["constructor", "y"],
		]);
	});

	test("who is not there is null", () => {
		const request = requestOf({ principal: "", destination: "", address: "" });
		expect(request.peer).toMatchObject({ principal: null, address: null });
		expect(request.destinationPrincipal).toBeNull();
		expect(request.destinationHint).toBeNull();
	});

	test.each(["\u0000", "spiffe://prod.example.org/ns/orders\u0000", "orders;admin", "CN=orders", " "])(
		"the principal %j is handed on untouched",
		(principal) => {
			expect(requestOf({ principal }).peer.principal).toBe(principal);
		},
	);

	test("pipe and internal addresses are no addresses", () => {
		for (const address of [{ pipe: { path: "/run/x" } }, { envoyInternalAddress: {} }, {}, null, 7]) {
			const check = checkOf();
			const source = { ...check.attributes?.source, address };
			const result = normalize({ attributes: { ...check.attributes, source } } as CheckRequest, null, []);
			expect(result.ok && result.request.peer.address).toBeNull();
		}
	});

	test("the certificate's hash", async () => {
		const leaf = await (await createAuthority()).issue({ uris: [ORDERS] });
		const { peer } = requestOf({ certificate: encodeURIComponent(leaf.certificate) });
		expect(peer.certificateHash).toBe(leaf.thumbprint);
		expect(JSON.stringify(peer)).not.toContain("CERTIFICATE");
	});
});

describe("security headers", () => {
	test("two credentials are two, joined ones one with its comma", () => {
		const twice = [
			{ key: "authorization", rawValue: "Bearer a" },
			{ key: "authorization", rawValue: "DPoP b" },
			{ key: "dpop", rawValue: "p" },
			{ key: "dpop", rawValue: "q" },
		];
		expect(requestOf({ raw: twice })).toMatchObject({ authorization: ["Bearer a", "DPoP b"], dpop: ["p", "q"] });
		expect(requestOf({ headers: { authorization: "Bearer a,Bearer b" } }).authorization).toEqual(["Bearer a,Bearer b"]);
	});

	test("forwarded certificates, also in several lines", () => {
		const header = `By=x;URI=${ORDERS}`;
		expect(requestOf({ headers: { "x-forwarded-client-cert": header } }).forwarded).toEqual([ORDERS]);
		expect(requestOf({ headers: { "x-forwarded-client-cert": "root" } }).forwarded).toEqual([]);
		const lines = [header, `By=x;URI=${PAYMENTS}`].map((rawValue) => ({ key: "X-Forwarded-Client-Cert", rawValue }));
		expect(requestOf({ raw: lines }).forwarded).toEqual([PAYMENTS, ORDERS]);
	});

	test("what a client forges of ours is no error, and what it forges of the proxy's is not believed", () => {
		const request = requestOf({
			headers: {
				"x-firebreak-subject": "root",
				"x-firebreak-anything": "x",
				"x-envoy-original-path": "/admin",
				"x-forwarded-proto": "http",
				"x-forwarded-uri": "/admin",
				"x-forwarded-for": "127.0.0.1",
				"x-real-ip": "127.0.0.1",
			},
		});
		expect(request).toMatchObject({ path: "/v1/payments/42", scheme: "https", peer: { address: "10.0.0.7" } });
	});

	test("upgrades", () => {
		expect(requestOf({ headers: { upgrade: "WebSocket", connection: "Upgrade" } }).upgrade).toBe("websocket");
		const extended = requestOf({ method: "CONNECT", headers: { ":method": "CONNECT", ":protocol": "websocket" } });
		expect(extended).toMatchObject({ method: "CONNECT", upgrade: "websocket" });
		expect(requestOf({ headers: { connection: "upgrade" } }).upgrade).toBeNull();
	});
});

/** What is changed, and the detail of the refusal. */
const REFUSED: readonly (readonly [detail: string, told: Told])[] = [
	["method_empty", { method: "" }],
	["method_not_token", { method: "GE T" }],
	["method_connect", { method: "CONNECT", path: "" }],
	["host_empty", { host: "" }],
	["host_several", { host: "a.example,b.example" }],
	["path_empty", { path: "" }],
	["path_not_absolute", { path: "payments.v1.Payments/Refund" }],
	["dot_segment", { path: "/public/../admin" }],
	["encoded_slash", { path: "/public%2f..%2fadmin" }],
	["scheme_unknown", { scheme: "javascript" }],
	["scheme_unknown", { scheme: "https " }],
	["method_override", { headers: { "x-http-method-override": "DELETE" } }],
	["path_override", { headers: { "x-original-url": "/admin" } }],
	["path_override", { headers: { "X-Rewrite_URL": "/admin" } }],
	["header_altered", { raw: raw({ "x-forwarded-for": "10.0.0.7\ufffd" }) }],
	["header_control", { headers: { x: "a\u0000" } }],
	["header_name", { headers: { "x ": "a" } }],
	["header_altered", { raw: raw({ authorization: "Bearer \ufffd" }) }],
	["duplicate_header", { raw: [...raw({ host: "payments.internal:8443" }), ...raw({ host: "evil.example" })] }],
	["upgrade_several", { headers: { upgrade: "websocket, h2c" } }],
	["upgrade_several", { headers: { upgrade: "h2c", ":protocol": "websocket" } }],
	["connection_option", { headers: { connection: "close, x-firebreak-principal" } }],
	["pseudo_header_mismatch", { headers: { ":path": "/v1/other" } }],
	["pseudo_header_mismatch", { headers: { ":method": "DELETE" } }],
	["pseudo_header_mismatch", { headers: { ":authority": "evil.example" } }],
	["pseudo_header_mismatch", { headers: { ":scheme": "http" } }],
	["pseudo_header_mismatch", { headers: { host: "evil.example" } }],
	["headers_twice", { headers: { x: "a" }, raw: raw({ x: "a" }) }],
];

describe("refusals", () => {
	test.each(REFUSED)("%s: %j", (detail, told) => {
		expect(detailOf(checkOf(told))).toBe(detail);
	});

	test("nothing to read", () => {
		expect(detailOf({ malformed: true })).toBe("message_malformed");
		expect(detailOf(decodeCheckRequest(Buffer.from([0x0a, 0xff])))).toBe("message_malformed");
		expect(detailOf(decodeCheckRequest(Buffer.alloc(0)))).toBe("http_missing");
		for (const check of [{}, { attributes: null }, { attributes: {} }, { attributes: { request: { http: null } } }]) {
			expect(detailOf(check)).toBe("http_missing");
		}
	});

	test("the facts are safe to keep: bounded, printable, without query or headers", () => {
		const check = checkOf({
			method: `G\r\n${"E".repeat(100)}`,
			path: `/\u001b[2J\u0000é${"a".repeat(10_000)}?token=secret`,
			host: "a\nb",
			headers: { authorization: "Bearer secret" },
			hint: "payments",
		});
		const result = normalize(check, "spiffe://prod.example.org/envoy", []);
		if (result.ok) throw new Error("passed");
		expect(result.facts).toMatchObject({
			enforcer: "spiffe://prod.example.org/envoy",
			peer: { principal: ORDERS, address: "10.0.0.7" },
			destinationPrincipal: PAYMENTS,
			destinationHint: "payments",
			host: "a\ufffdb",
		});
		expect(result.facts.path).toHaveLength(LIMITS.refusedPathChars);
		expect(result.facts.method).toHaveLength(LIMITS.methodBytes);
		expect(JSON.stringify(result)).not.toMatch(/secret|\\u00|\\r|\\n/);
	});
});

test("exceptions of the destination hold, of nobody else", () => {
	const path = "/projects/group%2fname";
	expect(requestOf({ path }, ["encoded_slash"]).path).toBe("/projects/group%2Fname");
	expect(detailOf(checkOf({ path }))).toBe("encoded_slash");
});

test("the destination is what the certificate and the sidecar say, never the Host header", () => {
	expect(destinationOf(checkOf({ hint: "payments", host: "evil.example" }))).toEqual({
		destinationPrincipal: PAYMENTS,
		destinationHint: "payments",
	});
	expect(destinationOf(checkOf({ destination: "", hint: "" }))).toEqual({
		destinationPrincipal: null,
		destinationHint: null,
	});
});

test("60 KB of headers pass, a megabyte does not", () => {
	const headers = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`x-${index}`, "a".repeat(1_000)]));
	expect(detailOf(checkOf({ headers }))).toBeNull();
	expect(detailOf(checkOf({ headers: { x: "a".repeat(1_000_000) } }))).toBe("header_too_long");
});
