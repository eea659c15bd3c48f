import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../src/core/errors.ts";
import type { ListenAddress } from "../../src/extauthz/listen.ts";
import { checkOf } from "./fixtures.ts";
import { Harness } from "./harness.ts";

let harness: Harness;

beforeEach(() => {
	harness = new Harness();
});
afterEach(() => harness.end());

describe("where it listens", () => {
	test("an address that is taken", async () => {
		const server = await harness.start();
		const second = harness.start(undefined, { address: server.address });
		await expect(second).rejects.toMatchObject({ code: "config_invalid" });
		await expect(second).rejects.toBeInstanceOf(FirebreakError);
	});

	test("IPv6", async () => {
		const server = await harness.start(undefined, { address: { kind: "tcp", host: "::1", port: 0 } });
		expect(await harness.client(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});

	const socketAt = (): ListenAddress & { path: string } => ({ kind: "unix", path: join(harness.directory, "s") });

	test("a socket, for its owner and group, that is gone afterwards", async () => {
		const address = socketAt();
		const server = await harness.start(undefined, { address });
		expect(server.address).toEqual(address);
		expect(await harness.client(server).check(checkOf())).toMatchObject({ okResponse: {} });
		expect(statSync(address.path).mode & 0o777).toBe(0o660);
		expect(await server.drain({ noticeMs: 0, timeoutMs: 60_000 })).toBe(true);
		expect(existsSync(address.path)).toBe(false);
	});

	test("a socket that a dead process left is replaced", async () => {
		const address = socketAt();
		await leaveStaleSocket(address.path);
		expect(statSync(address.path).isSocket()).toBe(true);
		const server = await harness.start(undefined, { address });
		expect(await harness.client(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("a socket that is in use is not", async () => {
		const address = socketAt();
		const server = await harness.start(undefined, { address });
		await expect(harness.start(undefined, { address })).rejects.toMatchObject({
			code: "config_invalid",
			message: expect.stringContaining("another process listens"),
		});
		expect(await harness.client(server).check(checkOf())).toMatchObject({ okResponse: {} });
	});

	test("nor is a file that is no socket, and it stays", async () => {
		const address = socketAt();
		writeFileSync(address.path, "precious");
		chmodSync(address.path, 0o600);
		await expect(harness.start(undefined, { address })).rejects.toMatchObject({
			code: "config_invalid",
			message: expect.stringContaining("is no socket"),
		});
		expect(existsSync(address.path)).toBe(true);
	});
});

/** A socket file with nobody behind it, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
	const held = `${path}.held`;
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(held, resolve));
	renameSync(held, path);
	await new Promise((resolve) => server.close(resolve));
}
