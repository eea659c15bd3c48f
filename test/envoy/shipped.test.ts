/** Every bootstrap in envoy/, checked by the real Envoy, and run with a real Firebreak behind it. */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { validateBootstrap } from "../../demo/envoy.ts";
import { migrateUp, startFirebreak } from "../../demo/firebreak.ts";
import type { Leaf } from "../../demo/pki.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { examineEnvoy } from "../../src/doctor/envoy/examine.ts";
import { fetchEnvoy } from "../../src/doctor/envoy/fetch.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { until } from "../support/wait.ts";
import { type Secret, startSecretServer } from "./secret-server.ts";
import { BOOTSTRAPS, fillIn, placeholdersOf, type RunningBootstrap, startBootstrap, type Values } from "./shipped.ts";

// Postgres, Firebreak and Envoys start from nothing, on a machine that may have other things to do.
jest.setTimeout(120_000);

const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
const PAYMENTS = "spiffe://prod.example.org/ns/payments/sa/payments";
const EDGE = "spiffe://prod.example.org/ns/edge/sa/edge";
const FIREBREAK = "spiffe://prod.example.org/ns/firebreak/sa/firebreak";

// A gateway that may ask about the services behind it, and call them.
const GATEWAY_SQL = `
select firebreak.segment(name => 'edge', domain => 'internal', environment => 'prod', owner => 'platform',
	members => array['${EDGE}'], enforcer => true, trusted_proxy => true);
select firebreak.allow(name => 'edge-reads-payments', source => 'edge', destination => 'payments', owner => 'payments',
	methods => array['GET'], paths => array['/v1/payments/{id}'], scopes => array['payments:read']);`;

let stage: Stage;
let workspace: Workspace;
let socketFile: string;
let edge: Leaf;
const running: RunningBootstrap[] = [];

beforeAll(async () => {
	stage = await setStage();
	workspace = createWorkspace("envoy");
	const { pki } = stage.world;
	stage.policies.add("payments", "edge", GATEWAY_SQL);
	await migrateUp(stage.world.databaseUrl, stage.policies.path);
	edge = await pki.authority.issue({ uris: [EDGE], commonName: "edge" });
	const hostname = await pki.authority.issue({ dns: ["payments.example.org"], commonName: "payments.example.org" });
	writeCertificates("payments", pki.services.get("payments") as Leaf);
	writeCertificates("edge", edge, hostname);
	socketFile = path.join(workspace.path, "firebreak.sock");
});
afterAll(async () => {
	for (const envoy of running) await envoy.stop();
	workspace?.remove();
	await stage?.world.stop();
});

/** A folder of certificates as the files in envoy/ expect it. */
function writeCertificates(folder: string, service: Leaf, hostname?: Leaf): void {
	mkdirSync(path.join(workspace.path, folder), { recursive: true });
	const write = (name: string, leaf: Leaf) => {
		workspace.write(`${folder}/${name}.pem`, leaf.certificate);
		workspace.write(`${folder}/${name}.key`, leaf.key);
	};
	write("service", service);
	if (hostname) write("hostname", hostname);
	workspace.write(`${folder}/authority.pem`, stage.world.pki.authority.certificate);
}

function valuesFor(file: string): Values {
	const gateway = file === "gateway.yaml";
	const [name, upstream] = gateway
		? ["edge", stage.world.envoy.port("payments")]
		: ["payments", stage.world.upstream("payments").port];
	return {
		SERVICE: name,
		LISTEN_PORT: 0,
		ADMIN_PORT: 0,
		UPSTREAM_PORT: upstream,
		CERTIFICATES: path.join(workspace.path, name),
		FIREBREAK_HOST: "127.0.0.1",
		FIREBREAK_PORT: stage.firebreak.address.port,
		FIREBREAK_SPIFFE_ID: FIREBREAK,
		FIREBREAK_SOCKET: socketFile,
		OTLP_HOST: "127.0.0.1",
		OTLP_PORT: 4317,
		SDS: workspace.path,
		SPIFFE_ID: PAYMENTS,
		TRUST_DOMAIN: "spiffe://prod.example.org",
		SPIRE_SOCKET: path.join(workspace.path, "spire.sock"),
		HOSTNAME: "payments.example.org",
		DESTINATION: "payments",
		UPSTREAM_HOST: "127.0.0.1",
		UPSTREAM_SPIFFE_ID: PAYMENTS,
	};
}

function fill(file: string, changes: Values = {}): string {
	const values = { ...valuesFor(file), ...changes };
	for (const secret of ["sds/identity.yaml", "sds/authorities.yaml"]) fillIn(workspace, secret, values);
	return fillIn(workspace, file, values);
}

