/** Every benchmark still runs and prints its figures; what the figures are is for `make bench` on a quiet machine. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { ROOT } from "../house/sources.ts";

const run = (...names: string[]) =>
	promisify(execFile)(process.execPath, [join(ROOT, "test/bench/run.ts"), ...names], {
		env: { ...process.env, BENCH: "tiny" },
	});

test.each([
	["decide", /1,000 +\d+\.\d\d us .*x/],
	["check", /firebreak serve +\d+\.\d\d us +\d+\.\d\dx/],
	["saturation", /firebreak serve +\d+ \/s +\d+\.\d\dx[\s\S]*firebreak serve +\d+ \/s/],
	["authn", /one known token +\d+\.\d\d us/],
	["condition", /true +\d+\.\d\d us/],
	["limiter", /a source +\d+\.\d\d us/],
	["snapshot-file", /read to ready +\d+\.\d\d s/],
	["commit", /p99 +\d+\.\d ms[\s\S]+COMMIT to enforced/],
	["large", /to the bare select +\d+\.\d\dx[\s\S]+resident memory at/],
	["revocations", /memory of each +\d+ bytes/],
	["revoke", /p99 +\d+\.\d ms +\d+\.\d ms[\s\S]+COMMIT of a revocation to refused/],
	["migrating", /the run +\d+\.\d s[\s\S]+p99 to the quiet p99/],
	["telemetry", /countCheck +\d+\.\d\d us/],
])(
	"%s runs",
	async (name, figures) => {
		expect((await run(name)).stdout).toMatch(figures);
	},
	90_000,
);

test("a benchmark that does not exist is a wrong usage", async () => {
	await expect(run("nothing")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("decide, check") });
});
