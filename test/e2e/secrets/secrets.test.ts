/**
 * No credential comes out anywhere. Secrets of every kind are planted in requests, configuration and commands, through a
 * real Envoy, a real server that logs everything, and real commands; then all output is searched for them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { query } from "../../../demo/database.ts";
import { type Stage, setStage } from "../../../demo/stage.ts";
import { HEADER_BYTES } from "../../../src/store/snapshot-file/format.ts";
import { unpackFrames } from "../../../src/store/snapshot-file/frames.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { type Haystack, Secrets } from "../../support/secrets.ts";
import { dumpTables } from "../../support/table-dump.ts";
import { until } from "../../support/wait.ts";
import { controlPlane } from "./control-plane.ts";
import { Hunt } from "./hunt.ts";
import { askAdmin, runCommands, sendAll } from "./requests.ts";

// Postgres, Firebreak and Envoy start from nothing, on a machine that may have other things to do.
jest.setTimeout(600_000);

const secrets = new Secrets();
const folder = mkdtempSync(join(tmpdir(), "firebreak-secrets-"));
const snapshotFile = join(folder, "snapshot");
const adminToken = secrets.plant("admin token");
const operatorToken = secrets.plant("operator token");
let receiver: OtlpReceiver;
let stage: Stage;

beforeAll(async () => {
	writeFileSync(join(folder, "admin-token"), adminToken, { mode: 0o600 });
	writeFileSync(join(folder, "operator-token"), operatorToken, { mode: 0o600 });
	receiver = await startOtlpReceiver();
	stage = await setStage({
		otlpPort: receiver.port,
		signs: true,
		settings: {
			FIREBREAK_LOG_LEVEL: "trace",
			FIREBREAK_ADMIN_TOKEN_FILE: join(folder, "admin-token"),
			FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE: join(folder, "operator-token"),
			FIREBREAK_SNAPSHOT_PATH: snapshotFile,
			OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secrets.plant("header of the collector")}`,
			// Nobody listens there: it goes on without, and tells of it.
			FIREBREAK_RATE_STORE: "redis",
			FIREBREAK_REDIS_URL: `redis://user:${secrets.plant("password of Redis")}@127.0.0.1:1`,
		},
	});
	secrets.add("password of the server's login", new URL(stage.serverUrl).password);
	secrets.add("password of the superuser", new URL(stage.world.databaseUrl).password);
	const { pki } = stage.world;
	secrets.pem("private key of Firebreak", pki.firebreak.key);
	for (const [name, { key }] of pki.services) secrets.pem(`private key of ${name}`, key);
});
afterAll(async () => {
	await stage?.world.stop();
	await receiver?.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** A snapshot file with its frames inflated. */
function unpacked(file: Buffer): string {
	const frames = [...unpackFrames(file.subarray(HEADER_BYTES))];
	return file.subarray(0, HEADER_BYTES).toString("latin1") + JSON.stringify(frames);
}

test("no secret comes out anywhere", async () => {
	const hunt = new Hunt(stage, secrets, folder, adminToken);
	await askAdmin(hunt, await sendAll(hunt));
	await runCommands(hunt);
	await controlPlane(hunt, operatorToken);
	// What is told of a database that goes and comes back.
	await stage.world.postgres?.halt();
	await until("it is told of", () => /database|Postgres/i.test(readFileSync(stage.firebreak.logFile, "utf8")));
	await stage.world.postgres?.resume();
	await receiver.waitFor(({ service }) => service === "firebreak");
	await until(
		"flows are written",
		async () => (await query(stage.world.databaseUrl, "select 1 from firebreak.flow")).length > 0,
		180_000,
	);
	const stored = await dumpTables((text) => query(stage.world.databaseUrl, text));
	await stage.firebreak.process.stop();

	// Envoy's own spans hold the URL that was asked, as it came: they are Envoy's to configure.
	const spans = receiver.spans.filter(({ service }) => service === "firebreak");
	const text = JSON.stringify(spans, (_, value) => (typeof value === "bigint" ? String(value) : value));
	const all: Haystack[] = [
		...hunt.answers,
		...stored,
		{ name: "logs", text: readFileSync(stage.firebreak.logFile, "utf8"), holds: '"level":' },
		{ name: "spans", text, holds: "token_invalid" },
		{ name: "snapshot file", text: unpacked(readFileSync(snapshotFile)), holds: "payments" },
	];
	expect(stored.find(({ name }) => name === "table decision")?.text).toMatch(/token_invalid/);
	expect(stored.find(({ name }) => name === "table flow")?.text).toMatch(/payments/);
	expect(all.flatMap((haystack) => secrets.foundIn(haystack))).toEqual([]);
});
