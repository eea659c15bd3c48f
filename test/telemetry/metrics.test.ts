import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Decision } from "../../src/core/decision.ts";
import { REASONS, type Reason } from "../../src/core/reasons.ts";
import { DURATION_BOUNDS } from "../../src/telemetry/check-counter.ts";
import { createMetrics, type MetricSources } from "../../src/telemetry/metrics.ts";
import { METRIC } from "../../src/telemetry/names.ts";
import { decision } from "../support/decisions.ts";
import { readMetrics, type Sample } from "../support/prometheus.ts";

const SOURCES: MetricSources = {
	policy: () => ({ source: "disk", revision: 17, seq: 4, policyAge: 0.25, revocationAge: 0.5 }),
	revisionsRefused: () => 2,
	recordsLost: () => ({ denial: 1, flow: 30 }),
	recordQueue: () => 12,
	tokenCache: () => ({ hit: 5, miss: 1 }),
	jwksAges: () => [['https://issuer.example.org/with "quotes"', 60]],
	checksShed: () => ({ delay: 7, streams: 0, deadline: 1 }),
	grpcConnections: () => ({ open: 12, dropped: { limit: 0, displaced: 3, handshake: 1 } }),
	rateFallbacks: () => ({ slow: 3 }),
	exchanges: () => ({ issued: 8, invalid_scope: 2 }),
};

async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Sample[]> {
	return readMetrics(await metrics.text());
}

const valuesOf = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}) =>
	samples
		.filter(
			(sample) =>
				sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
		)
		.map(({ value }) => value);

describe("what others keep", () => {
	test("is read at the scrape", async () => {
		const samples = await scrape(createMetrics(SOURCES));
		expect(valuesOf(samples, METRIC.checksShed, { cause: "delay" })).toEqual([7]);
		const ours = samples.filter(({ name }) => name.startsWith("firebreak_") && !name.includes("check"));
		expect(ours).toEqual([
			{ name: METRIC.policyRevision, labels: {}, value: 17 },
			{ name: METRIC.revocationSeq, labels: {}, value: 4 },
			{ name: METRIC.snapshotAge, labels: { lane: "policy" }, value: 0.25 },
			{ name: METRIC.snapshotAge, labels: { lane: "revocation" }, value: 0.5 },
			{ name: METRIC.snapshotSource, labels: { source: "disk" }, value: 1 },
			{ name: METRIC.snapshotSource, labels: { source: "database" }, value: 0 },
			{ name: METRIC.recordQueue, labels: {}, value: 12 },
			{ name: METRIC.jwksAge, labels: { issuer: 'https://issuer.example.org/with "quotes"' }, value: 60 },
			{ name: METRIC.revisionsRefused, labels: {}, value: 2 },
			{ name: METRIC.grpcConnections, labels: {}, value: 12 },
			{ name: METRIC.grpcConnectionsDropped, labels: { cause: "limit" }, value: 0 },
			{ name: METRIC.grpcConnectionsDropped, labels: { cause: "displaced" }, value: 3 },
			{ name: METRIC.grpcConnectionsDropped, labels: { cause: "handshake" }, value: 1 },
			{ name: METRIC.recordsLost, labels: { kind: "denial" }, value: 1 },
			{ name: METRIC.recordsLost, labels: { kind: "flow" }, value: 30 },
			{ name: METRIC.tokenCache, labels: { result: "hit" }, value: 5 },
			{ name: METRIC.tokenCache, labels: { result: "miss" }, value: 1 },
			{ name: METRIC.rateFallbacks, labels: { cause: "slow" }, value: 3 },
			{ name: METRIC.exchanges, labels: { result: "issued" }, value: 8 },
			{ name: METRIC.exchanges, labels: { result: "invalid_scope" }, value: 2 },
		]);
	});

	test("is not invented before a policy is loaded, nor kept when it is gone", async () => {
		let loaded = true;
		const policy = () => (loaded ? SOURCES.policy() : null);
		const metrics = createMetrics({ ...SOURCES, policy, jwksAges: () => (loaded ? SOURCES.jwksAges() : []) });
		const figures = [
			METRIC.policyRevision,
			METRIC.revocationSeq,
			METRIC.snapshotAge,
			METRIC.snapshotSource,
			METRIC.jwksAge,
		];
		const first = await scrape(metrics);
		for (const name of figures) expect(valuesOf(first, name)).not.toEqual([]);
		loaded = false;
		const second = await scrape(metrics);
		for (const name of figures) expect(valuesOf(second, name)).toEqual([]);
	});

	test("comes with the process's own figures", async () => {
		const samples = await scrape(createMetrics(SOURCES));
		expect(valuesOf(samples, "process_resident_memory_bytes")[0]).toBeGreaterThan(0);
		expect(valuesOf(samples, "nodejs_eventloop_lag_p99_seconds")).toHaveLength(1);
	});

	test("two registries do not meet", async () => {
		const [one, other] = [createMetrics(SOURCES), createMetrics(SOURCES)];
		one.countCheck(decision(), 0.001);
		expect(valuesOf(await scrape(other), METRIC.checks)).toEqual([]);
	});
});

