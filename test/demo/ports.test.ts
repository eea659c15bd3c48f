import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { freePorts, onFreePorts } from "../../demo/ports.ts";

describe("free ports", () => {
	test("are different and can be listened on", async () => {
		expect(new Set(await freePorts(8)).size).toBe(8);
		const server = await onFreePorts(1, async ([port]) => {
			const one = createServer().listen(port, "127.0.0.1");
			await once(one, "listening");
			return one;
		});
		server.close();
	});

	test("are chosen again when one was taken meanwhile, but not for ever, and not for other failures", async () => {
		const taken = new Error("bind: address already in use");
		const second = jest.fn(async ([port]: number[]) => port).mockRejectedValueOnce(taken);
		await expect(onFreePorts(1, second)).resolves.toEqual(expect.any(Number));
		expect(second).toHaveBeenCalledTimes(2);
		const wrapped = new Error("it cannot listen", { cause: taken });
		await expect(onFreePorts(1, second.mockRejectedValueOnce(wrapped))).resolves.toEqual(expect.any(Number));

		const never = jest.fn<() => Promise<void>>().mockRejectedValue(taken);
		await expect(onFreePorts(1, never)).rejects.toBe(taken);
		expect(never).toHaveBeenCalledTimes(3);

		const broken = jest.fn<() => Promise<void>>().mockRejectedValue(new Error("no such file"));
		await expect(onFreePorts(1, broken)).rejects.toThrow("no such file");
		expect(broken).toHaveBeenCalledTimes(1);
	});
});
