import { expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";

test("every limit is a positive whole number", () => {
	for (const limit of Object.values(LIMITS)) expect(Number.isSafeInteger(limit) && limit > 0).toBe(true);
});

test("limits of tokens fit together", () => {
	expect(LIMITS.clockSkewSeconds).toBeLessThanOrEqual(60);
	expect(LIMITS.tokenCacheSeconds).toBeLessThanOrEqual(60);
	expect(LIMITS.badTokenSeconds).toBeLessThanOrEqual(10);
	expect(LIMITS.tokenBytes).toBeLessThan(LIMITS.headerValueBytes);
	expect(LIMITS.badTokenEntries).toBeLessThanOrEqual(LIMITS.tokenCacheEntries);
	// What names a token is recorded whole; a workload's token names it, however long its SPIFFE ID is.
	expect(LIMITS.tokenIdBytes).toBeLessThanOrEqual(LIMITS.recordedTextChars);
	expect(LIMITS.subjectBytes).toBeGreaterThanOrEqual(LIMITS.spiffeIdBytes);
});

test("limits of key sets fit together", () => {
	expect(LIMITS.jwksTimeoutMs).toBeLessThan(LIMITS.jwksCooldownMs);
	expect(LIMITS.jwksRetryMs).toBeLessThan(LIMITS.jwksRefreshMs);
	expect(LIMITS.jwksRefreshMs * 2).toBeLessThan(LIMITS.jwksStaleMs);
	expect(LIMITS.rsaBits).toBeGreaterThanOrEqual(4_096);
});

test("a trust domain fits into a SPIFFE ID", () => {
	expect(LIMITS.trustDomainBytes).toBeLessThan(LIMITS.spiffeIdBytes);
});

test("limits of requests fit together", () => {
	expect(LIMITS.headerValueBytes).toBeGreaterThanOrEqual(61_440);
	expect(LIMITS.headerValueBytes).toBeLessThan(LIMITS.headersBytes);
	expect(LIMITS.headersBytes + LIMITS.pathBytes + LIMITS.queryBytes + LIMITS.certificateBytes).toBeLessThan(
		LIMITS.grpcMessageBytes,
	);
	expect(LIMITS.refusedPathChars).toBeLessThan(LIMITS.pathBytes);
	expect(LIMITS.pathSegments).toBeLessThan(LIMITS.pathBytes);
	expect(LIMITS.forwardedHops * (LIMITS.spiffeIdBytes + 256)).toBeLessThan(LIMITS.headerValueBytes);
	expect(LIMITS.certificateBytes).toBeLessThan(LIMITS.certificateCacheBytes);
});

test("limits of the gRPC side fit together", () => {
	expect(LIMITS.grpcConnectionAgeGraceMs).toBeLessThan(LIMITS.grpcConnectionAgeMs);
	expect(LIMITS.grpcKeepaliveTimeoutMs).toBeLessThan(LIMITS.grpcKeepaliveMs);
	expect(LIMITS.grpcStreams).toBeGreaterThan(1_024);
	expect(LIMITS.healthWatchers).toBeLessThan(LIMITS.grpcStreams);
});

test("a server may miss a heartbeat or two and still be live", () => {
	expect(LIMITS.heartbeatMs * 3).toBeLessThanOrEqual(LIMITS.serverLiveMs);
	expect(LIMITS.databaseRetryMaxMs).toBeLessThan(LIMITS.serverLiveMs);
	expect(LIMITS.serverLiveMs).toBeLessThan(LIMITS.serverForgetMs);
	expect(LIMITS.serverPollMs).toBeLessThan(LIMITS.heartbeatMs);
});
