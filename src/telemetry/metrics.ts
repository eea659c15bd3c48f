/** Prometheus metrics, on a registry of their own. Only checks are pushed; everything else is asked for at a scrape. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Decision } from "../core/decision.ts";
import { CheckCounter, DurationHistogram } from "./check-counter.ts";
import { METRIC } from "./names.ts";

export interface Metrics {
	/** @param seconds the whole check took. */
	countCheck(decision: Decision, seconds: number): void;
	/** Everything in Prometheus' text format, with {@link contentType}. */
	text(): Promise<string>;
	readonly contentType: string;
}

/** Where the figures stand that others keep. Each is called at a scrape only. Counts run since the start. */
export interface MetricSources {
	/** Null while no policy is loaded. */
	policy(): PolicyFigures | null;
	revisionsRefused(): number;
	/** Requests whose record was lost, by kind of record. */
	recordsLost(): Readonly<Record<string, number>>;
	/** Records that wait for the database. */
	recordQueue(): number;
	/** By result. */
	tokenCache(): Readonly<Record<string, number>>;
	/** Seconds since the keys of each issuer were last fetched; issuers with inline keys have none. */
	jwksAges(): Iterable<readonly [issuer: string, seconds: number]>;
	/** Checks that were answered `overloaded` without being judged, by cause. */
	checksShed(): Readonly<Record<string, number>>;
	/** Of proxies: those that are open, and those that were dropped, by cause. */
	grpcConnections(): { readonly open: number; readonly dropped: Readonly<Record<string, number>> };
	/** Times that this server counted a shared budget alone, by what was wrong with Redis. */
	rateFallbacks(): Readonly<Record<string, number>>;
	/** Tokens that were asked for in exchange, by what came of it. */
	exchanges(): Readonly<Record<string, number>>;
}

export interface PolicyFigures {
	/** Where the policies in force come from. */
	readonly source: "disk" | "database";
	readonly revision: number;
	readonly seq: number;
	/** Seconds since the policy's head was last confirmed. */
	readonly policyAge: number;
	/** Seconds since the revocation lane's head was last confirmed. */
	readonly revocationAge: number;
}

export function createMetrics(sources: MetricSources): Metrics {
	const registry = new Registry();
	const registers = [registry];
	const checks = new CheckCounter();
	const durations = new DurationHistogram();
	collectDefaultMetrics({ register: registry });

	new Counter({
		name: METRIC.checks,
		help: "Requests decided.",
		labelNames: ["decision", "reason", "source_domain", "destination_domain", "mode"],
		registers,
		collect() {
			this.reset();
			for (const { decision, reason, sourceDomain, destinationDomain, mode, count } of checks) {
				const labels = { decision, reason, source_domain: sourceDomain, destination_domain: destinationDomain, mode };
				this.inc(labels, count);
			}
		},
	});
	registry.registerMetric(new CheckDuration(durations));

	const policyGauge = (name: string, help: string, pick: (figures: PolicyFigures) => number) =>
		new Gauge({
			name,
			help,
			registers,
			collect() {
				const figures = sources.policy();
				if (figures === null) this.remove();
				else this.set(pick(figures));
			},
		});
	policyGauge(METRIC.policyRevision, "Revision of the policy in force.", ({ revision }) => revision);
	policyGauge(METRIC.revocationSeq, "Last revocation in force.", ({ seq }) => seq);
	new Gauge({
		name: METRIC.snapshotAge,
		help: "Seconds since the database last confirmed that nothing is newer.",
		labelNames: ["lane"],
		registers,
		collect() {
			this.reset();
			const figures = sources.policy();
			if (figures === null) return;
			this.set({ lane: "policy" }, figures.policyAge);
			this.set({ lane: "revocation" }, figures.revocationAge);
		},
	});
	new Gauge({
		name: METRIC.snapshotSource,
		help: "1 for where the policies in force come from, 0 for the other.",
		labelNames: ["source"],
		registers,
		collect() {
			this.reset();
			const figures = sources.policy();
			if (figures === null) return;
			for (const source of ["disk", "database"] as const) this.set({ source }, figures.source === source ? 1 : 0);
		},
	});
	new Gauge({
		name: METRIC.recordQueue,
		help: "Records that wait for the database.",
		registers,
		collect() {
			this.set(sources.recordQueue());
		},
	});
	new Gauge({
		name: METRIC.jwksAge,
		help: "Seconds since the keys of an issuer were last fetched.",
		labelNames: ["issuer"],
		registers,
		collect() {
			this.reset();
			for (const [issuer, seconds] of sources.jwksAges()) this.set({ issuer }, seconds);
		},
	});
	new Counter({
		name: METRIC.revisionsRefused,
		help: "Revisions that did not compile and were refused whole.",
		registers,
		collect() {
			this.reset();
			this.inc(sources.revisionsRefused());
		},
	});
	countsByLabel(
		METRIC.checksShed,
		"Checks that were not judged, for overload.",
		"cause",
		sources.checksShed,
		registers,
	);
	new Gauge({
		name: METRIC.grpcConnections,
		help: "Connections of proxies that are open.",
		registers,
		collect() {
			this.set(sources.grpcConnections().open);
		},
	});
	countsByLabel(
		METRIC.grpcConnectionsDropped,
		"Connections of proxies that were refused, or closed before they began.",
		"cause",
		() => sources.grpcConnections().dropped,
		registers,
	);
	countsByLabel(METRIC.recordsLost, "Requests whose record could not be kept.", "kind", sources.recordsLost, registers);
	countsByLabel(
		METRIC.tokenCache,
		"Look-ups of tokens among those seen before.",
		"result",
		sources.tokenCache,
		registers,
	);
	countsByLabel(
		METRIC.rateFallbacks,
		"Requests whose shared budgets this server counted alone.",
		"cause",
		sources.rateFallbacks,
		registers,
	);
	countsByLabel(METRIC.exchanges, "Tokens asked for in exchange.", "result", sources.exchanges, registers);

	return {
		countCheck(decision, seconds) {
			checks.count(decision);
			durations.observe(seconds);
		},
		text: () => registry.metrics(),
		contentType: registry.contentType,
	};
}

function countsByLabel(
	name: string,
	help: string,
	label: string,
	counts: () => Readonly<Record<string, number>>,
	registers: Registry[],
): void {
	new Counter({
		name,
		help,
		labelNames: [label],
		registers,
		collect() {
			this.reset();
			for (const [value, count] of Object.entries(counts())) this.inc({ [label]: value }, count);
		},
	});
}

const ABOUT_DURATION = { name: METRIC.checkDuration, help: "Seconds from a check's arrival to its answer." };

/** Shows a {@link DurationHistogram} as prom-client would show its own. */
class CheckDuration extends Histogram {
	readonly #durations: DurationHistogram;

	constructor(durations: DurationHistogram) {
		super({ ...ABOUT_DURATION, registers: [] });
		this.#durations = durations;
	}

	/** What prom-client's registry and its own `get` ask for, though its types do not say so. */
	async getForPromString() {
		const buckets = [...this.#durations.cumulative()].map(([bound, value]) => ({
			metricName: `${METRIC.checkDuration}_bucket`,
			labels: { le: bound === Infinity ? "+Inf" : bound },
			value,
		}));
		const sum = { metricName: `${METRIC.checkDuration}_sum`, labels: {}, value: this.#durations.sum };
		const count = { metricName: `${METRIC.checkDuration}_count`, labels: {}, value: this.#durations.count };
		return { ...ABOUT_DURATION, type: "histogram", aggregator: "sum", values: [...buckets, sum, count] };
	}
}
