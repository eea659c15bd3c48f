/** Reads whole policy sets, each from one instant of the database. */
import type { ClientBase } from "pg";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { PolicyRow, PolicySet } from "../core/model.ts";
import { readHead } from "./head.ts";
import { PolicyColumns, type PolicyTexts } from "./policy-columns.ts";
import { addObject, emptyLists, type ObjectLists } from "./rows.ts";
import { isUnreachable } from "./store-error.ts";
import { streamRows } from "./stream.ts";

export interface LoadOptions {
	/** Called now and then with the number of policies read so far, and at the end. */
	readonly progress?: (policies: number) => void;
}

/** The committed set of this moment, in a transaction of its own. */
export async function loadPolicySet(client: ClientBase, options: LoadOptions = {}): Promise<PolicySet> {
	return inOneInstant(client, () => readPolicySet(client, options));
}

/** The set as it stood at a revision. @throws FirebreakError not_found when there is no such revision. */
export async function loadPolicySetAt(client: ClientBase, revision: number): Promise<PolicySet> {
	return inOneInstant(client, async () => {
		const head = await readHead(client);
		if (!Number.isSafeInteger(revision) || revision < 0 || revision > head.revision) {
			throw new FirebreakError("not_found", `there is no revision ${revision}: the newest is ${head.revision}`);
		}
		const lists = emptyLists();
		const text = "select kind, spec::text from firebreak.policy_at($1)";
		await streamRows(client, text, [revision], ([kind, spec]) => addObject(lists, kind!, spec!));
		return assemble(head.epoch, revision, lists, lists.policy);
	});
}

/**
 * Reads within the transaction that the caller holds: with its own uncommitted changes, when it made some. The
 * transaction must see one instant (REPEATABLE READ), or keep others from committing.
 */
export async function readPolicySet(client: ClientBase, { progress }: LoadOptions = {}): Promise<PolicySet> {
	const head = await readHead(client);
	const lists = emptyLists();
	await streamRows(client, OTHERS, [], ([kind, spec]) => addObject(lists, kind!, spec!));
	const policies = new PolicyColumns();
	await streamRows(client, POLICIES, [], (row) => {
		policies.add(row as PolicyTexts);
		if (policies.size % POLICIES_PER_REPORT === 0) progress?.(policies.size);
	});
	progress?.(policies.size);
	return assemble(head.epoch, head.revision, lists, policies);
}

function assemble(epoch: string, revision: number, lists: ObjectLists, policies: Iterable<PolicyRow>): PolicySet {
	return {
		epoch,
		revision,
		owners: lists.owner,
		domains: lists.domain,
		issuers: lists.issuer,
		segments: lists.segment,
		crossings: lists.crossing,
		policies,
		rate_limits: lists.rate_limit,
	};
}

/** One snapshot of the database for everything that is read, and no writing. */
export async function inOneInstant<T>(client: ClientBase, read: () => Promise<T>): Promise<T> {
	await client.query("begin isolation level repeatable read read only");
	try {
		await client.query(`set local statement_timeout = ${LIMITS.databaseLoadMs}`);
		const result = await read();
		await client.query("commit");
		return result;
	} catch (error) {
		// A lost connection may never answer again; whoever lent it throws it away.
		if (!isUnreachable(error)) await client.query("rollback");
		throw error;
	}
}

const OTHERS = "select kind, spec::text from firebreak.object where kind <> 'policy'";
/** What policies have in common comes as one text, so that it is parsed once for all that share it; see PolicyTexts. */
const POLICIES = `select name, source, destination, owner,
	concat_ws(' ', effect, mode, methods::text, grpc::text, hosts::text, scopes::text, scopes_any::text),
	paths, condition, upgrade,
	floor(extract(epoch from lower(valid)) * 1000), floor(extract(epoch from upper(valid)) * 1000)
	from firebreak.policy`;
const POLICIES_PER_REPORT = 10_000;
