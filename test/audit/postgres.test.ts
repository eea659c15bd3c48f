/** Records in a real Postgres: written as the recorder's role, read as a reader's, pruned by whoever may. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { Client } from "pg";
import type { RecordDatabase } from "../../src/audit/database.ts";
import { postgresSink } from "../../src/audit/postgres-sink.ts";
import { recordReader } from "../../src/audit/reader.ts";
import { type DecisionRecord, decisionRecord, type FlowRecord, type UseRecord } from "../../src/audit/record.ts";
import { createRecorder } from "../../src/audit/recorder.ts";
import { createRetention, DeletionForbidden, prune } from "../../src/audit/retention.ts";
import { RowRefused } from "../../src/audit/sink.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { deniedCheck, recordedCheck } from "../support/checks.ts";
import { facts, TOKEN } from "../support/decisions.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const T = Date.UTC(2026, 0, 31, 12);
const DAY = 86_400_000;

let testDatabase: TestDatabase;
let admin: Client;
let recorder: RecordDatabase;
let reader: RecordDatabase;
beforeAll(async () => {
	testDatabase = await createTestDatabase();
	admin = await testDatabase.connect();
	recorder = over(await testDatabase.connect({ role: "firebreak_recorder" }));
	reader = over(await testDatabase.connect({ role: "firebreak_reader" }));
});
afterAll(() => testDatabase?.drop());
beforeEach(async () => {
	await admin.query("truncate firebreak.decision, firebreak.flow, firebreak.server");
});

function over(client: Client): RecordDatabase {
	return { withClient: (work) => work(client) };
}

function flow(changes: Partial<FlowRecord> = {}): FlowRecord {
	return {
		minute: T,
		source: "orders",
		destination: "payments",
		operation: "orders-reads-payments",
		tokenIssuer: "https://issuer.example.org",
		tokenId: "t1",
		count: 3,
		first: T + 1,
		last: T + 2,
		...changes,
	};
}

function denials(count: number, changes: Partial<DecisionRecord> = {}): DecisionRecord[] {
	return Array.from({ length: count }, () => ({ ...decisionRecord("denial", deniedCheck({}, { at: T })), ...changes }));
}

describe("postgresSink, as firebreak_recorder", () => {
	test("stores every column of a decision", async () => {
		const would = { reason: "scope_missing", detail: "a", policy: "p" } as const;
		const check = recordedCheck(
			{ reason: "allowed_monitor", mode: "monitor", would, detail: "d" },
			{ id: "d1", at: T },
		);
		await postgresSink(recorder, "server-1").writeDecisions([decisionRecord("monitor", check)]);
		expect(await recordReader(reader).decision("d1")).toEqual({
			id: "d1",
			at: new Date(T),
			server: "server-1",
			kind: "monitor",
			decision: "allow",
			reason: "allowed_monitor",
			detail: "d",
			policy: "orders-reads-payments",
			epoch: "epoch-1",
			revision: 17,
			mode: "monitor",
			would: { reason: "scope_missing", detail: "a" },
			source_segment: "orders",
			source_domain: "internal",
			source_environment: "prod",
			source_principal: "spiffe://prod.example.org/ns/orders/sa/orders",
			destination_segment: "payments",
			destination_domain: "internal",
			destination_environment: "prod",
			destination_principal: "spiffe://prod.example.org/ns/payments/sa/payments",
			crossing: null,
			peer_address: "10.0.0.7",
			host: "payments.example.org",
			token_scopes: ["payments:read"],
			token_withheld_scopes: null,
			method: "GET",
			path: "/v1/payments/42",
			token_issuer: "https://issuer.example.org",
			token_id: "token-1",
			token_owner: "team-orders",
			trace_id: "0af7651916cd43dd8448eb211c80319c",
			count: 1,
		});
	});

	test("stores what is not known as null", async () => {
		const check = deniedCheck({ source: null, principal: null, destination: null, token: null }, { id: "d2" });
		await postgresSink(recorder).writeDecisions([decisionRecord("denial", { ...check, traceparent: undefined })]);
		expect(await recordReader(reader).decision("d2")).toMatchObject({
			server: null,
			source_segment: null,
			source_principal: null,
			destination_segment: null,
			token_issuer: null,
			trace_id: null,
			would: null,
		});
	});

	test("stores hostile texts as they are, or made harmless", async () => {
		const request = facts({ rawPath: "/a'); drop table firebreak.decision; --\u0000\ud800\"\\", method: "💥" });
		await postgresSink(recorder).writeDecisions([decisionRecord("denial", deniedCheck({}, { id: "d3", request }))]);
		expect(await recordReader(reader).decision("d3")).toMatchObject({
			method: "💥",
			path: "/a'); drop table firebreak.decision; --\ufffd\ufffd\"\\",
		});
	});

	test("leaves alone a decision that comes again", async () => {
		const rows = denials(3);
		const sink = postgresSink(recorder);
		await sink.writeDecisions(rows);
		await sink.writeDecisions([...rows, ...denials(1)]);
		expect((await admin.query("select count(*)::int as n from firebreak.decision")).rows).toEqual([{ n: 4 }]);
	});

	test("stores all of a batch or nothing, and tells a bad row from an outage", async () => {
		const sink = postgresSink(recorder);
		await expect(sink.writeDecisions([...denials(2), ...denials(1, { count: 0 })])).rejects.toThrow(RowRefused);
		await expect(sink.writeFlows([flow(), flow({ count: -1 })])).rejects.toThrow("SQLSTATE 23514");
		expect((await admin.query("select count(*)::int as n from firebreak.decision")).rows).toEqual([{ n: 0 }]);
		const away: RecordDatabase = { withClient: () => Promise.reject(new Error("connection refused")) };
		await expect(postgresSink(away).writeDecisions(denials(1))).rejects.not.toThrow(RowRefused);
	});

	test("takes a whole batch at once", async () => {
		await postgresSink(recorder).writeDecisions(denials(LIMITS.recordBatchRows));
		const { rows } = await admin.query("select count(*)::int as n from firebreak.decision");
		expect(rows).toEqual([{ n: LIMITS.recordBatchRows }]);
	});

	test("is what a recorder needs: everything it was given is there in the end", async () => {
		const events = { lost: () => {}, sinkDown: () => {}, sinkBack: () => {} };
		const queue = createRecorder({
			queueMax: 100,
			sink: postgresSink(recorder),
			clock: () => T,
			random: () => 0,
			events,
		});
		for (let index = 0; index < 50; index++) queue.record(deniedCheck({}, { at: T }));
		for (let index = 0; index < 70; index++) queue.record(recordedCheck({}, { at: T }));
		await queue.stop(10_000);
		const { rows } = await admin.query(`
			select kind, sum(count)::int as n from firebreak.decision group by kind
			union all select 'flow', sum(count)::int from firebreak.flow order by kind`);
		expect(rows).toEqual([
			{ kind: "denial", n: 50 },
			{ kind: "edge", n: 1 },
			{ kind: "flow", n: 70 },
		]);
		expect(queue.lost).toMatchObject({ denial: 0, flow: 0 });
	});
});

test("scopes that a registration takes away are told beside the others, so that the decision can be made again", async () => {
	const token = { ...TOKEN, scopes: ["a"], allScopes: ["b", "a", "c"] };
	const check = deniedCheck({ token, reason: "policy_denied" }, { id: "narrowed", at: T });
	await postgresSink(recorder).writeDecisions([decisionRecord("denial", check)]);
	expect(await recordReader(reader).decision("narrowed")).toMatchObject({
		token_scopes: ["a"],
		token_withheld_scopes: ["b", "c"],
	});
});

describe("uses of tokens", () => {
	const use = (changes: Partial<UseRecord> = {}): UseRecord => ({
		issuer: "https://issuer.example.org",
		tokenId: "t1",
		count: 3,
		last: T + 2,
		...changes,
	});
	beforeAll(async () => {
		await admin.query("select firebreak.owner('platform')");
		for (const id of ["t1", "t2"]) {
			const args = `'https://issuer.example.org', '${id}', 'platform', 'x', '2001-01-01'`;
			await admin.query(`select firebreak.register_token(${args})`);
		}
	});
	afterAll(() => admin.query("delete from firebreak.passport"));
	const known = async () =>
		(await admin.query("select token_id, uses::int, last_seen from firebreak.passport order by 1")).rows;

	test("are added to passports, though who records may not write that table", async () => {
		const sink = postgresSink(recorder);
		await sink.writeUses([use(), use({ count: 2, last: T + 9 }), use({ tokenId: "nobody's" })]);
		await sink.writeUses([use({ count: 1, last: T })]);
		expect(await known()).toEqual([
			{ token_id: "t1", uses: 6, last_seen: new Date(T + 9) },
			{ token_id: "t2", uses: 0, last_seen: null },
		]);
	});

	test("of servers that count at once add up, in whatever order they name them", async () => {
		const before = await known();
		const clients = await Promise.all([1, 2].map(() => testDatabase.connect({ role: "firebreak_recorder" })));
		const rows = [use({ count: 1 }), use({ tokenId: "t2", count: 1 })];
		await Promise.all(
			clients.map(async (client, index) => {
				const sink = postgresSink(over(client));
				for (let round = 0; round < 20; round++) await sink.writeUses(index === 0 ? rows : rows.toReversed());
			}),
		);
		expect((await known()).map(({ uses }) => uses)).toEqual(before.map(({ uses }) => uses + 40));
	});

	test("are not told by traffic", async () => {
		const before = await known();
		await postgresSink(recorder).writeFlows([flow()]);
		expect(await known()).toEqual(before);
	});
});

describe("recordReader, as firebreak_reader", () => {
	const whole = { source: null, destination: null, since: T, until: T + DAY, limit: 10 };

	test("adds flows up, the busiest first", async () => {
		await postgresSink(recorder).writeFlows([
			flow(),
			flow({ minute: T + 60_000, tokenId: "t2", first: T + 60_001, last: T + 60_009 }),
			flow({ source: "storefront", operation: "storefront-pays", count: 10, tokenIssuer: null, tokenId: null }),
		]);
		expect(await recordReader(reader).flows(whole)).toEqual([
			{
				source: "storefront",
				destination: "payments",
				operation: "storefront-pays",
				count: 10,
				first: new Date(T + 1),
				last: new Date(T + 2),
				tokens: 0,
			},
			{
				source: "orders",
				destination: "payments",
				operation: "orders-reads-payments",
				count: 6,
				first: new Date(T + 1),
				last: new Date(T + 60_009),
				tokens: 2,
			},
		]);
	});

	test("by source, destination, time and number", async () => {
		await postgresSink(recorder).writeFlows([
			flow(),
			flow({ source: "other" }),
			flow({ destination: "other" }),
			flow({ minute: T - 60_000, operation: "before" }),
			flow({ minute: T + DAY, operation: "after" }),
		]);
		const read = recordReader(reader);
		expect(await read.flows(whole)).toHaveLength(3);
		expect(await read.flows({ ...whole, source: "orders", destination: "payments" })).toHaveLength(1);
		expect(await read.flows({ ...whole, limit: 2 })).toHaveLength(2);
		expect(await read.flows({ ...whole, source: "nobody" })).toEqual([]);
	});

	test("finds no decision that is not there", async () => {
		expect(await recordReader(reader).decision("absent")).toBeNull();
	});

	test("lists servers", async () => {
		await admin.query(`insert into firebreak.server (id, epoch, revision, seq, started, heartbeat)
			values ('a', 'e', 4, 2, now(), '2026-01-31T12:00:00Z'), ('b', 'e', 5, 2, now(), '2026-01-31T12:00:01Z')`);
		expect(await recordReader(reader).servers()).toMatchObject([
			{ id: "b", revision: 5, seq: 2 },
			{ id: "a", revision: 4 },
		]);
	});
});

describe("retention", () => {
	beforeEach(async () => {
		const sink = postgresSink(recorder);
		await sink.writeDecisions([...denials(3, {}), ...denials(2).map((row) => ({ ...row, at: T + DAY }))]);
		await sink.writeFlows([flow(), flow({ minute: T + DAY })]);
	});
	const left = async () =>
		(
			await admin.query(`select (select count(*) from firebreak.decision)::int as decisions,
				(select count(*) from firebreak.flow)::int as flows`)
		).rows[0];

	test("deletes what is older, and only that", async () => {
		expect(await prune(over(admin), T + DAY)).toBe(4);
		expect(await left()).toEqual({ decisions: 2, flows: 1 });
		expect(await prune(over(admin), T + DAY)).toBe(0);
	});

	test("deletes what is known of tokens that were over before, and of no others", async () => {
		const register = (id: string, expires: string) =>
			admin.query(
				`select firebreak.register_token('https://id.example.org', $1, 'platform', 'x', now() + $2::interval, kind => 'issued')`,
				[id, expires],
			);
		await admin.query("select firebreak.owner('platform')");
		await register("over", "-2 days");
		await register("over-lately", "-1 hour");
		await register("live", "1 hour");
		expect(await prune(over(admin), Date.now() - DAY)).toBeGreaterThanOrEqual(1);
		const { rows } = await admin.query("select token_id from firebreak.passport order by 1");
		expect(rows).toEqual([{ token_id: "live" }, { token_id: "over-lately" }]);
	});

	test("is refused to the recorder, who must not wipe its traces", async () => {
		await expect(prune(recorder, T + DAY)).rejects.toThrow(DeletionForbidden);
		expect(await left()).toEqual({ decisions: 5, flows: 2 });
	});
});

describe("retention at intervals", () => {
	test("says once that it may not, and how much it deleted", async () => {
		jest.useFakeTimers({ now: T });
		try {
			const told: unknown[] = [];
			let answer: () => Promise<number> = () => Promise.reject(Object.assign(new Error("no"), { code: "42501" }));
			const seen: unknown[] = [];
			const database: RecordDatabase = {
				withClient: (work) =>
					work({
						query: async (_text, values) => {
							seen.push(values?.[0]);
							return { rows: [], rowCount: await answer() };
						},
					}),
			};
			const retention = createRetention({
				database,
				retention: DAY,
				clock: Date.now,
				random: () => 0.5,
				events: { pruned: (rows) => told.push(rows), failed: (cause) => told.push(cause) },
			});
			retention.start();
			await jest.advanceTimersByTimeAsync(LIMITS.retentionRoundMs / 2);
			expect(seen).toEqual([new Date(T + LIMITS.retentionRoundMs / 2 - DAY)]);
			await jest.advanceTimersByTimeAsync(LIMITS.retentionRoundMs * 2);
			expect(told).toEqual(["forbidden"]);
			answer = async () => 7;
			await jest.advanceTimersByTimeAsync(LIMITS.retentionRoundMs);
			expect(told).toEqual(["forbidden", 21]);
			await retention.stop();
			await jest.advanceTimersByTimeAsync(LIMITS.retentionRoundMs * 2);
			expect(told).toHaveLength(2);
		} finally {
			jest.useRealTimers();
		}
	});
});
