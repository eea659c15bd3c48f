import { describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../src/core/errors.ts";
import { createLogger, type LogFields } from "../../src/telemetry/logging.ts";
import { memoryLogger } from "../support/memory-logger.ts";

describe("a log line", () => {
	test("is JSON with level, time, service, version, message and the given fields", () => {
		const { logger, lines } = memoryLogger();
		logger.info("policy loaded", { revision: 17, policies: 3, epoch: "e" });
		expect(lines()).toEqual([
			{
				level: "info",
				time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
				service: "firebreak",
				version: "0.0.0",
				msg: "policy loaded",
				revision: 17,
				policies: 3,
				epoch: "e",
			},
		]);
	});

	test("has no field of another name, whatever the types say", () => {
		const { logger, text } = memoryLogger();
		const headers = { authorization: "Bearer planted-s3cret", cookie: "planted-s3cret" };
		logger.warn("odd", { headers, token: "planted-s3cret", time: "planted-s3cret", revision: 1 } as LogFields);
		expect(text()).not.toContain("planted");
		expect(JSON.parse(text())).toMatchObject({ msg: "odd", revision: 1 });
	});

	test("shows no password of a URL, and no endless text", () => {
		const { logger, lines } = memoryLogger();
		logger.error("x", { address: "postgres://u:s3cret@h/d", cause: "c".repeat(9_999) });
		expect(lines()[0]).toMatchObject({ address: "postgres://***@h/d", cause: "c".repeat(2_048) });
	});

	test("is written only at its level or above", () => {
		const { logger, lines } = memoryLogger("warn");
		for (const level of ["debug", "info", "warn", "error", "fatal"] as const) logger[level](level);
		expect(lines().map(({ level }) => level)).toEqual(["warn", "error", "fatal"]);
		const silent = memoryLogger("silent");
		silent.logger.fatal("x");
		expect(silent.text()).toBe("");
	});

	test("goes to standard output unless told otherwise", () => {
		expect(() => createLogger({ level: "silent", version: "0" }).fatal("x")).not.toThrow();
	});
});

describe("an error in a log line", () => {
	test("of ours is told in full", () => {
		const { logger, lines } = memoryLogger();
		const problems = [{ object: "policy p", field: "paths", message: "it is empty", cure: "name a path" }];
		logger.error("refused", {
			error: new FirebreakError("policy_invalid", "revision 4 does not compile", { problems }),
		});
		expect(lines()[0]).toMatchObject({
			error: "policy_invalid",
			error_message: "revision 4 does not compile",
			problems: ["policy p, paths: it is empty (name a path)"],
		});
	});

	test("of others shows where, not what: its message may quote a credential", () => {
		const { logger, text, lines } = memoryLogger();
		let error: unknown;
		try {
			JSON.parse("planted-s3cret");
		} catch (caught) {
			error = Object.assign(caught as Error, { code: "EBAD" });
		}
		expect(String(error)).toContain("planted");
		logger.error("failed", { error });
		expect(text()).not.toContain("planted");
		const [line] = lines();
		expect(line).toMatchObject({ error: "SyntaxError", error_code: "EBAD" });
		expect(String(line?.error_stack)).toContain("logging.test.ts");
	});

	test("that is no error says only its type", () => {
		const { logger, lines } = memoryLogger();
		logger.error("failed", { error: "planted-s3cret" });
		expect(lines()[0]).toMatchObject({ error: "string" });
	});
});
