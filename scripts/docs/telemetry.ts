/** The reference of telemetry: names from names.ts, types and labels from a real scrape, messages from the sources. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Decision } from "../../src/core/decision.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { ATTRIBUTE, LOG_FIELDS, type LogField, METRIC, SPAN } from "../../src/telemetry/names.ts";
import { code, sentence, table } from "./markdown.ts";

const SPANS: Readonly<Record<keyof typeof SPAN, string>> = {
	check:
		"from the call's arrival to its answer. Kind server. Its parent is the `traceparent` of Envoy's call, and it links to the one that the judged request carries",
	authenticate: "the credential's judgement; absent when none was due, or something denied before",
	decide: "the policies' judgement",
};

const ATTRIBUTES: Readonly<Record<keyof typeof ATTRIBUTE, string>> = {
	decision: "`allow` or `deny`",
	decisionId: "opaque; the caller has it as `x-firebreak-decision`",
	reason: "see [reasons](reasons.md)",
	detail: "see [reasons](reasons.md)",
	policy: "the policy that decided, when one did",
	revision: "of the policy set that decided",
	mode: "`monitor` when the deciding policy, or the destination's segment or domain, is in monitor mode; else `enforce`",
	crossing: "the crossing that it went through",
	wouldReason: "under monitor: what it would have been denied for",
	wouldDetail: "its detail",
	wouldPolicy: "the policy that would have denied",
	sourceSegment: "absent for a source without a segment",
	sourceDomain: "",
	sourceEnvironment: "",
	sourcePrincipal: "SPIFFE ID, also when no segment holds it",
	destinationSegment: "",
	destinationDomain: "",
	destinationEnvironment: "",
	destinationPrincipal: "SPIFFE ID of the listener's certificate, when it has one",
	tokenIssuer: "of a token that was verified",
	tokenId: "its `jti`, or the claim that the issuer's options name",
	tokenOwner: "of the token's passport",
	method: "a method that OpenTelemetry knows, else `_OTHER`",
	methodOriginal: "the method when it is `_OTHER`",
	statusCode: "what the caller gets; on denials only, since an allowed request gets its upstream's",
	path: "as sent, without the query",
	scheme: "",
	serverAddress: "the host that the request names",
	peerAddress: "IP address of the connection's peer, as Envoy tells it",
};

const METRICS: Readonly<Record<keyof typeof METRIC, string>> = {
	checks: "domains are empty where they are not known",
	checksShed:
		"`cause` is `delay` (more come than can be answered), `streams` (too many are under way) or `deadline` (the proxy has given up). They are in no other metric. Alert on any increase: add servers",
	grpcConnections: "with and without TLS, also before they have begun",
	grpcConnectionsDropped:
		"`cause` is `limit` (proxies had all places), `displaced` (it had not begun, and its place was needed) or `handshake` (it took longer than 10 s to begin). Alert on `limit`, and on the others where only proxies reach the port",
	checkDuration: "from 25 us to 1 s; a check that waits for keys or a signature counts in full",
	policyRevision: "absent until policy is loaded. Alert when servers differ for longer than a minute",
	revocationSeq: "alike",
	snapshotAge: "`lane` is `policy` or `revocation`. Alert well before the age limits",
	snapshotSource:
		"`source` is `disk` or `database`. Alert on `disk` for longer than a minute: the server started without Postgres",
	revisionsRefused: "alert on any increase: what was committed is not enforced",
	recordsLost:
		"`kind` is `denial`, `monitor`, `crossing`, `edge`, `flow` or `use` (of a token, not counted). Alert on any increase",
	recordQueue: "grows while Postgres is away; at `FIREBREAK_RECORD_QUEUE_MAX` records are lost",
	tokenCache: "`hit`, `hit_bad` (a known bad signature), `joined` (the same token is being verified), `miss`",
	rateFallbacks:
		"`cause` is `unreachable`, `slow` or `error`. With `FIREBREAK_RATE_STORE=redis` only. Alert on any increase: budgets are divided by servers meanwhile",
	exchanges:
		"`result` is `issued`, `failed`, or the [error](http.md#public-side) that the workload was told. Alert on `failed`: keys or Postgres are away",
	jwksAge: "issuers with inline keys have none. Alert when it passes a day: the keys stop counting then",
};

const FIELDS: Readonly<Record<LogField, string>> = {
	address: "where the gRPC side listens",
	admin_address: "where the admin side listens",
	attempt: "the how manyth",
	cause: "in a few words",
	client_address: "of an operator, or of a connection that was dropped",
	count: "of what the message speaks of",
	database: "`host:port/database`",
	decision_id: "as the caller has it",
	epoch: "of the database",
	issuer: "its URL",
	kind: "of record",
	milliseconds: "it took",
	policies: "in the set",
	principal: "SPIFFE ID of the workload that asked for a token",
	public_address: "where the public side listens",
	policy_age_seconds: "since Postgres last confirmed the policy that came from the disk",
	problem: "in OpenTelemetry's words",
	queue: "records that wait",
	reason: "see [reasons](reasons.md)",
	revision: "of the policy set",
	revocation_age_seconds: "the same of the revocations",
	seconds: "it took",
	seq: "of the revocation lane",
	signal: "that ended the server",
	subject_issuer: "of the token that was given in exchange",
	subject_token_id: "its id",
	token_id: "of the token that was issued; never the token",
	source_segment: "",
	destination_segment: "",
	version: "of Firebreak; on every line",
};

export function spanTable(): string {
	return table(
		["span", "covers"],
		entries(SPAN).map(([key, name]) => [code(name), SPANS[key]]),
	);
}

export function attributeTable(): string {
	return table(
		["attribute", "meaning"],
		entries(ATTRIBUTE).map(([key, name]) => [code(name), ATTRIBUTES[key]]),
	);
}

export async function metricTable(): Promise<string> {
	const scrape = await exampleScrape();
	return table(
		["metric", "type", "labels", "meaning"],
		entries(METRIC).map(([key, name]) => {
			const { type, help, labels } = readMetric(scrape, name);
			return [code(name), type, labels.map(code).join(" "), `${help} ${sentence(METRICS[key])}`];
		}),
	);
}

export function fieldTable(): string {
	return table(
		["field", "meaning"],
		[...LOG_FIELDS].sort().map((field) => [code(field), FIELDS[field]]),
	);
}

/** Every line that the program can log. */
export function messageTable(): string {
	const root = fileURLToPath(new URL("../../src/", import.meta.url));
	const call = /\blogger\s*\.(debug|info|warn|error|fatal)\(\s*"((?:[^"\\]|\\.)+)"/g;
	const found = readdirSync(root, { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts"))
		.flatMap((name) => [...readFileSync(join(root, name), "utf8").matchAll(call)])
		.map(([, level, message]) => [level!, message!] as const);
	const rank = (level: string) => ["fatal", "error", "warn", "info", "debug"].indexOf(level);
	const rows = [...new Map(found.map((row) => [row.join(), row])).values()];
	rows.sort(([a, x], [b, y]) => rank(a) - rank(b) || (x < y ? -1 : 1));
	return table(["level", "message"], rows);
}

const entries = <K extends string, V>(record: Readonly<Record<K, V>>) => Object.entries(record) as [K, V][];

/** What a server with one of everything shows. */
function exampleScrape(): Promise<string> {
	const metrics = createMetrics({
		policy: () => ({ source: "database", revision: 1, seq: 1, policyAge: 1, revocationAge: 1 }),
		revisionsRefused: () => 1,
		recordsLost: () => ({ denial: 1 }),
		recordQueue: () => 1,
		tokenCache: () => ({ hit: 1 }),
		jwksAges: () => [["https://id.example.org", 1]],
		checksShed: () => ({ delay: 1 }),
		grpcConnections: () => ({ open: 1, dropped: { limit: 1 } }),
		rateFallbacks: () => ({ slow: 1 }),
		exchanges: () => ({ issued: 1 }),
	});
	metrics.countCheck({ reason: "allowed", mode: "enforce", source: null, destination: null } as Decision, 0.001);
	return metrics.text();
}

function readMetric(scrape: string, name: string) {
	const line = (pattern: string) => new RegExp(`^${pattern}$`, "m").exec(scrape)?.[1];
	const type = line(`# TYPE ${name} (\\w+)`);
	if (type === undefined) throw new Error(`a scrape does not show ${name}`);
	const labels = line(`${name}(?:_bucket)?\\{(.*)\\} .*`) ?? "";
	return {
		type,
		help: line(`# HELP ${name} (.*)`) ?? "",
		labels: [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== "le"),
	};
}
