/** A company whose tokens Firebreak issues itself, in a database: for tests of the control plane. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as keys from "../../src/cli/keys.ts";
import { run } from "../../src/cli/program.ts";
import * as token from "../../src/cli/token.ts";
import { fakeIo } from "./fake-io.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

export const ISSUER = "https://tokens.example.org";
export const PARTNER_ISSUER = "https://partner.example.org";
export const API_ISSUER = "https://keys.example.org";
export const FOREIGN = "https://id.example.org";
export const ORDERS = "spiffe://prod.example.org/orders";
export const PAYMENTS = "spiffe://prod.example.org/payments";

/** Owners `platform` and `orders-team`; domains `internal` and `partner`; orders and ledger call payments and reports. */
export const OWN_COMPANY = `
select firebreak.owner('platform');
select firebreak.owner('orders-team');
select firebreak.domain('internal', 'platform', flow => 'mtls+token');
select firebreak.domain('partner', 'platform', flow => 'mtls+token');
select firebreak.issuer('${ISSUER}', 'internal', audiences => array['internal-apis'], options => '{"signer": "firebreak"}');
select firebreak.issuer('${PARTNER_ISSUER}', 'partner', audiences => array['partner-apis'], options => '{"signer": "firebreak"}');
select firebreak.issuer('${API_ISSUER}', 'internal', profile => 'api_key', max_lifetime => '90 days');
select firebreak.segment('orders', 'internal', 'prod', 'orders-team', array['${ORDERS}']);
select firebreak.segment('ledger', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/ledger/*']);
select firebreak.segment('payments', 'internal', 'prod', 'platform', array['${PAYMENTS}']);
select firebreak.segment('reports', 'internal', 'prod', 'platform', array['spiffe://prod.example.org/reports']);
select firebreak.segment('gateway', 'partner', 'prod', 'platform', array['spiffe://prod.example.org/gateway']);
select firebreak.crossing('orders-to-partner', 'orders-team', 'settlement', '2100-01-01', 'internal', 'partner');
select firebreak.accept_crossing('orders-to-partner', 'platform');
select firebreak.allow(name => 'orders-read-payments', source => 'orders', destination => 'payments', owner => 'platform',
	methods => array['GET'], paths => array['/v1/payments/**'], scopes => array['payments:read']);
select firebreak.allow(name => 'orders-write-payments', source => 'orders', destination => 'payments', owner => 'platform',
	methods => array['POST'], paths => array['/v1/payments'], scopes => array['payments:write'],
	scopes_any => array['tier:gold', 'tier:silver']);
select firebreak.allow(name => 'orders-read-reports', source => 'orders', destination => 'reports', owner => 'platform',
	methods => array['GET'], paths => array['/**']);
select firebreak.allow(name => 'orders-call-gateway', source => 'orders', destination => 'gateway', owner => 'platform',
	methods => array['POST'], paths => array['/**'], scopes => array['gateway:call']);
`;

export interface OwnTokens {
	readonly database: TestDatabase;
	/** FIREBREAK_KEYS_DIR. */
	readonly keysDirectory: string;
	/** Runs a command line of `token` or `keys`; `now` moves its clock. */
	firebreak(argv: readonly string[], now?: number): Promise<{ code: number; out: string; err: string }>;
	/** The same under `--json`. */
	json(argv: readonly string[], now?: number): Promise<Record<string, never> & { readonly code: number }>;
	query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
	close(): Promise<void>;
}

export async function openOwnTokens(): Promise<OwnTokens> {
	const database = await createTestDatabase();
	const client = await database.connect();
	await client.query(OWN_COMPANY);
	const keysDirectory = mkdtempSync(join(tmpdir(), "firebreak-keys-"));
	const firebreak = async (argv: readonly string[], now?: number) => {
		const env = { DATABASE_URL: database.url, FIREBREAK_KEYS_DIR: keysDirectory };
		const io = fakeIo({ env, clock: () => now ?? Date.now() });
		const code = await run(argv, io, [token, keys]);
		return { code, out: io.out(), err: io.err() };
	};
	return {
		database,
		keysDirectory,
		firebreak,
		async json(argv, now) {
			const { code, out, err } = await firebreak([...argv, "--json"], now);
			if (out === "") throw new Error(err);
			return { ...JSON.parse(out), code };
		},
		query: async <Row extends object>(text: string, values: unknown[] = []) =>
			(await client.query<Row & Record<string, never>>(text, values)).rows as Row[],
		async close() {
			await database.drop();
			rmSync(keysDirectory, { recursive: true, force: true });
		},
	};
}
