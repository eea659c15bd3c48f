/** Every bootstrap in envoy/, checked by the real Envoy, and run with a real Firebreak behind it. */
import { once } from "node:events";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { validateBootstrap } from "../../demo/envoy.ts";
import { startFirebreak } from "../../demo/firebreak.ts";
import type { Leaf } from "../../demo/pki.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { until } from "../support/wait.ts";
import { type Secret, startSecretServer } from "./secret-server.ts";
import { BOOTSTRAPS, placeholdersOf, type RunningBootstrap } from "./shipped.ts";
import { ORDERS, PAYMENTS, type Stand, serialsOf, setStand, untilRenewed } from "./stand.ts";

let stand: Stand;
beforeAll(async () => {
	stand = await setStand();
});
afterAll(() => stand?.stop());

/** One request that policy allows and one that it does not, and what the access log holds of both. */
async function judge(envoy: RunningBootstrap, server = PAYMENTS) {
	const forged = {
		"x-firebreak-principal": "spiffe://prod.example.org/ns/forged/sa/forged",
		x_firebreak_principal: "x",
	};
	const headers = { ...forged, ...(server !== PAYMENTS && { host: server }) };
	const allowed = await stand.ask(envoy, { server, headers, path: "/v1/payments/7?secret=1" });
	const denied = await stand.ask(envoy, { server, headers, method: "DELETE" });
	await until("both are logged", () => envoy.accessLog().length >= 2);
	return { allowed, denied, log: envoy.accessLog() };
}

const ALLOWED_UPSTREAM = { "x-firebreak-source": "orders", "x-firebreak-principal": ORDERS };
const LOGGED = [
	{
		method: "GET",
		path: "/v1/payments/7",
		status: 200,
		peer: ORDERS,
		firebreak: { decision: "allow", reason: "allowed", policy: "orders-reads-payments" },
	},
	{
		method: "DELETE",
		status: 403,
		firebreak: { decision: "deny", reason: "no_policy", source: "orders", destination: "payments" },
	},
];

describe.each(BOOTSTRAPS)("%s", (file) => {
	test("explains each of its placeholders", () => {
		const { explained, used } = placeholdersOf(file);
		expect(explained).toEqual(used);
	});

	test("is a configuration that Envoy takes", async () => {
		await validateBootstrap(stand.fill(file));
	});
});

test.each(["sidecar-files.yaml", "sidecar-sds-files.yaml"])(
	"%s: one is allowed and one denied, and the doctor finds nothing",
	async (file) => {
		const envoy = await stand.start(file);
		const { allowed, denied, log } = await judge(envoy);
		expect(await stand.examined(envoy)).toEqual([]);
		expect(allowed).toMatchObject({ status: 200, body: { service: "payments", headers: ALLOWED_UPSTREAM } });
		expect((allowed.body as { headers: object }).headers).not.toHaveProperty("x_firebreak_principal");
		expect(denied).toMatchObject({ status: 403, body: { title: expect.any(String), decision: expect.any(String) } });
		expect(log).toMatchObject(LOGGED);
	},
);

test("a sidecar lets nobody in without a certificate", async () => {
	const envoy = await stand.start("sidecar-files.yaml");
	await expect(stand.ask(envoy, { nameless: true, path: "/healthz" })).rejects.toThrow();
});

describe("when Firebreak does not answer, a sidecar says 503 within its caller's time, and the service is not reached", () => {
	const servers: Server[] = [];
	afterAll(() => {
		for (const server of servers) server.close();
	});
	/** A port behind which `accept` gets each connection. */
	async function behind(accept: (socket: Socket) => void): Promise<number> {
		const server = createServer(accept).listen(0, "127.0.0.1");
		servers.push(server);
		await once(server, "listening");
		return (server.address() as AddressInfo).port;
	}

	test.each<[string, () => number | Promise<number>]>([
		["nobody listens", () => 1],
		["it hangs up", () => behind((socket) => socket.destroy())],
		["it says nothing", () => behind((socket) => socket.on("error", () => {}))],
	])("%s", async (_what, port) => {
		const envoy = await stand.start("sidecar-files.yaml", { FIREBREAK_PORT: await port() }, { hasty: true });
		const service = stand.stage.world.upstream("payments");
		const reached = service.requests();
		const { status, text } = await stand.ask(envoy);
		expect({ status, text }).toEqual({ status: 503, text: "" });
		await until("it is logged", () => envoy.accessLog().length >= 1);
		expect(envoy.accessLog()).toMatchObject([{ status: 503, details: "ext_authz_error" }]);
		// The route gives up after 15 s.
		expect(envoy.accessLog()[0]?.milliseconds).toBeLessThan(15_000);
		expect(service.requests()).toBe(reached);
	});

	test("but one connection that breaks is made again, and nobody notices", async () => {
		let breaking = false;
		let broken = 0;
		const port = await behind((socket) => {
			socket.on("error", () => {});
			if (breaking) {
				breaking = false;
				broken++;
				socket.destroy();
				return;
			}
			const firebreak = connect(stand.stage.firebreak.address.port, "127.0.0.1");
			firebreak.on("error", () => socket.destroy());
			socket.on("close", () => firebreak.destroy());
			socket.pipe(firebreak).pipe(socket);
		});
		const envoy = await stand.start("sidecar-files.yaml", { FIREBREAK_PORT: port });
		expect(await stand.examined(envoy)).toEqual([]);
		// Health checks have their connection: the next one is that of the first question.
		breaking = true;
		expect((await stand.ask(envoy)).status).toBe(200);
		expect(broken).toBe(1);
	});
});

