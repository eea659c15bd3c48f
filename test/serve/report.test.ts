import { expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { logDrops } from "../../src/serve/report.ts";
import { memoryLogger } from "../support/memory-logger.ts";

test("dropped connections make a line a minute for each cause, with what was dropped since the last", () => {
	let now = 5;
	const { logger, lines } = memoryLogger();
	const drop = logDrops(logger, () => now);
	const told = () =>
		lines().map(({ level, msg, count, client_address }) => [level, String(msg).slice(0, 30), count, client_address]);
	for (let address = 1; address <= 9; address++) drop({ cause: "displaced", address: `10.0.0.${address}` });
	drop({ cause: "handshake", address: null });
	const first = [
		["warn", "connections that had not begun", 1, "10.0.0.1"],
		["warn", "connections were closed that f", 1, null],
	];
	expect(told()).toEqual(first);

	now += LIMITS.dropLogMs - 1;
	drop({ cause: "displaced", address: "10.0.1.1" });
	expect(told()).toEqual(first);
	now += 1;
	drop({ cause: "displaced", address: "10.0.1.2" });
	drop({ cause: "limit", address: "10.0.1.3" });
	expect(told().slice(2)).toEqual([
		["warn", "connections that had not begun", 10, "10.0.1.2"],
		["warn", "connections of proxies are ref", 1, "10.0.1.3"],
	]);
});
