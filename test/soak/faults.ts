/** What is done to the company while requests run. Each is over, and everything whole again, when it returns. */
import { renameSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { FIREBREAK_SPIFFE_ID } from "../../demo/company.ts";
import { query } from "../../demo/database.ts";
import { until } from "../support/wait.ts";
import { type Company, PARTNER, SWITCHED } from "./company.ts";
import type { Excusing } from "./excuses.ts";
import { NO_ANSWER } from "./refusals.ts";
import type { Switch } from "./traffic.ts";

/** For a machine that has other things to do. */
const PATIENCE_MS = 60_000;
/** How long a part stays away. */
const AWAY_MS = 2_000;
/** Of the requests while a server is stopped and started; its calls under way are answered. */
const MOST_UNANSWERED = 0.05;

export interface Switches {
	readonly policy: Switch;
	readonly revocation: Switch;
	/** Of the token that the revocation's requests carry; a new one after each. */
	tokenId: () => string;
	newToken: () => void;
}

export interface Fault extends Excusing {
	readonly run: (company: Company, switches: Switches) => Promise<void>;
}

interface Status {
	readonly policy: {
		readonly revision: number;
		readonly seq: number;
		readonly refused: { readonly revision: number } | null;
	};
	readonly database: { readonly reachable: boolean };
}

async function statuses({ servers }: Company): Promise<Status[]> {
	return Promise.all(
		servers.map(async ({ adminUrl }) => (await (await fetch(`${adminUrl}/v1/status`)).json()) as Status),
	);
}

const all = (company: Company, what: string, holds: (status: Status) => boolean) =>
	until(what, async () => (await statuses(company)).every(holds), PATIENCE_MS);

const sql = (company: Company, text: string) => query(company.world.databaseUrl, text);

async function head(company: Company): Promise<{ revision: number; seq: number }> {
	const [row] = await query<{ revision: string; seq: string }>(
		company.world.databaseUrl,
		"select revision, seq from firebreak.head",
	);
	return { revision: Number(row?.revision), seq: Number(row?.seq) };
}

async function reached(company: Company): Promise<void> {
	await all(company, "Postgres is reached again", ({ database }) => database.reachable);
}

async function enforced(company: Company): Promise<void> {
	const { revision, seq } = await head(company);
	const isThere = ({ policy }: Status) => policy.revision >= revision && policy.seq >= seq;
	await all(company, `revision ${revision} and seq ${seq} are enforced`, isThere);
}

const postgresOf = ({ world: { postgres } }: Company) => {
	if (!postgres) throw new Error("a soak has a Postgres of its own");
	return postgres;
};

async function togglePolicy(company: Company, { policy }: Switches): Promise<void> {
	const allowed = policy.state.statuses[0] === 200;
	policy.begin(allowed ? 403 : 200);
	await sql(company, allowed ? SWITCHED.remove : SWITCHED.allow);
	await enforced(company);
	policy.settle(allowed ? 403 : 200);
}

/** None keeps Postgres away for nearly as long as policy stays fresh, or an issuer's keys for as long as they are good. */
export const FAULTS: readonly Fault[] = [
	{
		name: "Postgres is shut down and started",
		excuses: [],
		async run(company) {
			await postgresOf(company).halt();
			await sleep(AWAY_MS);
			await postgresOf(company).resume();
			await reached(company);
		},
	},
	{
		name: "Postgres is killed and started",
		excuses: [],
		async run(company) {
			await postgresOf(company).crash();
			await postgresOf(company).resume();
			await reached(company);
		},
	},
	{
		name: "all connections to Postgres are cut",
		excuses: [],
		async run(company) {
			await sql(company, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'firebreak_demo'");
			await sleep(500);
			await reached(company);
		},
	},
	{
		name: "notifications are lost while policy changes",
		excuses: [],
		async run(company, switches) {
			await sql(
				company,
				"select pg_terminate_backend(pid) from pg_stat_activity where usename = 'firebreak_demo' and query ilike 'listen%'",
			);
			await togglePolicy(company, switches);
			await reached(company);
		},
	},
	{ name: "policy changes", excuses: [], run: togglePolicy },
	{
		name: "a token is revoked",
		excuses: [],
		async run(company, { revocation, tokenId, newToken }) {
			revocation.begin(401);
			await sql(company, `select firebreak.revoke_token('https://id.internal.example.org', '${tokenId()}', 'soak')`);
			await enforced(company);
			revocation.settle(401);
			await sleep(1_000);
			revocation.begin(200);
			newToken();
			revocation.settle(200);
		},
	},
	{
		name: "a revision that does not compile",
		excuses: [],
		async run(company) {
			const where = "where name = 'orders-reads-payments'";
			await sql(company, `update firebreak.policy set condition = 'params.id ==' ${where}`);
			const { revision: bad } = await head(company);
			await all(company, "it is refused", ({ policy }) => policy.refused !== null && policy.refused.revision >= bad);
			await sleep(1_000);
			await sql(company, `update firebreak.policy set condition = null ${where}`);
			await enforced(company);
		},
	},
	{
		name: "the partner's keys do not come",
		excuses: [],
		async run({ keys, serveKeys }) {
			keys.answer = () => {};
			await sleep(AWAY_MS);
			keys.answer = (response) => response.writeHead(500).end();
			await sleep(AWAY_MS);
			serveKeys();
		},
	},
	{
		name: "the collector hangs, dies, and comes back",
		excuses: [],
		async run({ collector }) {
			collector.hang();
			await sleep(AWAY_MS);
			collector.die();
			await sleep(AWAY_MS);
			collector.cut();
		},
	},
	{
		name: "the servers get a new certificate",
		excuses: [],
		async run({ world: { pki, workspace } }) {
			const leaf = await pki.authority.issue({ uris: [FIREBREAK_SPIFFE_ID], dns: ["firebreak", "localhost"] });
			for (const [file, text] of [
				[pki.firebreak.files.certificate, leaf.certificate],
				[pki.firebreak.files.key, leaf.key],
			] as const) {
				renameSync(workspace.write("renewed", text), file);
			}
			await sleep(3_000);
		},
	},
	{
		name: "a server is stopped and started",
		// A proxy asks once more, and may pick the one that is gone again until it knows.
		excuses: [{ reason: NO_ANSWER, kinds: "all", mostShare: MOST_UNANSWERED }],
		async run(company) {
			await company.watch.end(company.servers[1]!.process);
			await company.restartSecond();
			await enforced(company);
		},
	},
	{
		name: "the partner's issuer is stated anew",
		excuses: [],
		async run(company) {
			await sql(
				company,
				`select firebreak.issuer(url => '${PARTNER.url}', domain => 'partner', audiences => array['${PARTNER.audience}'],
					max_lifetime => '14 minutes', jwks_uri => '${company.keys.uri}')`,
			);
			await enforced(company);
			await sql(
				company,
				`select firebreak.issuer(url => '${PARTNER.url}', domain => 'partner', audiences => array['${PARTNER.audience}'],
					max_lifetime => '15 minutes', jwks_uri => '${company.keys.uri}')`,
			);
			await enforced(company);
		},
	},
];
