/** The company of a soak: two servers behind Envoy, every part that they lean on within reach of a fault. */
import { createServerLogin } from "../../demo/database.ts";
import { exportTo, migrateUp, type RunningFirebreak, startFirebreak } from "../../demo/firebreak.ts";
import { createIssuers, type Issuers } from "../../demo/issuers.ts";
import { copyPolicies } from "../../demo/policies.ts";
import { accessToken, jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { startWorld, type World } from "../../demo/world.ts";
import { JwksServer } from "../support/jwks-server.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { Relay } from "../support/relay.ts";
import { Watch } from "./watch.ts";

export const PARTNER = { url: "https://id.partner.example.org", audience: "https://api.partner.example.org" } as const;
/** A path that one policy allows, which comes and goes. */
export const SWITCHED = {
	path: "/v1/soak/7",
	allow: `select firebreak.allow(name => 'soak', source => 'orders', destination => 'payments', owner => 'payments',
		methods => array['GET'], paths => array['/v1/soak/{id}'], scopes => array['payments:read'])`,
	remove: "select firebreak.remove(kind => 'policy', name => 'soak')",
} as const;

export interface Company {
	readonly world: World;
	readonly issuers: Issuers;
	/** The first one is never stopped before the end. */
	readonly servers: RunningFirebreak[];
	readonly watch: Watch;
	/** Of the partner, whose keys are fetched. */
	readonly keys: JwksServer;
	serveKeys(): void;
	partnerToken(): string;
	readonly collector: Relay;
	/** Starts the second server again, where it was. */
	restartSecond(): Promise<void>;
}

export async function startCompany(resources: AsyncDisposableStack): Promise<Company> {
	const keys = await JwksServer.start();
	resources.defer(() => keys.stop());
	const key = makeSigningKey("EdDSA", "soak");
	const serveKeys = () => keys.serve(jwksOf(key));
	serveKeys();
	const receiver = await startOtlpReceiver();
	resources.defer(() => receiver.stop());
	const collector = await Relay.start(receiver.port);
	resources.defer(() => collector.stop());
	const issuers = createIssuers();
	const servers: RunningFirebreak[] = [];
	const watch = new Watch();
	let serverUrl = "";
	const settings = {
		...exportTo(collector.port),
		NODE_OPTIONS: `--import=${new URL("./collect.ts", import.meta.url).href}`,
	};
	const world = await startWorld({
		resources,
		envoy: { authorizationTimeoutMs: 5_000 },
		async startFirebreak(ground) {
			const policies = copyPolicies(ground.workspace);
			policies.add("platform", "throw_away_keys", issuers.sql);
			policies.add(
				"partnerships",
				"remote_keys",
				`select firebreak.issuer(url => '${PARTNER.url}', domain => 'partner', audiences => array['${PARTNER.audience}'],
					max_lifetime => '15 minutes', jwks_uri => '${keys.uri}');`,
			);
			policies.add("payments", "soak", `${SWITCHED.allow};`);
			await migrateUp(ground.databaseUrl, policies.path);
			serverUrl = await createServerLogin(ground.databaseUrl);
			for (const name of ["Firebreak", "Firebreak 2"]) {
				const server = await startFirebreak(ground, serverUrl, settings, name);
				ground.resources.defer(server.process.stop);
				watch.add(server.process);
				servers.push(server);
			}
			const [first, second] = servers as [RunningFirebreak, RunningFirebreak];
			return { ...first.address, replicas: [second.address.port] };
		},
	});
	return {
		world,
		issuers,
		servers,
		watch,
		keys,
		serveKeys,
		partnerToken: () =>
			accessToken(key, {
				issuer: PARTNER.url,
				audience: PARTNER.audience,
				subject: "storefront",
				scope: "offers:read",
				now: Date.now() / 1_000,
			}),
		collector,
		async restartSecond() {
			const port = servers[1]!.address.port;
			const where = { FIREBREAK_GRPC_ADDR: `127.0.0.1:${port}` };
			const again = await startFirebreak(world, serverUrl, { ...settings, ...where }, "Firebreak 2");
			resources.defer(again.process.stop);
			watch.add(again.process);
			servers[1] = { ...again, address: { ...again.address, port } };
		},
	};
}
