/** The harness itself: what a real Envoy tells an authorizer, and does with its answers. Firebreak is not in it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { send } from "../../demo/client.ts";
import { createAuthority } from "../../demo/pki.ts";
import type { Echo } from "../../demo/upstream.ts";
import { startWorld, type World } from "../../demo/world.ts";
import { ALLOW, type Asked, type Authorizer, startAuthorizer } from "../support/authorizer.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { until } from "../support/wait.ts";

const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const PAYMENTS = "spiffe://prod.example.org/ns/payments/sa/payments";

let world: World;
let authorizer: Authorizer;
let receiver: OtlpReceiver;

beforeAll(async () => {
	receiver = await startOtlpReceiver();
	world = await startWorld({
		database: false,
		otlpPort: receiver.port,
		async startFirebreak({ pki, resources }) {
			authorizer = await startAuthorizer({ certificate: pki.firebreak, authority: pki.authority });
			resources.defer(authorizer.stop);
			return { port: authorizer.port, spiffeId: "spiffe://prod.example.org/ns/firebreak/sa/firebreak" };
		},
	});
});
afterAll(async () => {
	await world?.stop();
	await receiver?.stop();
});
beforeEach(() => authorizer.answerWith(ALLOW));

/** What the authorizer was asked last. */
const last = (): Asked => authorizer.asked.at(-1) as Asked;
/** Values of one header as the proxy saw them, each apart. */
const sent = (name: string): string[] =>
	(last().check.request.http.headerMap?.headers ?? [])
		.filter(({ key }) => key === name)
		.map(({ rawValue }) => rawValue.toString("utf8"));

describe("what Envoy tells", () => {
	test.each([[false], [true]])("the caller's and its own identity (HTTP/2: %s)", async (http2) => {
		const { status, body } = await world.send({ from: "orders", to: "payments", path: "/v1/payments/7", http2 });
		expect(status).toBe(200);
		expect(body).toMatchObject({ service: "payments", method: "GET", path: "/v1/payments/7" } satisfies Partial<Echo>);
		const { check, enforcer } = last();
		expect(check.source.principal).toBe(ORDERS);
		expect(check.source.address?.socketAddress?.address).toBe("127.0.0.1");
		expect(decodeURIComponent(check.source.certificate).trim()).toBe(
			world.pki.services.get("orders")?.certificate.trim(),
		);
		expect(check.destination.principal).toBe(PAYMENTS);
		expect(check.contextExtensions).toEqual({});
		// Asked by the sidecar of payments, which proves it to Firebreak.
		expect(enforcer.split(", ")).toContain(`URI:${PAYMENTS}`);
	});

	test("itself to the caller, who checks that it is the service that was meant", async () => {
		const call = {
			port: world.envoy.port("payments"),
			authority: world.pki.authority.certificate,
			server: ORDERS,
			path: "/",
		};
		await expect(send(call)).rejects.toThrow(`the listener is URI:${PAYMENTS}, not ${ORDERS}`);
		await expect(send({ ...call, http2: true })).rejects.toThrow(`the listener is URI:${PAYMENTS}, not ${ORDERS}`);
		const { certificate } = await createAuthority();
		await expect(send({ ...call, authority: certificate, server: PAYMENTS })).rejects.toThrow(/certificate/);
	});

	test("no principal for a caller without a certificate", async () => {
		const { status } = await world.send({ from: null, to: "payments", path: "/healthz" });
		expect(status).toBe(200);
		expect(last().check.source).toMatchObject({ principal: "", certificate: "" });
	});

	test("the path as it was sent", async () => {
		const path = "/v1/payments/../admin//x;a=b/%2e%2E/%2f?q=%00&q=..";
		for (const http2 of [false, true]) {
			await world.send({ from: "orders", to: "payments", path, http2 });
			expect(last().check.request.http.path).toBe(path);
		}
	});

	test("headers raw and repeated ones apart", async () => {
		const headers = { "x-role": ["guest", "admin"], "x-trace": "é" };
		await world.send({ from: "orders", to: "payments", path: "/", method: "DELETE", headers });
		expect(last().check.request.http.headers).toEqual({});
		expect(sent("x-role")).toEqual(["guest", "admin"]);
		expect(sent(":method")).toEqual(["DELETE"]);
	});

	test("nothing about a certificate that does not verify: the handshake fails", async () => {
		const before = authorizer.asked.length;
		const stranger = await (await createAuthority()).issue({ uris: [ORDERS] });
		const expired = await world.pki.authority.issue({ uris: [ORDERS], notAfter: new Date(Date.now() - 30_000) });
		for (const from of [stranger, expired]) {
			await expect(world.send({ from, to: "payments", path: "/" })).rejects.toThrow();
			await expect(world.send({ from, to: "payments", path: "/", http2: true })).rejects.toThrow();
		}
		expect(authorizer.asked.length).toBe(before);
	});

	test("the first URI name of a certificate that has two, and the subject of one that has none", async () => {
		const two = await world.pki.authority.issue({ uris: [PAYMENTS, ORDERS] });
		await world.send({ from: two, to: "payments", path: "/" });
		expect(last().check.source.principal).toBe(PAYMENTS);
		const none = await world.pki.authority.issue({ commonName: ORDERS });
		await world.send({ from: none, to: "payments", path: "/" });
		expect(last().check.source.principal).toBe(`CN=${ORDERS}`);
	});
});

