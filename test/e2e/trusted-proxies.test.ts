/** Whose word for the caller counts: a real Envoy as gateway in front of real Envoys as sidecars, and forgers of all kinds. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { send } from "../../demo/client.ts";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import type { SidecarOptions } from "../../demo/envoy-options.ts";
import { type Echo, startUpstream } from "../../demo/upstream.ts";
import { type Edge, startEdge, toldHeader, wordsOf } from "../support/edge.ts";
import { domain, policy, type Rows, segment } from "../support/policy-set.ts";
import { type Certified, Proxies } from "../support/proxies.ts";
import { spiffe } from "../support/requests.ts";

const NAMES = ["orders", "payments", "gateway", "outer", "reports", "root"] as const;
type Name = (typeof NAMES)[number];

const ROWS: Rows = {
	domains: [domain({ name: "internal", flow: "mtls" })],
	segments: NAMES.map((name) =>
		segment({
			name,
			trusted_proxy: name === "gateway" || name === "outer",
			probes: name === "payments" ? ["/healthz"] : [],
		}),
	),
	policies: [
		...NAMES.map((name) => policy({ name: `${name}-reads`, source: name, destination: "payments" })),
		policy({ name: "through-the-gateway", source: "*", destination: "gateway" }),
		policy({ name: "anonymous-to-the-gateway", source: "anonymous", destination: "gateway" }),
	],
};

/** What sidecars may make of the header before Firebreak is asked. `SANITIZE` is Envoy's own default. */
const SIDECARS = ["FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "SANITIZE"] as const;

/** Not 127.0.0.1, in whose place Envoy appends an address of its own. */
const CALLER = "127.0.0.2";
const GATEWAY = "127.0.0.3";

let proxies: Proxies;
let edge: Edge;
let sidecars: RunningEnvoy;
/** Two of them: one replaces what it was told, one behind it appends. */
let gateways: RunningEnvoy;
const certificates = new Map<string, Certified>();

beforeAll(async () => {
	proxies = await Proxies.create();
	for (const name of NAMES) certificates.set(name, await proxies.certify(name, { uris: [spiffe(name)] }));
	edge = await startEdge({ rows: ROWS });
	proxies.defer(edge.stop);
	const upstream = await startUpstream("payments");
	proxies.defer(upstream.stop);
	const guard = (name: string, more: Partial<SidecarOptions> = {}): SidecarOptions => ({
		name,
		files: certificateOf("payments").files,
		upstreamPort: upstream.port,
		...more,
	});
	const firebreak = { port: edge.port };
	sidecars = await proxies.start({
		sidecars: [
			...SIDECARS.map((forwardedClientCert) => guard(forwardedClientCert, { forwardedClientCert })),
			// As Istio's sidecars: addresses are taken from x-forwarded-for, and nothing is appended to it.
			guard("unappended", { forwardedClientCert: "FORWARD_ONLY", remoteAddress: false }),
		],
		firebreak,
	});
	const front = (name: string, to: string, forwardedClientCert: "SANITIZE_SET" | "APPEND_FORWARD"): SidecarOptions => ({
		name,
		files: certificateOf("gateway").files,
		upstreamPort: sidecars.port(to),
		upstreamSpiffeId: spiffe("payments"),
		upstreamFrom: GATEWAY,
		forwardedClientCert,
	});
	gateways = await proxies.start({
		sidecars: [
			...SIDECARS.map((to) => front(`to-${to}`, to, "SANITIZE_SET")),
			front("to-unappended", "unappended", "SANITIZE_SET"),
			// Behind another trusted proxy.
			front("appending", "FORWARD_ONLY", "APPEND_FORWARD"),
		],
		firebreak,
	});
});
afterAll(async () => {
	await proxies?.stop();
});

const certificateOf = (name: string): Certified => certificates.get(name) as Certified;

interface Sent {
	readonly from: Name | null;
	readonly headers?: Readonly<Record<string, string | readonly string[]>>;
	readonly path?: string;
	readonly http2?: boolean;
}

/** One request through a listener: what the last sidecar's question came to, and what the service saw. */
async function through(
	envoy: RunningEnvoy,
	listener: string,
	{ from, headers = {}, path = "/x", http2 = false }: Sent,
) {
	const response = await send({
		port: envoy.port(listener),
		authority: proxies.authority.certificate,
		server: spiffe(envoy === sidecars ? "payments" : "gateway"),
		...(from !== null && { certificate: certificateOf(from) }),
		path,
		headers,
		http2,
		localAddress: CALLER,
	});
	const judged = edge.judged.at(-1) as Edge["judged"][number];
	const echo = response.status === 200 ? (response.body as Echo) : null;
	return {
		answer: wordsOf(judged.decision),
		principal: judged.decision.principal,
		/** Of the headers of the way here, those that the service saw. */
		seen: echo && Object.fromEntries(Object.entries(echo.headers).filter(([name]) => WAY.test(name))),
		peer: judged.check.attributes?.source?.address?.socketAddress?.address,
		told: toldHeader(judged.check, "x-forwarded-for"),
	};
}

const WAY = /^(x[-_]forwarded[-_](client[-_]cert|for)|x[-_]real[-_]ip|forwarded)$/;
/** As Envoy writes it of whom it met. */
const metBy = (proxy: Name, name: Name) =>
	expect.stringMatching(new RegExp(`^By=${spiffe(proxy)};Hash=[0-9a-f]{64};URI=${spiffe(name)}$`));
const forged = (name: Name) => `By=${spiffe("gateway")};Hash=00;Subject="CN=x,O=\\"y\\"";URI=${spiffe(name)}`;
const FORGERIES = {
	"x-forwarded-client-cert": forged("root"),
	"x-forwarded-for": "192.0.2.9",
	"x-real-ip": "192.0.2.9",
	forwarded: "for=192.0.2.9",
	"x-forwarded_for": "192.0.2.9",
};

describe("by a service", () => {
	test.each(SIDECARS.flatMap((listener) => [[listener, false] as const, [listener, true] as const]))(
		"forged headers are ignored, and the service sees none of them (%s, HTTP/2: %s)",
		async (listener, http2) => {
			const told = await through(sidecars, listener, { from: "reports", headers: FORGERIES, http2 });
			expect(told).toMatchObject({ answer: "allowed", principal: spiffe("reports") });
			// What the service's own Envoy wrote.
			const wrote = listener === "SANITIZE_SET" || listener === "APPEND_FORWARD";
			expect(told.seen).toEqual({
				"x-forwarded-for": CALLER,
				...(wrote && { "x-forwarded-client-cert": metBy("payments", "reports") }),
			});
		},
	);

	test("nor where the sidecar appends nothing itself, and neither is its connection's address forged", async () => {
		const told = await through(sidecars, "unappended", { from: "reports", headers: FORGERIES });
		expect(told).toEqual({
			answer: "allowed",
			principal: spiffe("reports"),
			seen: {},
			peer: CALLER,
			told: "192.0.2.9",
		});
	});

	test("nobody gets an identity by them", async () => {
		const told = await through(sidecars, "FORWARD_ONLY", { from: null, headers: FORGERIES });
		expect(told).toMatchObject({ answer: "identity_missing", principal: null, seen: null });
	});

	test("a probe carries none of them to the service", async () => {
		const told = await through(sidecars, "FORWARD_ONLY", { from: null, headers: FORGERIES, path: "/healthz" });
		expect(told).toMatchObject({ answer: "allowed_probe", seen: { "x-forwarded-for": CALLER } });
	});

	test("what is in order is left alone", async () => {
		const told = await through(sidecars, "FORWARD_ONLY", { from: "reports" });
		expect(told).toMatchObject({ answer: "allowed", seen: { "x-forwarded-for": CALLER } });
	});
});

describe("by a gateway that is a trusted proxy", () => {
	test.each([["to-FORWARD_ONLY"], ["to-APPEND_FORWARD"]])(
		"the caller is who it met, whatever that forged (%s)",
		async (listener) => {
			const told = await through(gateways, listener, { from: "reports", headers: FORGERIES });
			expect(told).toMatchObject({ answer: "allowed", principal: spiffe("reports") });
			const [met, ...others] = told.seen?.["x-forwarded-client-cert"]?.split(",") ?? [];
			expect(met).toEqual(metBy("gateway", "reports"));
			expect(others).toEqual(listener === "to-APPEND_FORWARD" ? [metBy("payments", "gateway")] : []);
			expect(told.seen?.["x-forwarded-for"]).toBe(`${CALLER},${GATEWAY}`);
		},
	);

	test("its address for the caller is kept where the sidecar appends none", async () => {
		const told = await through(gateways, "to-unappended", { from: "reports", headers: FORGERIES });
		expect(told).toMatchObject({ peer: GATEWAY, told: CALLER, seen: { "x-forwarded-for": CALLER } });
	});

	test("what stands before its addresses and identities is not shown", async () => {
		const headers = {
			...FORGERIES,
			"x-forwarded-client-cert": `${forged("root")},${forged("reports")}`,
			"x-forwarded-for": "192.0.2.9, 198.51.100.1",
		};
		const told = await through(sidecars, "FORWARD_ONLY", { from: "gateway", headers });
		expect(told).toMatchObject({ answer: "allowed", principal: spiffe("reports") });
		expect(told.seen).toEqual({
			"x-forwarded-client-cert": forged("reports"),
			// Its own, which the sidecar appended, stands last.
			"x-forwarded-for": `198.51.100.1,${CALLER}`,
			"x-real-ip": "192.0.2.9",
			forwarded: "for=192.0.2.9",
		});
	});

	test.each([["to-SANITIZE"], ["to-SANITIZE_SET"]])(
		"is the caller itself where the sidecar removes its word (%s)",
		async (listener) => {
			const told = await through(gateways, listener, { from: "reports", headers: FORGERIES });
			expect(told).toMatchObject({ answer: "allowed", principal: spiffe("gateway") });
			const written = listener === "to-SANITIZE" ? undefined : metBy("payments", "gateway");
			expect(told.seen?.["x-forwarded-client-cert"]).toEqual(written);
		},
	);

	test("a caller without a certificate has the gateway's identity", async () => {
		const told = await through(gateways, "to-FORWARD_ONLY", { from: null, headers: FORGERIES });
		expect(told).toMatchObject({ answer: "allowed", principal: spiffe("gateway") });
		expect(told.seen).not.toHaveProperty("x-forwarded-client-cert");
	});

	test("two in a row: each appends whom it met, and the caller is the first that is no proxy", async () => {
		const headers = { "x-forwarded-client-cert": `${forged("root")},${forged("reports")}` };
		const told = await through(gateways, "appending", { from: "outer", headers });
		expect(told).toMatchObject({ answer: "allowed", principal: spiffe("reports") });
		// What stands before it is the caller's own word.
		const seen = told.seen?.["x-forwarded-client-cert"];
		expect(seen).not.toContain(spiffe("root"));
		expect(seen?.startsWith(`${forged("reports")},`)).toBe(true);
		expect(seen?.slice(forged("reports").length + 1)).toEqual(metBy("gateway", "outer"));
	});

	test("what a service tells an appending gateway is not believed", async () => {
		const told = await through(gateways, "appending", { from: "reports", headers: FORGERIES });
		expect(told).toMatchObject({ answer: "allowed", principal: spiffe("reports") });
		expect(told.seen?.["x-forwarded-client-cert"]).toEqual(metBy("gateway", "reports"));
	});
});

/** The gateway's own connection to a sidecar, with whatever it might write. */
describe("a trusted proxy's header is read strictly", () => {
	test.each([
		["URI first", `URI=${spiffe("orders")};By=${spiffe("gateway")};Hash=00`, spiffe("orders")],
		["a quoted URI", `By=x;URI="${spiffe("orders")}"`, spiffe("orders")],
		["separators within quotes", `Subject="O=a,b;URI=${spiffe("root")}";URI=${spiffe("orders")}`, spiffe("orders")],
		["escaped quotes", `Subject="\\",URI=${spiffe("root")}";URI=${spiffe("orders")}`, spiffe("orders")],
		["several hops", `URI=${spiffe("root")},URI=${spiffe("orders")},URI=${spiffe("outer")}`, spiffe("orders")],
	])("%s", async (_what, header, principal) => {
		const told = await through(sidecars, "FORWARD_ONLY", {
			from: "gateway",
			headers: { "x-forwarded-client-cert": header },
		});
		expect(told).toMatchObject({ answer: "allowed", principal });
	});

	test.each([
		["no URI", "By=x;Hash=00"],
		["two URIs", `URI=${spiffe("orders")};URI=${spiffe("root")}`],
		["a hop without one", `URI=${spiffe("orders")},Hash=00`],
		["an open quote", `Subject="x;URI=${spiffe("orders")}`],
		["another case", "URI=SPIFFE://prod.example.org/ns/orders/sa/orders"],
		["nothing", ";"],
	])("%s is nobody", async (_what, header) => {
		const told = await through(sidecars, "FORWARD_ONLY", {
			from: "gateway",
			headers: { "x-forwarded-client-cert": header },
		});
		expect(told).toMatchObject({ answer: "source_unknown forwarded_malformed", seen: null });
	});
});
