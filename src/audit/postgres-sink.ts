/** Records into `firebreak.decision` and `firebreak.flow`, and uses of tokens. The role needs no more than firebreak_recorder. */
import { type RecordClient, type RecordDatabase, sqlState } from "./database.ts";
import type { DecisionRecord, FlowRecord, UseRecord } from "./record.ts";
import { type RecordSink, RowRefused } from "./sink.ts";

/**
 * @param server the id under which this server is known in `firebreak.server`, or null.
 *
 * A batch is one statement and one parameter. A decision that comes again is left alone. Flows and uses have no key: when
 * the connection breaks after a commit and before its answer, a batch of them is stored twice.
 */
export function postgresSink(database: RecordDatabase, server: string | null = null): RecordSink {
	const write = (statement: string, values: unknown[]) =>
		database.withClient((client) => refusing(client, statement, values));
	return {
		writeDecisions: (rows) => write(INSERT_DECISIONS, [JSON.stringify(rows.map(decisionRow)), server]),
		writeFlows: (rows) => write(INSERT_FLOWS, [JSON.stringify(rows.map(flowRow)), server]),
		writeUses: (rows) => write(COUNT_USES, [JSON.stringify(rows.map(useRow))]),
	};
}

/** Classes 22 (data exception) and 23 (constraint violation): what a row says, not that the database is away. */
const ROW_FAULT = /^2[23]/;

async function refusing(client: RecordClient, statement: string, values: unknown[]): Promise<void> {
	try {
		await client.query(statement, values);
	} catch (error) {
		const state = sqlState(error);
		if (state === null || !ROW_FAULT.test(state)) throw error;
		throw new RowRefused(`Postgres refuses a row (SQLSTATE ${state})`);
	}
}

const DECISION_COLUMNS = `id text, at timestamptz, kind text, decision text, reason text, detail text, policy text,
	epoch text, revision bigint, mode text, would jsonb, source_segment text, source_domain text, source_environment text,
	source_principal text, destination_segment text, destination_domain text, destination_environment text,
	destination_principal text, crossing text, peer_address inet, method text, host text, path text, token_issuer text,
	token_id text, token_owner text, token_scopes text[], token_withheld_scopes text[], trace_id text, count bigint`;

const FLOW_COLUMNS = `minute timestamptz, source text, destination text, operation text, token_issuer text,
	token_id text, count bigint, first timestamptz, last timestamptz`;

const namesOf = (columns: string) => columns.replace(/ \w+(\[\])?(,|$)/g, "$2");

const INSERT_DECISIONS = `
	insert into firebreak.decision (server, ${namesOf(DECISION_COLUMNS)})
	select $2, r.* from json_to_recordset($1) as r (${DECISION_COLUMNS})
	on conflict do nothing`;

const INSERT_FLOWS = `
	insert into firebreak.flow (server, ${namesOf(FLOW_COLUMNS)})
	select $2, r.* from json_to_recordset($1) as r (${FLOW_COLUMNS})`;

const COUNT_USES = "select firebreak.count_uses($1)";

function decisionRow(record: DecisionRecord): object {
	const { source, destination } = record;
	return {
		id: record.id,
		at: new Date(record.at),
		kind: record.kind,
		decision: record.decision,
		reason: record.reason,
		detail: record.detail,
		policy: record.policy,
		epoch: record.epoch,
		revision: record.revision,
		mode: record.mode,
		would: record.would,
		source_segment: source?.segment,
		source_domain: source?.domain,
		source_environment: source?.environment,
		source_principal: record.sourcePrincipal,
		destination_segment: destination?.segment,
		destination_domain: destination?.domain,
		destination_environment: destination?.environment,
		destination_principal: record.destinationPrincipal,
		crossing: record.crossing,
		peer_address: record.peerAddress,
		method: record.method,
		host: record.host,
		path: record.path,
		token_issuer: record.tokenIssuer,
		token_id: record.tokenId,
		token_owner: record.tokenOwner,
		token_scopes: record.tokenScopes,
		token_withheld_scopes: record.tokenWithheldScopes,
		trace_id: record.traceId,
		count: record.count,
	};
}

function flowRow(record: FlowRecord): object {
	return {
		minute: new Date(record.minute),
		source: record.source,
		destination: record.destination,
		operation: record.operation,
		token_issuer: record.tokenIssuer,
		token_id: record.tokenId,
		count: record.count,
		first: new Date(record.first),
		last: new Date(record.last),
	};
}

function useRow({ issuer, tokenId, count, last }: UseRecord): object {
	return { issuer, token_id: tokenId, count, last: new Date(last) };
}
