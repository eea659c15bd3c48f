/** An issuer's keys do not come, and the disk is full. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jwksOf, makeSigningKey } from "../../../demo/tokens.ts";
import { checkRequest } from "../../support/check-requests.ts";
import { until } from "../../support/wait.ts";
import { REMOTE, type RealServer, remoteKey, tokenOf } from "../real-server.ts";
import { expectAlive, expectAnswers, Parts, read } from "./parts.ts";

let parts: Parts;
beforeAll(async () => {
	parts = await Parts.open();
});
afterEach(() => parts?.stopAll());
afterAll(() => parts?.close());

describe("an issuer's keys", () => {
	const far = () =>
		checkRequest({
			from: "near",
			to: "far",
			path: "/v1/7",
			headers: { authorization: `Bearer ${tokenOf(remoteKey, REMOTE)}` },
		});

	/** Fetches from now on hang until `release`, which has them come and all later ones too. */
	function holdKeys(): { release(): void } {
		const held: (() => void)[] = [];
		parts.keys.answer = (response) => held.push(() => response.end(JSON.stringify(jwksOf(remoteKey))));
		return {
			release() {
				parts.keys.serve(jwksOf(remoteKey));
				for (const answer of held) answer();
			},
		};
	}

	/** A check that waits for a fetch, with a look at whether it still does. */
	function waiter({ client }: RealServer, request: unknown) {
		let answered = false;
		const answer = client.check(request).finally(() => {
			answered = true;
		});
		answer.catch(() => {});
		return { answer, answered: () => answered };
	}

	test("that do not come delay nobody who does not need them", async () => {
		const held = holdKeys();
		const before = parts.keys.requests;
		const server = await parts.startPatient();
		await until("the keys are asked for", () => parts.keys.requests > before);
		const waiting = waiter(server, far());
		for (let turn = 0; turn < 10; turn++) {
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
		}
		expect(waiting.answered()).toBe(false);
		held.release();
		expect(await waiting.answer).toMatchObject({ okResponse: {} });
	});

	test("that came go on, while unknown ones do not", async () => {
		parts.keys.serve(jwksOf(remoteKey));
		const server = await parts.startPatient();
		await until("the keys are there", async () => (await server.client.check(far())).okResponse !== undefined);
		const before = parts.keys.requests;
		const held = holdKeys();
		const stranger = makeSigningKey("ES256", "unknown");
		const headers = { authorization: `Bearer ${tokenOf(stranger, REMOTE)}` };
		const waiting = waiter(server, checkRequest({ from: "near", to: "far", path: "/v1/7", headers }));
		await until("the unknown key is asked for", () => parts.keys.requests > before);
		for (let turn = 0; turn < 10; turn++) {
			expect(await server.client.check(far())).toMatchObject({ okResponse: {} });
			expect(await server.client.check(read())).toMatchObject({ okResponse: {} });
		}
		expect(waiting.answered()).toBe(false);
		held.release();
		expect((await waiting.answer).deniedResponse?.status?.code).toBe(401);
	});
});

/** Mounts a file system of some pages. @throws when this user may not. */
const mountTiny = (folder: string) =>
	execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], { stdio: "ignore" });
const unmount = (folder: string) => execFileSync("umount", ["-l", folder], { stdio: "ignore" });

function mayMount(): boolean {
	const folder = mkdtempSync(path.join(tmpdir(), "firebreak-mount-"));
	try {
		mountTiny(folder);
		unmount(folder);
		return true;
	} catch {
		process.stderr.write(
			"test/serve/dependencies/keys-and-disk.test.ts, the disk, is skipped: this user may not mount a full one.\n",
		);
		return false;
	} finally {
		rmdirSync(folder);
	}
}

(mayMount() ? test : test.skip)("a full disk", async () => {
	const folder = path.join(parts.workspace.path, "disk");
	mkdirSync(folder, { recursive: true });
	mountTiny(folder);
	parts.defer(() => unmount(folder));
	expect(() => writeFileSync(path.join(folder, "filler"), Buffer.alloc(65_536))).toThrow("ENOSPC");
	const server = await parts.start({ FIREBREAK_SNAPSHOT_PATH: path.join(folder, "snapshot") });
	await until("it is tried in vain", () => server.process.output().includes("policy cannot be kept on disk"));
	await expectAnswers(server);
	await expectAlive(server);
	expect(() => readFileSync(path.join(folder, "snapshot"))).toThrow("ENOENT");
});
