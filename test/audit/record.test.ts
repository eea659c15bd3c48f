import { expect, test } from "@jest/globals";
import { decisionRecord } from "../../src/audit/record.ts";
import { deniedCheck, recordedCheck } from "../support/checks.ts";
import { facts, TOKEN } from "../support/decisions.ts";

test("a record holds the decision, and of the token only who and which", () => {
	const record = decisionRecord("crossing", recordedCheck({ crossing: "c" }, { id: "d1" }));
	expect(record).toEqual({
		id: "d1",
		at: Date.UTC(2026, 0, 31, 12),
		kind: "crossing",
		decision: "allow",
		reason: "allowed",
		detail: null,
		policy: "orders-reads-payments",
		epoch: "epoch-1",
		revision: 17,
		mode: "enforce",
		would: null,
		source: { segment: "orders", domain: "internal", environment: "prod" },
		sourcePrincipal: "spiffe://prod.example.org/ns/orders/sa/orders",
		destination: { segment: "payments", domain: "internal", environment: "prod" },
		destinationPrincipal: "spiffe://prod.example.org/ns/payments/sa/payments",
		crossing: "c",
		peerAddress: "10.0.0.7",
		host: "payments.example.org",
		tokenScopes: ["payments:read"],
		tokenWithheldScopes: null,
		method: "GET",
		path: "/v1/payments/42",
		tokenIssuer: TOKEN.issuer,
		tokenId: "token-1",
		tokenOwner: "team-orders",
		traceId: "0af7651916cd43dd8448eb211c80319c",
		count: 1,
	});
	expect(JSON.stringify(record)).not.toContain("s3cret");
});

test("a record holds nothing endless and nothing that Postgres refuses", () => {
	const request = facts({ method: "M".repeat(9_999), rawPath: `/a\0${"b".repeat(9_999)}?token=s3cret` });
	const token = { ...TOKEN, id: `i\0${"d".repeat(9_999)}` };
	const record = decisionRecord("denial", deniedCheck({ token, principal: "p\0" }, { request, traceparent: "odd" }));
	expect(record.method).toHaveLength(1_024);
	expect(record.path).toMatch(/^\/a\ufffdb{1021}$/);
	expect(record.tokenId).toHaveLength(1_024);
	expect(record.sourcePrincipal).toBe("p\ufffd");
	expect(record.traceId).toBeNull();
});