describe("checks", () => {
	test("are counted by decision, reason, domains and mode", async () => {
		const metrics = createMetrics(SOURCES);
		metrics.countCheck(decision(), 0.001);
		metrics.countCheck(decision(), 0.001);
		metrics.countCheck(decision({ allow: false, reason: "identity_missing", source: null, mode: "monitor" }), 0.001);
		expect((await scrape(metrics)).filter(({ name }) => name === METRIC.checks)).toEqual([
			{
				name: METRIC.checks,
				labels: {
					decision: "allow",
					reason: "allowed",
					source_domain: "internal",
					destination_domain: "internal",
					mode: "enforce",
				},
				value: 2,
			},
			{
				name: METRIC.checks,
				labels: {
					decision: "deny",
					reason: "identity_missing",
					source_domain: "",
					destination_domain: "internal",
					mode: "monitor",
				},
				value: 1,
			},
		]);
	});

	const reasons = Object.keys(REASONS) as Reason[];
	const domain = fc.constantFrom("internal", "partner", "public");
	const anyDecision: fc.Arbitrary<Decision> = fc
		.record({
			reason: fc.constantFrom(...reasons),
			mode: fc.constantFrom("enforce" as const, "monitor" as const),
			source: fc.option(fc.record({ segment: fc.constant("s"), domain, environment: fc.constant("prod") })),
			destination: fc.option(fc.record({ segment: fc.constant("d"), domain, environment: fc.constant("prod") })),
		})
		.map((changes) => decision({ ...changes, allow: REASONS[changes.reason].status === 200 }));

	test("add up as counting one by one does", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(anyDecision, fc.double({ min: 0, max: 2, noNaN: true }))), async (checks) => {
				const metrics = createMetrics(SOURCES);
				const expected = new Map<string, number>();
				for (const [given, seconds] of checks) {
					metrics.countCheck(given, seconds);
					const key = [
						given.allow ? "allow" : "deny",
						given.reason,
						given.source?.domain ?? "",
						given.destination?.domain ?? "",
						given.mode,
					].join();
					expected.set(key, (expected.get(key) ?? 0) + 1);
				}
				const samples = await scrape(metrics);
				const counted = samples
					.filter(({ name }) => name === METRIC.checks)
					.map(({ labels, value }) => [Object.values(labels).join(), value] as const);
				expect(new Map(counted)).toEqual(expected);

				for (const bound of DURATION_BOUNDS) {
					const within = checks.filter(([, seconds]) => seconds <= bound).length;
					expect(valuesOf(samples, `${METRIC.checkDuration}_bucket`, { le: String(bound) })).toEqual([within]);
				}
				expect(valuesOf(samples, `${METRIC.checkDuration}_bucket`, { le: "+Inf" })).toEqual([checks.length]);
				expect(valuesOf(samples, `${METRIC.checkDuration}_count`)).toEqual([checks.length]);
				const sum = checks.reduce((total, [, seconds]) => total + seconds, 0);
				expect(valuesOf(samples, `${METRIC.checkDuration}_sum`)[0]).toBeCloseTo(sum, 6);
			}),
			{ numRuns: 50 },
		);
	});

	test("have a type and a help for every metric of ours", async () => {
		const text = await createMetrics(SOURCES).text();
		for (const name of Object.values(METRIC)) {
			expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"));
			const type = name === METRIC.checkDuration ? "histogram" : name.endsWith("_total") ? "counter" : "gauge";
			expect(text).toContain(`# TYPE ${name} ${type}\n`);
		}
	});
});
