import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/core/duration.ts";

describe("parseDuration", () => {
	test.each([
		["500ms", 500],
		["20s", 20_000],
		["5m", 300_000],
		["24h", 86_400_000],
		["30d", 2_592_000_000],
		["1h30m", 5_400_000],
		["0.5s", 500],
		["0s", 0],
		["1.5ms", 2],
	])("%s", (text, ms) => {
		expect(parseDuration(text)).toBe(ms);
	});

	test.each([
		"",
		"5",
		"s",
		"5 s",
		"-5s",
		"+5s",
		"1e3s",
		"5S",
		"5min",
		"1_000ms",
		"5s ",
		"Infinitys",
		"999999999999999d",
		"１s",
	])("%j is none", (text) => {
		expect(parseDuration(text)).toBeNull();
	});

	test("reads what formatDuration writes", () => {
		fc.assert(fc.property(fc.nat({ max: 10_000_000_000 }), (ms) => parseDuration(formatDuration(ms)) === ms));
	});
});

test.each([
	[90_000, "90s"],
	[86_400_000, "1d"],
	[3_600_000, "1h"],
	[1_500, "1500ms"],
	[0, "0ms"],
])("formatDuration(%d) is %s", (ms, text) => {
	expect(formatDuration(ms)).toBe(text);
});
