import { describe, expect, test } from "@jest/globals";
import { run } from "../../src/cli/program.ts";
import { register, type Serve } from "../../src/cli/serve.ts";
import { FirebreakError } from "../../src/core/errors.ts";
import { fakeIo } from "../support/fake-io.ts";

const env = { DATABASE_URL: "postgresql://server:s3cret@db/firebreak" };

function firebreak(argv: string[], io = fakeIo({ env }), serve: Serve = () => Promise.reject(new Error("served"))) {
	return run(argv, io, [{ register: (program, given) => register(program, given, serve) }]);
}

describe("serve --check-config", () => {
	test("says OK and the settings, and starts nothing", async () => {
		const io = fakeIo({ env });
		expect(await firebreak(["serve", "--check-config"], io)).toBe(0);
		expect(io.out()).toMatch(/^grpc +127\.0\.0\.1:9001$/m);
		expect(io.out()).toMatch(/^OK$/m);
		expect(io.out()).not.toContain("s3cret");
	});

	test("under --json, one document", async () => {
		const io = fakeIo({ env });
		expect(await firebreak(["serve", "--check-config", "--json"], io)).toBe(0);
		expect(JSON.parse(io.out())).toMatchObject({ ok: true, settings: { database: "db/firebreak" } });
	});

	test("says every problem, and exits 1", async () => {
		const io = fakeIo({ env: { FIREBREAK_LOG_LEVEL: "loud", FIREBREAK_GRPC_ADRR: "x" } });
		expect(await firebreak(["serve", "--check-config"], io)).toBe(1);
		expect(io.err().trimEnd().split("\n")).toEqual([
			"error: the configuration has mistakes",
			"  FIREBREAK_GRPC_ADRR: there is no such setting (did you mean FIREBREAK_GRPC_ADDR?)",
			"  FIREBREAK_LOG_LEVEL: it is no known word (choose one of: trace, debug, info, warn, error, fatal, silent)",
			"  DATABASE_URL: it is not set (set it to the PostgreSQL URL that holds the policies)",
		]);
	});
});

describe("serve", () => {
	test("runs until it is told to stop, then releases everything", async () => {
		const events: string[] = [];
		const io = fakeIo({ env });
		const serve: Serve = async (config) => {
			events.push(`started with ${config.databaseUrl}`);
			return {
				stop: async () => {
					events.push("stopped");
				},
			};
		};
		const ended = firebreak(["serve", "--database-url", "postgres://given/x"], io, serve);
		await new Promise(setImmediate);
		expect(events).toEqual(["started with postgres://given/x"]);
		io.terminate();
		expect(await ended).toBe(0);
		expect(events).toEqual(["started with postgres://given/x", "stopped"]);
	});

	test("exits by the error that keeps it from starting", async () => {
		const serve: Serve = () => Promise.reject(new FirebreakError("dependency_unreachable", "no Postgres at db:5432"));
		const io = fakeIo({ env });
		expect(await firebreak(["serve"], io, serve)).toBe(7);
		expect(io.err()).toBe("error: no Postgres at db:5432\n");
	});
});
