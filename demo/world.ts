import { type ClientRequest, type ClientResponse, send } from "./client.ts";
import { COMPANY, FIREBREAK_SPIFFE_ID, type Service } from "./company.ts";
import { type RunningEnvoy, startEnvoy } from "./envoy.ts";
import type { CertificateFiles, EnvoyOptions, FirebreakAddress } from "./envoy-options.ts";
import { type Authority, createAuthority, type Leaf } from "./pki.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./postgres.ts";
import { startUpstream, type Upstream } from "./upstream.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** A certificate in memory, and as files for programs that read files. */
export interface Identity extends Leaf {
	readonly files: CertificateFiles;
}

export interface Pki {
	readonly authority: Authority;
	/** PEM file of the authority's certificate. */
	readonly authorityFile: string;
	/** By service name. */
	readonly services: ReadonlyMap<string, Identity>;
	/** Firebreak's own. */
	readonly firebreak: Identity;
}

/** What stands before Firebreak starts. */
export interface Ground {
	readonly workspace: Workspace;
	readonly pki: Pki;
	/** Connection string of a superuser. */
	readonly databaseUrl: string;
	/** What is put here is released when the world stops, in reverse order. */
	readonly resources: AsyncDisposableStack;
}

/** Runs one step of the start, and may tell of it. */
export type Step = <Result>(label: string, work: () => Promise<Result>) => Promise<Result>;

export interface WorldOptions {
	/** Applies migrations and starts Firebreak; what it starts it puts into `resources`. Tells where Firebreak listens. */
	readonly startFirebreak: (ground: Ground) => Promise<FirebreakAddress>;
	/** An existing Postgres; an embedded one is started when absent, none at all when false. */
	readonly database?: string | false;
	/** The example company by default. */
	readonly services?: readonly Service[];
	/** An OTLP gRPC receiver on 127.0.0.1 that Envoy's spans go to; none by default. */
	readonly otlpPort?: number;
	/** Through which each step of the start goes; steps just run by default. */
	readonly step?: Step;
	/** Owns what is started, so that a signal that comes half-way can stop that much; the world's own by default. */
	readonly resources?: AsyncDisposableStack;
	/** Context extension `firebreak.destination` by service; absent for the others. */
	readonly destinations?: Readonly<Record<string, string>>;
	/** Anything else about the proxies. */
	readonly envoy?: Pick<EnvoyOptions, "authorizationTimeoutMs" | "paths" | "maxStreamDurationMs" | "upgrades">;
}

/** A request from one party of the company to another, through the other's sidecar. */
export interface Call extends Pick<ClientRequest, "method" | "path" | "headers" | "body" | "http2" | "timeoutMs"> {
	/** A service that shows its certificate; any other certificate; null shows none. */
	readonly from: string | Pick<Leaf, "certificate" | "key"> | null;
	/** A service. */
	readonly to: string;
}

/** The example company, up and running behind its sidecars. */
export interface World {
	readonly workspace: Workspace;
	readonly pki: Pki;
	readonly envoy: RunningEnvoy;
	readonly firebreak: FirebreakAddress;
	/** Absent when the database is someone else's. */
	readonly postgres: EmbeddedPostgres | undefined;
	readonly databaseUrl: string;
	upstream(service: string): Upstream;
	/** Sends one request and returns whatever answer the sidecar gives. */
	send(call: Call): Promise<ClientResponse>;
	/** Stops everything in reverse order and removes the workspace. May be called again. */
	stop(): Promise<void>;
}

/**
 * Starts the example company: certificates, upstream services, Postgres, then Firebreak by the given function, then Envoy.
 * On failure everything that was started is stopped again.
 */
export async function startWorld(options: WorldOptions): Promise<World> {
	const services = options.services ?? COMPANY;
	const resources = options.resources ?? new AsyncDisposableStack();
	const stop = (): Promise<void> => resources.disposeAsync();
	const step = options.step ?? ((_label, work) => work());
	try {
		const workspace = createWorkspace("world");
		resources.defer(workspace.remove);
		const pki = await step("Certificates", () => createPki(workspace, services));
		const upstreams = await step("Services", () => startUpstreams(services, resources));
		const postgres = options.database === undefined ? await step("Postgres", () => startEmbeddedPostgres()) : undefined;
		if (postgres) resources.defer(postgres.stop);
		const databaseUrl = postgres?.url ?? (options.database || "");
		const firebreak = await options.startFirebreak({
			workspace,
			pki,
			databaseUrl,
			resources,
		});
		const envoy = await step("Envoy", () =>
			startEnvoy(workspace, {
				...options.envoy,
				sidecars: services.map(({ name }) => ({
					name,
					files: identityOf(pki, name).files,
					upstreamPort: find(upstreams, name).port,
					...(options.destinations?.[name] !== undefined && { destination: options.destinations[name] }),
				})),
				firebreak,
				authorityFile: pki.authorityFile,
				accessLogFile: `${workspace.path}/access.log`,
				...(options.otlpPort !== undefined && { otlpPort: options.otlpPort }),
			}),
		);
		resources.defer(envoy.stop);
		const spiffeIds = new Map(services.map(({ name, spiffeId }) => [name, spiffeId]));
		return {
			workspace,
			pki,
			envoy,
			firebreak,
			postgres,
			databaseUrl,
			upstream: (service) => find(upstreams, service),
			send({ from, to, ...request }) {
				const certificate = typeof from === "string" ? identityOf(pki, from) : from;
				return send({
					...request,
					port: envoy.port(to),
					authority: pki.authority.certificate,
					server: find(spiffeIds, to),
					...(certificate && { certificate }),
				});
			},
			stop,
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

async function startUpstreams(
	services: readonly Service[],
	resources: AsyncDisposableStack,
): Promise<Map<string, Upstream>> {
	const upstreams = new Map<string, Upstream>();
	for (const { name } of services) {
		const upstream = await startUpstream(name);
		resources.defer(upstream.stop);
		upstreams.set(name, upstream);
	}
	return upstreams;
}

async function createPki(workspace: Workspace, services: readonly Service[]): Promise<Pki> {
	const authority = await createAuthority();
	const identify = async (name: string, spiffeId: string): Promise<Identity> => {
		// The DNS names are for tools such as curl, which look for no other; identity is the URI alone.
		const leaf = await authority.issue({ uris: [spiffeId], dns: [name, "localhost"], commonName: name });
		const files = {
			certificate: workspace.write(`${name}.pem`, leaf.certificate),
			key: workspace.write(`${name}.key`, leaf.key),
		};
		return { ...leaf, files };
	};
	const identities = new Map<string, Identity>();
	for (const { name, spiffeId } of services) identities.set(name, await identify(name, spiffeId));
	return {
		authority,
		authorityFile: workspace.write("authority.pem", authority.certificate),
		services: identities,
		firebreak: await identify("firebreak", FIREBREAK_SPIFFE_ID),
	};
}

function identityOf(pki: Pki, service: string): Identity {
	return find(pki.services, service);
}

function find<Value>(map: ReadonlyMap<string, Value>, service: string): Value {
	const value = map.get(service);
	if (value === undefined) throw new Error(`no service ${service}; there are ${[...map.keys()].join(", ")}`);
	return value;
}