test("a sidecar's spans reach the collector, the question to Firebreak under the request", async () => {
	const collector = await startOtlpReceiver();
	try {
		const envoy = await stand.start("sidecar-files.yaml", { OTLP_PORT: collector.port });
		const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
		const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
		expect((await stand.ask(envoy, { headers })).status).toBe(200);
		const isCheck = ({ name }: ReceivedSpan) => name.includes("Authorization.Check");
		const check = await collector.waitFor((span) => span.traceId === traceId && isCheck(span));
		const request = await collector.waitFor(({ spanId }) => spanId === check.parentSpanId);
		expect([request.parentSpanId, request.service]).toEqual(["00f067aa0ba902b7", "payments-sidecar"]);
	} finally {
		await collector.stop();
	}
});

test("sidecar-sds-files.yaml: a renewed certificate is shown without a restart", async () => {
	// As Kubernetes mounts secrets: files are links into a folder that is swapped by a rename.
	const folder = path.join(stand.workspace.path, "mounted");
	const put = (version: string, leaf: Leaf) => {
		mkdirSync(path.join(folder, version), { recursive: true });
		writeFileSync(path.join(folder, version, "service.pem"), leaf.certificate);
		writeFileSync(path.join(folder, version, "service.key"), leaf.key);
		writeFileSync(path.join(folder, version, "authority.pem"), stand.authority);
		symlinkSync(version, path.join(folder, "..data_tmp"));
		renameSync(path.join(folder, "..data_tmp"), path.join(folder, "..data"));
	};
	put("v1", await stand.renewed());
	for (const name of ["service.pem", "service.key", "authority.pem"])
		symlinkSync(path.join("..data", name), path.join(folder, name));
	const envoy = await stand.start("sidecar-sds-files.yaml", { CERTIFICATES: folder });
	const before = await serialsOf(envoy);
	put("v2", await stand.renewed());
	await untilRenewed(envoy, before);
	expect((await stand.ask(envoy)).status).toBe(200);
});

test("sidecar-spire.yaml: one is allowed and one denied, and the doctor finds nothing", async () => {
	const trusted = ["spiffe://prod.example.org", { authority: stand.authority }] as const;
	const socket = path.join(stand.workspace.path, "spire.sock");
	const agent = await startSecretServer(socket, new Map<string, Secret>([[PAYMENTS, await stand.renewed()], trusted]));
	try {
		const envoy = await stand.start("sidecar-spire.yaml");
		expect(agent.asked()).toEqual(new Set([PAYMENTS, "spiffe://prod.example.org"]));
		const { allowed, denied, log } = await judge(envoy);
		expect([allowed.status, denied.status]).toEqual([200, 403]);
		expect(log).toMatchObject(LOGGED);
		expect(await stand.examined(envoy)).toEqual([]);
		// SPIRE renews long before the hour of its certificates is over.
		const before = await serialsOf(envoy);
		agent.renew(new Map<string, Secret>([[PAYMENTS, await stand.renewed()], trusted]));
		await untilRenewed(envoy, before);
		expect((await stand.ask(envoy)).status).toBe(200);
	} finally {
		agent.stop();
	}
});

test("sidecar-socket.yaml: one is allowed and one denied, and the doctor finds nothing", async () => {
	const settings = {
		FIREBREAK_GRPC_ADDR: `unix:${path.join(stand.workspace.path, "firebreak.sock")}`,
		...{ FIREBREAK_GRPC_TLS_CERT: "", FIREBREAK_GRPC_TLS_KEY: "", FIREBREAK_GRPC_TLS_CLIENT_CA: "" },
		FIREBREAK_ENFORCER_IDENTITY: "none",
	};
	const { process } = await startFirebreak(stand.stage.world, stand.stage.serverUrl, settings, "Firebreak socket");
	try {
		const envoy = await stand.start("sidecar-socket.yaml");
		const { allowed, denied, log } = await judge(envoy);
		expect(await stand.examined(envoy)).toEqual([]);
		expect([allowed.status, denied.status]).toEqual([200, 403]);
		expect(log).toMatchObject(LOGGED);
	} finally {
		await process.stop();
	}
});

test("gateway.yaml: one is allowed and one denied, judged for the service behind it", async () => {
	const envoy = await stand.start("gateway.yaml");
	const host = "payments.example.org";
	const { allowed, denied, log } = await judge(envoy, host);
	// On purpose: callers may come with a token alone.
	expect(await stand.examined(envoy)).toEqual(["client_certificate_optional"]);
	expect(allowed).toMatchObject({ status: 200, body: { service: "payments" } });
	expect(denied.status).toBe(403);
	expect(log).toMatchObject(LOGGED);
	const nameless = await stand.ask(envoy, { nameless: true, server: host, headers: { host } });
	expect(nameless).toMatchObject({ status: 401, headers: { "x-firebreak-decision": expect.any(String) } });
});
