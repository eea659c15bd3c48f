/** Fills a database with the made-up company, past the triggers: what is measured is what a server makes of it. */
import pg from "pg";
import { POLICIES_PER_DESTINATION, segmentCount } from "./company.ts";

/** `policies` rows as revision 1, with their open history, so that later changes are made as always. */
export async function fill(databaseUrl: string, policies: number): Promise<void> {
	const client = new pg.Client({ connectionString: databaseUrl });
	await client.connect();
	try {
		await client.query("set session_replication_role = replica");
		const segments = segmentCount(policies);
		const name = (index: string) => `'service-' || lpad((${index})::text, 5, '0')`;
		await client.query(`
			insert into firebreak.owner (name) values ('platform');
			insert into firebreak.domain (name, owner, flow, passport, on_stale, hidden, audit, mode)
				values ('internal', 'platform', 'mtls', 'optional', 'deny', false, 'full', 'enforce');
			insert into firebreak.segment (name, domain, environment, owner, probes, path_exceptions, credential_upstream,
					trusted_proxy, enforcer, mode)
				select ${name("i")}, 'internal', 'prod', 'platform', '{}', '{}', 'keep', false, false, 'enforce'
				from generate_series(0, ${segments - 1}) i;
			insert into firebreak.segment_member (segment, selector)
				select name, 'spiffe://prod.example.org/ns/' || name || '/sa/' || name from firebreak.segment;
			insert into firebreak.policy (name, effect, source, destination, owner, methods, paths, grpc, hosts, scopes,
					scopes_any, valid, mode)
				select source || '-to-' || destination || '-' || turn, 'allow', source, destination, 'platform',
					case when turn % 3 = 0 then '{POST}' else '{GET}' end::text[],
					array['/v1/resource-' || turn % 8 || '/{id}', '/v' || turn % 7 || '/resource'],
					'{}', '{}', '{}', '{}', '(,)', 'enforce'
				from (
					select i % ${POLICIES_PER_DESTINATION} as turn, ${name(`i / ${POLICIES_PER_DESTINATION}`)} as destination,
						${name(`(i / ${POLICIES_PER_DESTINATION} + 1 + (i % ${POLICIES_PER_DESTINATION}) % 50) % ${segments}`)} as source
					from generate_series(0, ${policies - 1}) i
				) made;
			insert into firebreak.history (kind, name, from_revision, owner, destination, spec, at, by)
				select kind, name, 1, owner, destination, spec, now(), session_user from firebreak.object;
			update firebreak.policy_counter set revision = 1;
			insert into firebreak.revision (number) values (1);
			update firebreak.revision set digest = firebreak.revision_digest(1);`);
		// Left to themselves both would run while a server is measured, on the processors that it needs.
		await client.query("vacuum (analyze)");
		await client.query("checkpoint");
	} finally {
		await client.end();
	}
}