describe("what Envoy does with an answer", () => {
	test("an allowed request carries the headers that were set and not those that were removed", async () => {
		const value = "spiffe://verified";
		authorizer.answerWith({
			status: { code: 0 },
			okResponse: {
				headers: [
					{
						header: { key: "x-firebreak-principal", value },
						append: { value: false },
						appendAction: "OVERWRITE_IF_EXISTS_OR_ADD",
					},
				],
				headersToRemove: ["x-firebreak-subject", "authorization", "dpop"],
			},
			dynamicMetadata: { fields: { decision: { stringValue: "allow" }, revision: { numberValue: 7 } } },
		});
		const { body } = await world.send({
			from: "orders",
			to: "payments",
			path: "/metadata",
			headers: {
				"x-firebreak-principal": ["forged", "twice"],
				"x-firebreak-subject": "root",
				authorization: "Bearer secret",
				cookie: "a=b",
			},
		});
		const { headers } = body as Echo;
		expect(headers["x-firebreak-principal"]).toBe(value);
		expect(headers).toMatchObject({ cookie: "a=b" });
		for (const name of ["x-firebreak-subject", "authorization", "dpop"]) expect(headers).not.toHaveProperty(name);
	});

	test("the caller of an allowed request gets the headers that are for it, the upstream does not", async () => {
		const header = { key: "dpop-nonce", value: "n-1" };
		const option = { header, append: { value: false }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" };
		authorizer.answerWith({ status: { code: 0 }, okResponse: { responseHeadersToAdd: [option] } });
		const { status, headers, body } = await world.send({ from: "orders", to: "payments", path: "/" });
		expect(status).toBe(200);
		expect(headers["dpop-nonce"]).toBe("n-1");
		expect((body as Echo).headers).not.toHaveProperty("dpop-nonce");
	});

	test("a mutation of any other header fails the request", async () => {
		authorizer.answerWith({ status: { code: 0 }, okResponse: { headersToRemove: ["cookie"] } });
		const before = world.upstream("payments").requests();
		const { status } = await world.send({ from: "orders", to: "payments", path: "/", headers: { cookie: "a=b" } });
		expect(status).toBe(500);
		expect(world.upstream("payments").requests()).toBe(before);
	});

	test("a denied request gets the authorizer's answer and never reaches the upstream", async () => {
		authorizer.answerWith({
			status: { code: 7 },
			deniedResponse: {
				status: { code: 404 },
				headers: [{ header: { key: "content-type", value: "application/problem+json" }, append: { value: false } }],
				body: '{"title":"Not Found"}',
			},
		});
		const before = world.upstream("payments").requests();
		const { status, body, headers } = await world.send({ from: "orders", to: "payments", path: "/" });
		expect({ status, body }).toEqual({ status: 404, body: { title: "Not Found" } });
		expect(headers["content-type"]).toBe("application/problem+json");
		expect(world.upstream("payments").requests()).toBe(before);
	});

	test("the access log holds the caller and the dynamic metadata", async () => {
		authorizer.answerWith({
			...ALLOW,
			dynamicMetadata: { fields: { decision: { stringValue: "allow" }, revision: { numberValue: 7 } } },
		});
		await world.send({ from: "storefront", to: "analytics", path: "/logged" });
		const logged = await waitForLog("/logged");
		expect(logged).toMatchObject({
			sidecar: "analytics",
			peer: "spiffe://prod.example.org/ns/storefront/sa/storefront",
			status: 200,
			firebreak: { decision: "allow", revision: 7 },
		});
	});
});

const waitForLog = (path: string) =>
	until(`${path} is in the access log`, () => world.envoy.accessLog().find((logged) => logged.path === path));

test("Envoy's spans continue the caller's trace, and the authorizer is called under them", async () => {
	const traceId = "0af7651916cd43dd8448eb211c80319c";
	await world.send({
		from: "orders",
		to: "payments",
		path: "/traced",
		headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
	});
	const [version, trace, parent, flags] = String(last().metadata.traceparent).split("-");
	expect([version, trace, flags]).toEqual(["00", traceId, "01"]);
	const check = await receiver.waitFor((span) => span.spanId === parent);
	expect(check).toMatchObject({ traceId, kind: "CLIENT", service: "payments-sidecar" });
	expect(check.name).toContain("envoy.service.auth.v3.Authorization.Check");
	const ingress = await receiver.waitFor((span) => span.spanId === check.parentSpanId);
	expect(ingress).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331", kind: "SERVER" });
	expect(check.start).toBeGreaterThanOrEqual(ingress.start);
});
