/** A short run of `make fuzz`, some of it over real gRPC, what it found before, and proof that it finds what is planted. */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { encodeCheckResponse } from "../../src/extauthz/encode.ts";
import type { CheckResponse } from "../../src/extauthz/wire.ts";
import { FOUND } from "../cases/fuzz/found.ts";
import { codeName, type TestClient } from "../extauthz/client.ts";
import { Harness } from "../extauthz/harness.ts";
import { casesOf, examine, runBatch } from "./campaign.ts";
import { messages } from "./messages.ts";
import { createTarget, PLANTED_NAME, PLANTED_SECRET, run, SET } from "./target.ts";
import { judgeAnswer } from "./verdict.ts";

jest.setTimeout(300_000);

const seed = Math.floor(Math.random() * 2 ** 31);
const told = (fault: string, bytes: Buffer) => `${fault}: make fuzz BYTES=${bytes.toString("base64")}`;

test(`thousands of cases of seed ${seed} are answered as they should be`, () => {
	const { cases, allowed, findings } = runBatch(seed, 10_000);
	expect(findings.slice(0, 3).map(({ fault, bytes }) => told(fault, bytes))).toEqual([]);
	expect(cases).toBe(10_000);
	// Allows are what the oracle is asked about.
	expect(allowed).toBeGreaterThan(20);
});

test("the same seed makes the same cases", () => {
	const some = (from: number) => [...casesOf(from, 300)].map((bytes) => bytes.toString("base64"));
	expect(some(42)).toEqual(some(42));
	expect(some(42)).not.toEqual(some(43));
	expect(new Set(some(42)).size).toBeGreaterThan(200);
});

test.each(FOUND)("found before: $name", ({ bytes, allowed }) => {
	expect(examine(bytes)).toEqual({ allowed, fault: null });
});

describe("over real gRPC", () => {
	const harness = new Harness();
	let client: TestClient;
	beforeAll(async () => {
		const server = await harness.start(createTarget((error) => harness.errors.push(error)));
		client = harness.client(server);
	});
	afterAll(() => harness.end());

	test(`hundreds of cases of seed ${seed}: what it answers is what is answered without it`, async () => {
		const target = createTarget((error) => harness.errors.push(error));
		for (const bytes of casesOf(seed + 1, 400)) {
			const answer = await client.send(bytes).catch(codeName);
			if (typeof answer === "string") throw new Error(told(answer, bytes));
			const expected = judgeAnswer(SET, bytes, run(target, bytes));
			expect([expected.fault, (answer.status?.code ?? 0) === 0]).toEqual([null, expected.allowed]);
		}
		expect(harness.errors).toEqual([]);
	});

	test("bytes above the limit are a clean error, and the next request is answered", async () => {
		expect(await client.send(Buffer.alloc(5_000_000)).catch(codeName)).toBe("RESOURCE_EXHAUSTED");
		expect(await client.send(FOUND[0]!.bytes)).toMatchObject({ okResponse: {} });
	});
});

describe("what is planted is found", () => {
	const [first] = fc.sample(messages, { seed: 1, numRuns: 1 }) as [Buffer];
	const passes = FOUND[0]!.bytes;
	const allow: CheckResponse = { allowed: true, headers: [], headersToRemove: [], metadata: {} };
	const deny: CheckResponse = { allowed: false, code: 7, status: 403, headers: [], body: "{}", metadata: {} };
	const DENIED = Buffer.from(passes.toString("latin1").replace("/public/a", "/private/"), "latin1");

	test.each<[string, Buffer, Buffer, RegExp | null]>([
		["a denial", first, encodeCheckResponse(deny), null],
		["an allow that is due", passes, encodeCheckResponse(allow), null],
		["an allow that is not", DENIED, encodeCheckResponse(allow), /the oracle denies/],
		["an allow for what cannot be read", Buffer.alloc(9, 0xff), encodeCheckResponse(allow), /no CheckRequest/],
		["an empty answer", first, Buffer.alloc(0), /an allow/],
		["bytes that are no answer", first, Buffer.alloc(9, 0xff), /no CheckResponse/],
		[
			"a policy's name in the body",
			first,
			encodeCheckResponse({ ...deny, body: `${PLANTED_NAME}-x` }),
			/names a policy/,
		],
		["a policy's name in the log", first, encodeCheckResponse({ ...deny, metadata: { policy: PLANTED_NAME } }), null],
		["a token in the log", first, encodeCheckResponse({ ...deny, metadata: { x: PLANTED_SECRET } }), /credential/],
		["an error of ours", first, encodeCheckResponse({ ...deny, code: 13, status: 500 }), /internal_error/],
	])("%s", (_name, sent, received, fault) => {
		const judged = judgeAnswer(SET, sent, received);
		if (fault === null) expect(judged.fault).toBeNull();
		else expect(judged.fault).toMatch(fault);
	});
});
