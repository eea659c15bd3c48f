/** A real Firebreak, the example company's services, and real Envoys that run the bootstraps in envoy/ before one of them. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ClientResponse } from "../../demo/client.ts";
import { migrateUp } from "../../demo/firebreak.ts";
import type { Leaf } from "../../demo/pki.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { examineEnvoy } from "../../src/doctor/envoy/examine.ts";
import { fetchEnvoy } from "../../src/doctor/envoy/fetch.ts";
import { until } from "../support/wait.ts";
import { fillIn, type RunningBootstrap, startBootstrap, type Values } from "./shipped.ts";

export const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";
export const PAYMENTS = "spiffe://prod.example.org/ns/payments/sa/payments";
const EDGE = "spiffe://prod.example.org/ns/edge/sa/edge";
const FIREBREAK = "spiffe://prod.example.org/ns/firebreak/sa/firebreak";

// A gateway that may ask about the services behind it, and call them.
const GATEWAY_SQL = `
select firebreak.segment(name => 'edge', domain => 'internal', environment => 'prod', owner => 'platform',
	members => array['${EDGE}'], enforcer => true, trusted_proxy => true);
select firebreak.allow(name => 'edge-reads-payments', source => 'edge', destination => 'payments', owner => 'payments',
	methods => array['GET'], paths => array['/v1/payments/{id}'], scopes => array['payments:read']);`;

export interface Stand {
	readonly stage: Stage;
	readonly workspace: Workspace;
	/** PEM of the authority whose certificates count. */
	readonly authority: string;
	/** A new certificate of the payments service. */
	renewed(): Promise<Leaf>;
	/** Fills in a bootstrap, with other values for some placeholders, and returns the file. */
	fill(file: string, changes?: Values): string;
	/** Runs it. Half a second of patience is for production: here it is four, unless `hasty`. */
	start(file: string, changes?: Values, options?: { readonly hasty?: boolean }): Promise<RunningBootstrap>;
	/** Sends one request of the orders service, with its token. */
	ask(envoy: RunningBootstrap, request?: Ask): Promise<ClientResponse>;
	/** Ids of what the doctor finds, once Envoy has seen that Firebreak is healthy. */
	examined(envoy: RunningBootstrap): Promise<string[]>;
	stop(): Promise<void>;
}

export interface Ask {
	/** `GET` by default. */
	readonly method?: string;
	/** A payment by default. */
	readonly path?: string;
	/** The name that the listener must prove; that of payments by default. */
	readonly server?: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Without the certificate of orders. */
	readonly nameless?: boolean;
}

/** Starts all but the Envoys. */
export async function setStand(): Promise<Stand> {
	const stage = await setStage();
	const workspace = createWorkspace("envoy");
	const running: RunningBootstrap[] = [];
	const { pki } = stage.world;
	const authority = pki.authority.certificate;
	stage.policies.add("payments", "edge", GATEWAY_SQL);
	await migrateUp(stage.world.databaseUrl, stage.policies.path);
	const edge = await pki.authority.issue({ uris: [EDGE], commonName: "edge" });
	const hostname = await pki.authority.issue({ dns: ["payments.example.org"], commonName: "payments.example.org" });
	writeCertificates("payments", pki.services.get("payments") as Leaf);
	writeCertificates("edge", edge, hostname);

	/** A folder of certificates as the files in envoy/ expect it. */
	function writeCertificates(folder: string, service: Leaf, hostname?: Leaf): void {
		mkdirSync(path.join(workspace.path, folder), { recursive: true });
		const write = (name: string, leaf: Leaf) => {
			workspace.write(`${folder}/${name}.pem`, leaf.certificate);
			workspace.write(`${folder}/${name}.key`, leaf.key);
		};
		write("service", service);
		if (hostname) write("hostname", hostname);
		workspace.write(`${folder}/authority.pem`, authority);
	}

	function valuesFor(file: string): Values {
		const [name, upstream] =
			file === "gateway.yaml"
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
			FIREBREAK_SOCKET: path.join(workspace.path, "firebreak.sock"),
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

	async function findings(envoy: RunningBootstrap): Promise<string[]> {
		const { dump, certificates } = await fetchEnvoy(new URL(envoy.adminUrl));
		return examineEnvoy(dump, certificates).map(({ id }) => id);
	}

	return {
		stage,
		workspace,
		authority,
		fill,
		renewed: () => pki.authority.issue({ uris: [PAYMENTS], commonName: "payments" }),
		async start(file, changes, { hasty = false } = {}) {
			const bootstrap = fill(file, changes);
			const text = readFileSync(bootstrap, "utf8");
			const patient = text
				.replace("timeout: 0.5s", "timeout: 4s")
				.replace("connect_timeout: 0.25s", "connect_timeout: 2s");
			const written = workspace.write(path.basename(file), hasty ? text : patient);
			const envoy = await startBootstrap(workspace, written);
			running.push(envoy);
			return envoy;
		},
		ask(envoy, { nameless = false, server = PAYMENTS, path: asked = "/v1/payments/7", headers, ...request } = {}) {
			const token = stage.issuers.token({ issuer: "internal", subject: "orders", scope: "payments:read" });
			return envoy.send({
				...request,
				...(!nameless && { certificate: pki.services.get("orders") as Leaf }),
				authority,
				server,
				path: asked,
				headers: { authorization: `Bearer ${token}`, ...headers },
			});
		},
		async examined(envoy) {
			await until("Firebreak is healthy", async () => !(await findings(envoy)).includes("firebreak_unhealthy"));
			return findings(envoy);
		},
		async stop() {
			for (const envoy of running) await envoy.stop();
			workspace.remove();
			await stage.world.stop();
		},
	};
}

/** Serial numbers of the certificates that Envoy shows, to callers and to Firebreak. */
export async function serialsOf({ adminUrl }: RunningBootstrap): Promise<string[]> {
	const { certificates } = (await (await fetch(`${adminUrl}/certs`)).json()) as {
		certificates: { cert_chain: { serial_number: string }[] }[];
	};
	return certificates.flatMap(({ cert_chain }) => cert_chain.map(({ serial_number }) => serial_number));
}

/** Waits until it shows none of the certificates that it showed before. */
export async function untilRenewed(envoy: RunningBootstrap, before: readonly string[]): Promise<void> {
	await until("the new certificate is in use", async () => {
		const now = await serialsOf(envoy);
		return now.length === before.length && now.every((serial) => !before.includes(serial));
	});
}
