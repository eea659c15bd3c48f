/** Who may ask: real Envoys, each with a certificate of its own towards Firebreak, and over a socket. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { send } from "../../demo/client.ts";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import { firebreakProgram } from "../../demo/firebreak.ts";
import { runProcess } from "../../demo/processes.ts";
import { startUpstream, type Upstream } from "../../demo/upstream.ts";
import { type Edge, type EdgeOptions, startEdge, wordsOf } from "../support/edge.ts";
import { domain, policy, type Rows, segment } from "../support/policy-set.ts";
import { type Certified, Proxies } from "../support/proxies.ts";
import { spiffe } from "../support/requests.ts";
import { until } from "../support/wait.ts";

const ROWS: Rows = {
	domains: [domain({ name: "internal", flow: "mtls" })],
	segments: [
		segment({ name: "orders" }),
		segment({ name: "payments", probes: ["/healthz"] }),
		segment({ name: "waypoint", enforcer: true }),
		segment({ name: "staging-waypoint", environment: "staging", enforcer: true }),
		segment({ name: "reports" }),
	],
	policies: [policy({ name: "read", source: "orders", destination: "payments" })],
};
const FIREBREAK = spiffe("firebreak");
const INGRESS = "https://payments.example.org";

let proxies: Proxies;
let upstream: Upstream;
let edge: Edge;
let orders: Certified;
let payments: Certified;
/** With a certificate that names no workload, as an ingress has. */
let ingress: Certified;
const askers = new Map<string, Certified>();

beforeAll(async () => {
	proxies = await Proxies.create();
	orders = await proxies.certify("orders", { uris: [spiffe("orders")] });
	payments = await proxies.certify("payments", { uris: [spiffe("payments")] });
	ingress = await proxies.certify("ingress", { uris: [INGRESS], dns: ["payments.example.org"] });
	for (const name of ["waypoint", "staging-waypoint", "reports", "stranger"]) {
		askers.set(name, await proxies.certify(name, { uris: [spiffe(name)] }));
	}
	upstream = await startUpstream("payments");
	proxies.defer(upstream.stop);
	edge = await startFirebreak("firebreak");
});
afterAll(async () => {
	await proxies?.stop();
});

/** With a certificate in files of this name. */
async function startFirebreak(name: string, limits: EdgeOptions["limits"] = {}): Promise<Edge> {
	const { files } = await proxies.certify(name, { uris: [FIREBREAK], dns: ["firebreak"] });
	const tls = { cert: files.certificate, key: files.key, clientCa: proxies.authorityFile };
	const started = await startEdge({ rows: ROWS, tls, limits });
	proxies.defer(started.stop);
	return started;
}

/** An Envoy that guards payments with the given certificates: on its listener, and towards Firebreak. */
function startAsking(listener: Certified, asker: Certified, { port } = edge): Promise<RunningEnvoy> {
	return proxies.start({
		sidecars: [
			{
				name: "guard",
				files: listener.files,
				upstreamPort: upstream.port,
				asks: { files: asker.files },
				...(listener === ingress && { destination: "payments" }),
			},
		],
		firebreak: { port, spiffeId: FIREBREAK },
	});
}

/** What came of one request of orders', and the status that it got. */
async function ask(envoy: RunningEnvoy, { through = edge, path = "/v1/payments/7", server = spiffe("payments") } = {}) {
	const before = through.judged.length;
	const { status } = await send({
		port: envoy.port("guard"),
		authority: proxies.authority.certificate,
		server,
		certificate: orders,
		path,
	});
	const [judged, ...others] = through.judged.slice(before);
	expect(others).toEqual([]);
	return { status, answer: judged && wordsOf(judged.decision), enforcer: judged?.enforcer };
}

async function asking(listener: Certified, asker: string, path?: string) {
	const envoy = await startAsking(listener, askers.get(asker) ?? payments);
	try {
		return await ask(envoy, { ...(path && { path }), server: listener === ingress ? INGRESS : spiffe("payments") });
	} finally {
		await envoy.stop();
	}
}

