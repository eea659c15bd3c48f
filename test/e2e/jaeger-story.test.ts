/** Decisions of the story, read back from a real Jaeger. Needs `make jaeger`; says so where it is missing. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Jaeger, jaegerBinary, startJaeger } from "../../demo/jaeger.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { type Line, STORY } from "../../demo/story.ts";
import { tell } from "../../demo/teller.ts";
import { type JaegerSpan, waitForTrace } from "../support/jaeger-query.ts";

const binary = await jaegerBinary();
if (!binary)
	process.stderr.write(
		"test/e2e/jaeger-story.test.ts is skipped: there is no Jaeger here; `make jaeger` builds one.\n",
	);

const lineOf = (row: number): Line => STORY.find((line) => line.row === row) as Line;

(binary ? describe : describe.skip)("the story in Jaeger", () => {
	let jaeger: Jaeger;
	let stage: Stage;
	beforeAll(async () => {
		jaeger = await startJaeger(binary as string);
		stage = await setStage({ otlpPort: jaeger.otlpPort });
	});
	afterAll(async () => {
		await stage?.world.stop();
		await jaeger?.stop();
	});

	test.each([
		[1, lineOf(1)],
		[3, lineOf(3)],
		[11, lineOf(11)],
		[17, lineOf(17)],
	])("row %i stands in one trace, from the caller's span to what Firebreak did", async (_row, line) => {
		const told = await tell(stage.world, stage.issuers, line);
		const named = (spans: readonly JaegerSpan[], name: string): JaegerSpan | undefined =>
			spans.find(({ operationName }) => operationName.includes(name));
		const spans = await waitForTrace(
			jaeger,
			told.traceId,
			(found) => found.some(({ parentSpanID }) => parentSpanID === told.spanId) && !!named(found, "firebreak.decide"),
		);
		const check = named(spans, "firebreak.check");
		const asked = spans.find(({ spanID }) => spanID === check?.parentSpanID);
		const request = spans.find(({ spanID }) => spanID === asked?.parentSpanID);
		expect(asked?.operationName).toContain("Authorization.Check");
		expect(request).toMatchObject({ service: `${line.to}-sidecar`, parentSpanID: told.spanId });
		expect(request?.tags["http.status_code"]).toBe(String(line.expect.status));
		expect(named(spans, "firebreak.decide")?.parentSpanID).toBe(check?.spanID);
		const { status, reason, policy, would } = line.expect;
		expect(check).toMatchObject({ service: "firebreak" });
		expect(check?.tags).toMatchObject({
			"firebreak.decision": status === 200 ? "allow" : "deny",
			"firebreak.reason": reason,
			...(policy && { "firebreak.policy": policy }),
			...(would && { "firebreak.would.reason": would }),
			"firebreak.source.segment": line.from,
			"firebreak.destination.segment": line.to,
		});
		// A denial is not an error.
		expect(check?.tags).not.toHaveProperty("error");
	});
});