async function start(file: string, changes: Values = {}): Promise<RunningBootstrap> {
	const bootstrap = fill(file, changes);
	// Half a second is for production; this machine may have other things to do.
	const patient = readFileSync(bootstrap, "utf8")
		.replace("timeout: 0.5s", "timeout: 4s")
		.replace("connect_timeout: 0.25s", "connect_timeout: 2s");
	const envoy = await startBootstrap(workspace, workspace.write(path.basename(file), patient));
	running.push(envoy);
	return envoy;
}

const caller = () => stage.world.pki.services.get("orders") as Leaf;
const authority = () => stage.world.pki.authority.certificate;
const token = () => stage.issuers.token({ issuer: "internal", subject: "orders", scope: "payments:read" });

/** One request that policy allows and one that it does not, and what the access log holds of both. */
async function judge(envoy: RunningBootstrap, target: { server: string; host?: string }) {
	const headers = {
		authorization: `Bearer ${token()}`,
		"x-firebreak-principal": "spiffe://prod.example.org/ns/forged/sa/forged",
		x_firebreak_principal: "forged",
		...(target.host !== undefined && { host: target.host }),
	};
	const call = { authority: authority(), certificate: caller(), server: target.server, headers };
	const allowed = await envoy.send({ ...call, path: "/v1/payments/7?secret=1" });
	const denied = await envoy.send({ ...call, method: "DELETE", path: "/v1/payments/7" });
	await until("both are logged", () => envoy.accessLog().length >= 2);
	return { allowed, denied, log: envoy.accessLog() };
}

/** What the doctor finds, once Envoy has seen that Firebreak is healthy. */
async function examined(envoy: RunningBootstrap): Promise<string[]> {
	const found = async () => {
		const { dump, certificates } = await fetchEnvoy(new URL(envoy.adminUrl));
		return examineEnvoy(dump, certificates).map(({ id }) => id);
	};
	await until("Firebreak is healthy", async () => !(await found()).includes("firebreak_unhealthy"));
	return found();
}

/** Of the certificates that Envoy shows, to callers and to Firebreak. */
async function serials({ adminUrl }: RunningBootstrap): Promise<string[]> {
	const { certificates } = (await (await fetch(`${adminUrl}/certs`)).json()) as {
		certificates: { cert_chain: { serial_number: string }[] }[];
	};
	return certificates.flatMap(({ cert_chain }) => cert_chain.map(({ serial_number }) => serial_number));
}

const isRenewed = (before: readonly string[], now: readonly string[]) =>
	now.length === before.length && now.every((serial) => !before.includes(serial));

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
		await validateBootstrap(fill(file));
	});
});

test.each(["sidecar-files.yaml", "sidecar-sds-files.yaml"])(
	"%s: one is allowed and one denied, and the doctor finds nothing",
	async (file) => {
		const envoy = await start(file);
		const { allowed, denied, log } = await judge(envoy, { server: PAYMENTS });
		expect(await examined(envoy)).toEqual([]);
		expect(allowed).toMatchObject({ status: 200, body: { service: "payments", headers: ALLOWED_UPSTREAM } });
		expect((allowed.body as { headers: object }).headers).not.toHaveProperty("x_firebreak_principal");
		expect(denied).toMatchObject({ status: 403, body: { title: expect.any(String), decision: expect.any(String) } });
		expect(log).toMatchObject(LOGGED);
	},
);

test("a sidecar lets nobody in without a certificate", async () => {
	const envoy = await start("sidecar-files.yaml");
	await expect(envoy.send({ authority: authority(), server: PAYMENTS, path: "/healthz" })).rejects.toThrow();
});

test("a sidecar answers 503, and not what the service says, when Firebreak is gone", async () => {
	const envoy = await start("sidecar-files.yaml", { FIREBREAK_PORT: 1 });
	const reached = stage.world.upstream("payments").requests();
	const { status, text } = await envoy.send({
		...{ authority: authority(), certificate: caller(), server: PAYMENTS, path: "/v1/payments/7" },
		headers: { authorization: `Bearer ${token()}` },
	});
	await until("it is logged", () => envoy.accessLog().length >= 1);
	expect(envoy.accessLog()).toMatchObject([{ status: 503, details: "ext_authz_error" }]);
	expect({ status, text }).toEqual({ status: 503, text: "" });
	await until("the doctor sees it", async () => {
		const { dump, certificates } = await fetchEnvoy(new URL(envoy.adminUrl));
		return examineEnvoy(dump, certificates).some(({ id }) => id === "firebreak_unhealthy");
	});
	expect(stage.world.upstream("payments").requests()).toBe(reached);
});