describe("over mutual TLS", () => {
	test("the destination's own proxy", async () => {
		expect(await asking(payments, "payments")).toEqual({
			status: 200,
			answer: "allowed",
			enforcer: spiffe("payments"),
		});
	});

	test("a named enforcer of the same environment", async () => {
		expect(await asking(ingress, "waypoint")).toEqual({ status: 200, answer: "allowed", enforcer: spiffe("waypoint") });
	});

	test.each([
		["another service", "reports", "other_segment"],
		["an enforcer of another environment", "staging-waypoint", "other_segment"],
		["a workload of no segment", "stranger", "no_segment"],
	])("%s may not, not even about a probe", async (_who, asker, detail) => {
		const refused = { status: 403, answer: `enforcer_mismatch ${detail}`, enforcer: spiffe(asker) };
		const before = upstream.requests();
		expect(await asking(ingress, asker)).toEqual(refused);
		expect(await asking(ingress, asker, "/healthz")).toEqual(refused);
		expect(upstream.requests()).toBe(before);
	});

	test("a proxy without a SPIFFE ID, or with two, is nobody", async () => {
		const two = await proxies.certify("two", { uris: [spiffe("payments"), spiffe("waypoint")] });
		for (const asker of [ingress, two]) {
			const envoy = await startAsking(payments, asker);
			expect(await ask(envoy)).toEqual({ status: 403, answer: "enforcer_mismatch absent", enforcer: null });
			await envoy.stop();
		}
	});

	test("a proxy that Firebreak's authority did not sign does not get an answer, and lets nothing pass", async () => {
		const others = await Proxies.create();
		const foreign = await others.certify("foreign", { uris: [spiffe("payments")] });
		const envoy = await startAsking(payments, foreign);
		expect(await ask(envoy)).toEqual({ status: 503, answer: undefined, enforcer: undefined });
		await Promise.all([envoy.stop(), others.stop()]);
	});
});

test("certificates are renewed under traffic without a lost request; all of it over TLS 1.3", async () => {
	// So short an age that proxies connect anew all the while.
	const limits = { tlsReloadMs: 50, grpcConnectionAgeMs: 300, grpcConnectionAgeGraceMs: 30_000 };
	const renewed = await startFirebreak("renewed", limits);
	const envoy = await startAsking(payments, payments, renewed);
	let renewing = true;
	const statuses: number[] = [];
	const caller = async () => {
		while (renewing) {
			const { status } = await send({
				port: envoy.port("guard"),
				authority: proxies.authority.certificate,
				server: spiffe("payments"),
				certificate: orders,
				path: "/v1/payments/7",
			});
			statuses.push(status);
		}
	};
	const callers = [caller(), caller(), caller()];
	for (let renewal = 1; renewal <= 3; renewal++) {
		const before = statuses.length;
		const handshakes = await stat(envoy, "ssl.handshake");
		proxies.write("renewed", await proxies.authority.issue({ uris: [FIREBREAK], dns: ["firebreak"] }));
		await until("the files are taken", () => renewed.reloads.filter((error) => error === null).length >= renewal);
		await until("proxies connect anew", async () => (await stat(envoy, "ssl.handshake")) > handshakes);
		await until("requests pass", () => statuses.length > before + 10);
	}
	renewing = false;
	await Promise.all(callers);
	expect(statuses.filter((status) => status !== 200)).toEqual([]);
	expect(await stat(envoy, "ssl.versions.TLSv1.3")).toBeGreaterThan(3);
	expect(await stat(envoy, "ssl.versions.TLSv1.2")).toBe(0);
	await envoy.stop();
});

/** A counter of the proxy's side towards Firebreak. */
async function stat(envoy: RunningEnvoy, name: string): Promise<number> {
	const full = `cluster.firebreak-for-guard.${name}`;
	const text = await (await fetch(`${envoy.adminUrl}/stats?filter=^${full.replaceAll(".", "\\.")}$`)).text();
	return Number(text.split(": ")[1] ?? 0);
}

test("over a socket, for a proxy beside it", async () => {
	const path = join(proxies.workspace.path, "firebreak.sock");
	const beside = await startEdge({ rows: ROWS, address: { kind: "unix", path } });
	proxies.defer(beside.stop);
	const envoy = await proxies.start({
		sidecars: [{ name: "guard", files: payments.files, upstreamPort: upstream.port, asks: { socket: path } }],
	});
	expect(await ask(envoy, { through: beside })).toEqual({ status: 200, answer: "allowed", enforcer: null });
	await envoy.stop();
});

test.each([
	["no certificates", {}, "FIREBREAK_GRPC_ADDR"],
	["no identity asked for", { FIREBREAK_ENFORCER_IDENTITY: "none" }, "FIREBREAK_ENFORCER_IDENTITY"],
])("a server that other machines can reach does not start with %s", async (_without, settings, object) => {
	const env = {
		PATH: process.env.PATH,
		DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
		FIREBREAK_GRPC_ADDR: "0.0.0.0:0",
		...(object === "FIREBREAK_ENFORCER_IDENTITY" && {
			FIREBREAK_GRPC_TLS_CERT: payments.files.certificate,
			FIREBREAK_GRPC_TLS_KEY: payments.files.key,
			FIREBREAK_GRPC_TLS_CLIENT_CA: proxies.authorityFile,
		}),
		...settings,
	};
	const { end, stdout, stderr } = await runProcess(firebreakProgram(["serve", "--json"], env));
	expect(end).toBe(1);
	expect(stdout + stderr).toContain("config_invalid");
	expect(stdout + stderr).toContain(object);
});
