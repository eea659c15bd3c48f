/** What the demo makes of an answer: as the story has it, or not. */
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { createPage } from "../../demo/print.ts";
import { type Line, OUTAGE, STORY } from "../../demo/story.ts";
import { differences, type Told, type Verdict } from "../../demo/teller.ts";

const lineOf = (row: number): Line => STORY.find((line) => line.row === row) as Line;

function told(
	status: number,
	verdict: Partial<Verdict>,
	response: { headers?: Record<string, string>; body?: unknown } = {},
): Told {
	return {
		response: { status, headers: response.headers ?? {}, text: "", body: response.body },
		verdict: { decision: status === 200 ? "allow" : "deny", reason: "", revision: 1, mode: "enforce", ...verdict },
		traceId: "",
		spanId: "",
		milliseconds: 12.4,
		arrived: 0,
	};
}

const REFUSED = told(
	401,
	{ reason: "token_missing", detail: "absent" },
	{ headers: { "www-authenticate": 'Bearer realm="firebreak"' } },
);

describe("differences", () => {
	test("are none when all is as the story has it", () => {
		expect(differences(lineOf(2), REFUSED)).toEqual([]);
	});

	test("name each thing that is not", () => {
		expect(differences(lineOf(2), told(200, { reason: "allowed", policy: "p" }))).toEqual([
			"status is 200, not 401",
			'reason is "allowed", not "token_missing"',
			'decision is "allow", not "deny"',
			'detail is nothing, not "absent"',
			'policy is "p", not nothing',
			`challenge is nothing, not ${JSON.stringify('Bearer realm="firebreak"')}`,
		]);
	});

	test("see a header that should not have reached the service, and one that should have", () => {
		const line = lineOf(18);
		const headers = { ...line.expect.upstream, "x-firebreak-subject": "root", "x-firebreak-role": "admin" };
		const passed = told(200, { reason: "allowed", policy: "orders-reads-payments" }, { body: { headers } });
		expect(differences(line, passed)).toEqual([
			'x-firebreak-subject at the upstream is "root", not "orders"',
			'x-firebreak-role at the upstream is "admin", not nothing',
		]);
	});
});

describe("the page", () => {
	const page = createPage([...STORY, OUTAGE]);
	const plain = stripVTControlCharacters;

	test("has one line for what is as expected", () => {
		expect(plain(page.line(lineOf(2), REFUSED))).toMatch(
			/^✓ {3}2 {2}orders → payments +GET \/v1\/payments\/7 +no token +401 +401 {2}token_missing absent +12\n$/,
		);
	});

	test("has a cross, and under it what differs, for what is not", () => {
		const [line, ...complaints] = plain(page.line(lineOf(7), told(200, { reason: "allowed" })))
			.trimEnd()
			.split("\n");
		expect(line).toMatch(/^✗ {3}7 .* 403 +200 {2}allowed +12$/);
		expect(complaints.map((complaint) => complaint.trim())).toEqual([
			"status is 200, not 403",
			'reason is "allowed", not "no_policy"',
			'decision is "allow", not "deny"',
		]);
	});

	test("says what was not asked, and why", () => {
		expect(plain(page.skipped(OUTAGE, "no database of ours"))).toMatch(/^- {2}21 .* 200 +- +no database of ours\n$/);
	});
});