test("a sidecar's spans reach the collector, the question to Firebreak under the request", async () => {
	const collector = await startOtlpReceiver();
	try {
		const envoy = await start("sidecar-files.yaml", { OTLP_PORT: collector.port });
		const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
		const headers = { authorization: `Bearer ${token()}`, traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
		const call = { authority: authority(), certificate: caller(), server: PAYMENTS, headers };
		expect((await envoy.send({ ...call, path: "/v1/payments/7" })).status).toBe(200);
		const isCheck = ({ name }: ReceivedSpan) => name.includes("Authorization.Check");
		const check = await collector.waitFor((span) => span.traceId === traceId && isCheck(span), 30_000);
		const request = await collector.waitFor(({ spanId }) => spanId === check.parentSpanId, 30_000);
		expect([request.parentSpanId, request.service]).toEqual(["00f067aa0ba902b7", "payments-sidecar"]);
	} finally {
		await collector.stop();
	}
});

test("sidecar-sds-files.yaml: a renewed certificate is shown without a restart", async () => {
	// As Kubernetes mounts secrets: files are links into a folder that is swapped by a rename.
	const folder = path.join(workspace.path, "mounted");
	const put = (version: string, leaf: Leaf) => {
		mkdirSync(path.join(folder, version), { recursive: true });
		writeFileSync(path.join(folder, version, "service.pem"), leaf.certificate);
		writeFileSync(path.join(folder, version, "service.key"), leaf.key);
		writeFileSync(path.join(folder, version, "authority.pem"), authority());
		symlinkSync(version, path.join(folder, "..data_tmp"));
		renameSync(path.join(folder, "..data_tmp"), path.join(folder, "..data"));
	};
	const issue = () => stage.world.pki.authority.issue({ uris: [PAYMENTS], commonName: "payments" });
	put("v1", await issue());
	for (const name of ["service.pem", "service.key", "authority.pem"])
		symlinkSync(path.join("..data", name), path.join(folder, name));
	const envoy = await start("sidecar-sds-files.yaml", { CERTIFICATES: folder });
	const before = await serials(envoy);
	put("v2", await issue());
	await until("the new certificate is in use", async () => isRenewed(before, await serials(envoy)));
	const { allowed } = await judge(envoy, { server: PAYMENTS });
	expect(allowed.status).toBe(200);
});

test("sidecar-spire.yaml: one is allowed and one denied, and the doctor finds nothing", async () => {
	const issue = () => stage.world.pki.authority.issue({ uris: [PAYMENTS], commonName: "payments" });
	const trusted = ["spiffe://prod.example.org", { authority: authority() }] as const;
	const socket = path.join(workspace.path, "spire.sock");
	const agent = await startSecretServer(socket, new Map<string, Secret>([[PAYMENTS, await issue()], trusted]));
	try {
		const envoy = await start("sidecar-spire.yaml");
		expect(agent.asked()).toEqual(new Set([PAYMENTS, "spiffe://prod.example.org"]));
		const { allowed, denied, log } = await judge(envoy, { server: PAYMENTS });
		expect([allowed.status, denied.status]).toEqual([200, 403]);
		expect(log).toMatchObject(LOGGED);
		expect(await examined(envoy)).toEqual([]);
		// SPIRE renews long before the hour of its certificates is over.
		const before = await serials(envoy);
		agent.renew(new Map<string, Secret>([[PAYMENTS, await issue()], trusted]));
		await until("the new certificate is in use", async () => isRenewed(before, await serials(envoy)));
		expect((await judge(envoy, { server: PAYMENTS })).allowed.status).toBe(200);
	} finally {
		agent.stop();
	}
});

test("sidecar-socket.yaml: one is allowed and one denied, and the doctor finds nothing", async () => {
	const settings = {
		FIREBREAK_GRPC_ADDR: `unix:${socketFile}`,
		...{ FIREBREAK_GRPC_TLS_CERT: "", FIREBREAK_GRPC_TLS_KEY: "", FIREBREAK_GRPC_TLS_CLIENT_CA: "" },
		FIREBREAK_ENFORCER_IDENTITY: "none",
	};
	const { process } = await startFirebreak(stage.world, stage.serverUrl, settings, "Firebreak socket");
	try {
		const envoy = await start("sidecar-socket.yaml");
		const { allowed, denied, log } = await judge(envoy, { server: PAYMENTS });
		expect(await examined(envoy)).toEqual([]);
		expect([allowed.status, denied.status]).toEqual([200, 403]);
		expect(log).toMatchObject(LOGGED);
	} finally {
		await process.stop();
	}
});

test("gateway.yaml: one is allowed and one denied, judged for the service behind it", async () => {
	const envoy = await start("gateway.yaml");
	const host = "payments.example.org";
	const { allowed, denied, log } = await judge(envoy, { server: host, host });
	// On purpose: callers may come with a token alone.
	expect(await examined(envoy)).toEqual(["client_certificate_optional"]);
	expect(allowed).toMatchObject({ status: 200, body: { service: "payments" } });
	expect(denied.status).toBe(403);
	expect(log).toMatchObject(LOGGED);
	const headers = { host, authorization: `Bearer ${token()}` };
	const nameless = await envoy.send({ authority: authority(), server: host, path: "/v1/payments/7", headers });
	expect(nameless).toMatchObject({ status: 401, headers: { "x-firebreak-decision": expect.any(String) } });
});
