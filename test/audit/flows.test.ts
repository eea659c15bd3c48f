import { describe, expect, test } from "@jest/globals";
import { FlowTable } from "../../src/audit/flows.ts";
import { recordedCheck } from "../support/checks.ts";
import { facts, TOKEN } from "../support/decisions.ts";

const T = Date.UTC(2026, 0, 31, 12, 0, 5);
const MINUTE = Date.UTC(2026, 0, 31, 12);
const withToken = (id: string | null, issuer = TOKEN.issuer) =>
	recordedCheck({ token: { ...TOKEN, id, issuer } }, { at: T });

describe("FlowTable", () => {
	test("adds up a minute's checks that are alike", () => {
		const table = new FlowTable();
		const added = [0, 10, 20].map((ms) => table.add(recordedCheck({}, { at: T + ms })));
		expect(added).toEqual(["new", "known", "known"]);
		expect(table.takeEnded(MINUTE + 59_999)).toEqual([]);
		expect(table.takeEnded(MINUTE + 60_000)).toEqual([
			{
				minute: MINUTE,
				source: "orders",
				destination: "payments",
				operation: "orders-reads-payments",
				tokenIssuer: TOKEN.issuer,
				tokenId: "token-1",
				count: 3,
				first: T,
				last: T + 20,
			},
		]);
		expect(table.takeAll()).toEqual([]);
	});

	test.each([
		["sources", recordedCheck({ source: { segment: "other", domain: "internal", environment: "prod" } })],
		["destinations", recordedCheck({ destination: { segment: "other", domain: "internal", environment: "prod" } })],
		["operations", recordedCheck({ policy: "other" })],
		["tokens", withToken("other")],
		["issuers of one token id", withToken("token-1", "https://other.example.org")],
		["tokens without id", withToken(null)],
		["no token", recordedCheck({ token: null })],
	])("tells %s apart", (_title, other) => {
		const table = new FlowTable();
		expect([recordedCheck(), other, recordedCheck(), other].map((check) => table.add(check))).toEqual([
			"new",
			"new",
			"known",
			"known",
		]);
	});

	test.each([
		["a segment", {}, "orders"],
		["a workload in no segment", { source: null }, "spiffe://prod.example.org/ns/orders/sa/orders"],
		["a caller without certificate", { source: null, principal: null }, "anonymous"],
	])("names %s", (_title, changes, source) => {
		const table = new FlowTable();
		table.add(recordedCheck(changes));
		expect(table.takeAll()).toMatchObject([{ source }]);
	});

	test("names a probe by its path, and what no policy allowed by its reason", () => {
		const table = new FlowTable();
		table.add(recordedCheck({ reason: "allowed_probe", policy: null }, { request: facts({ rawPath: "/healthz" }) }));
		table.add(recordedCheck({ reason: "allowed_monitor", policy: null }));
		expect(table.takeAll().map(({ operation }) => operation)).toEqual(["GET /healthz", "(allowed_monitor)"]);
	});

	test("keeps minutes apart, and does not open one again when the clock goes back", () => {
		const table = new FlowTable();
		for (const at of [T, T + 60_000, T]) table.add(recordedCheck({}, { at }));
		expect(table.takeAll().map(({ minute, count }) => [minute, count])).toEqual([
			[MINUTE, 1],
			[MINUTE + 60_000, 2],
		]);
	});

	test("is bounded: first tokens are no longer told apart, then checks are lost, and both are said", () => {
		const table = new FlowTable(10);
		const results = Array.from({ length: 100 }, (_, index) => table.add(withToken(`t${index}`)));
		expect(results.filter((result) => result === "new")).toHaveLength(11);
		expect(results).not.toContain("lost");
		const rows = table.takeAll();
		expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(100);
		expect(rows.at(-1)).toMatchObject({ tokenIssuer: TOKEN.issuer, tokenId: null, count: 90 });

		const policies = Array.from({ length: 100 }, (_, index) => table.add(recordedCheck({ policy: `p${index}` })));
		expect(policies.filter((result) => result === "lost")).toHaveLength(80);
		expect(table.takeAll()).toHaveLength(20);
	});
});
