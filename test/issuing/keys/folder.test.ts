/** Private keys on disk. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FirebreakError } from "../../../src/core/errors.ts";
import { lintJwks } from "../../../src/core/jwks.ts";
import { KeyFolder } from "../../../src/issuing/keys/folder.ts";
import {
	generateSigningKey,
	KEY_ALGORITHMS,
	publicHalf,
	type SigningKey,
} from "../../../src/issuing/keys/signing-key.ts";

let root: string;
let folder: KeyFolder;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "firebreak-keys-"));
	folder = new KeyFolder(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;
const fileOf = ({ kid }: SigningKey, domain = "internal") => join(root, domain, `${kid}.json`);

async function refusal(work: Promise<unknown>): Promise<string> {
	const error = await work.then(
		() => null,
		(error: unknown) => error,
	);
	if (!(error instanceof FirebreakError)) throw new Error("it was not refused");
	expect(error.code).toBe("config_invalid");
	return `${error.message}; ${error.problems.map(({ cure }) => cure).join()}`;
}

describe.each(KEY_ALGORITHMS)("a key for %s", (alg) => {
	test("is written for its owner alone, and read back", async () => {
		const key = await generateSigningKey(alg);
		await folder.write("internal", key);
		expect(modeOf(fileOf(key))).toBe(0o600);
		expect(modeOf(join(root, "internal"))).toBe(0o700);
		expect(readdirSync(join(root, "internal"))).toEqual([`${key.kid}.json`]);
		expect(await folder.list("internal")).toEqual(new Set([key.kid]));
		expect(await folder.read("internal", key.kid)).toEqual(key);
	});

	test("has a public half that the lane and the JWKS take, and no secret in it", async () => {
		const key = await generateSigningKey(alg);
		const { jwk, kid } = publicHalf(key);
		expect(lintJwks({ keys: [jwk] })).toEqual([]);
		expect(jwk).toMatchObject({ kid, alg, use: "sig" });
		const secrets = ["d", "p", "q", "dp", "dq", "qi"].map((name) => key.jwk[name as "d"]).filter(Boolean);
		expect(secrets.length).toBeGreaterThan(0);
		for (const secret of secrets) expect(JSON.stringify(jwk)).not.toContain(secret);
	});
});

describe("a folder of keys", () => {
	test("keeps domains apart, whatever their names", async () => {
		const key = await generateSigningKey("ES256");
		await folder.write("team/../internal", key);
		expect(readdirSync(root)).toEqual(["team%2F..%2Finternal"]);
		expect(await folder.read("internal", key.kid)).toBeNull();
		expect(await folder.list("internal")).toEqual(new Set());
		expect(await folder.read("team/../internal", key.kid)).toEqual(key);
		await folder.remove("team/../internal", key.kid);
		await folder.remove("team/../internal", key.kid);
		expect(await folder.list("team/../internal")).toEqual(new Set());
	});

	test("looks for no file outside itself", async () => {
		const key = await generateSigningKey("ES256");
		await folder.write("internal", key);
		for (const kid of [`../internal/${key.kid}`, "", "..", "a/b", `${key.kid}\0`]) {
			expect(await folder.read("internal", kid)).toBeNull();
		}
	});

	test.each([0o640, 0o604, 0o660, 0o666, 0o620])("refuses a key that others may use (%o)", async (mode) => {
		const key = await generateSigningKey("ES256");
		await folder.write("internal", key);
		chmodSync(fileOf(key), mode);
		expect(await refusal(folder.read("internal", key.kid))).toMatch(
			/others than its owner may use it; run: chmod 600 /,
		);
		chmodSync(fileOf(key), 0o400);
		expect(await folder.read("internal", key.kid)).toEqual(key);
	});

	test.each([0o750, 0o701, 0o777])("refuses a domain's folder that others may use (%o)", async (mode) => {
		const key = await generateSigningKey("ES256");
		await folder.write("internal", key);
		chmodSync(join(root, "internal"), mode);
		for (const work of [folder.read("internal", key.kid), folder.list("internal"), folder.write("internal", key)]) {
			expect(await refusal(work)).toMatch(/others than its owner may use it; run: chmod 700 /);
		}
	});

	test("refuses a place that every user may write into", async () => {
		const key = await generateSigningKey("ES256");
		chmodSync(root, 0o777);
		expect(await refusal(folder.write("internal", key))).toMatch(/every user may write into it/);
		chmodSync(root, 0o1777);
		await folder.write("internal", key);
	});

	test("refuses links, and what is no file or folder", async () => {
		const key = await generateSigningKey("ES256");
		await folder.write("internal", key);
		mkdirSync(join(root, "partner"), { mode: 0o700 });
		symlinkSync(fileOf(key), fileOf(key, "partner"));
		expect(await refusal(folder.read("partner", key.kid))).toMatch(/ELOOP/);
		symlinkSync(join(root, "internal"), join(root, "public"));
		expect(await refusal(folder.read("public", key.kid))).toMatch(/it is no folder/);
		mkdirSync(join(root, "internal", "folder.json"), { mode: 0o700 });
		expect(await refusal(folder.read("internal", "folder"))).toMatch(/it is no file/);
		expect(await refusal(new KeyFolder(join(root, "absent")).list("internal"))).toMatch(/does not exist; run: mkdir/);
	});

	test("refuses what is not the key that the file is named after, and quotes nothing of it", async () => {
		const [key, other] = [await generateSigningKey("ES256"), await generateSigningKey("ES256")];
		await folder.write("internal", key);
		const secret = "planted-secret";
		for (const content of [
			secret,
			JSON.stringify({ ...key.jwk, d: secret }),
			JSON.stringify({ ...other.jwk, kid: key.kid }),
			JSON.stringify(other.jwk),
			JSON.stringify(publicHalf(key).jwk),
			JSON.stringify({ ...key.jwk, alg: "HS256" }),
			JSON.stringify({ ...key.jwk, padding: secret.repeat(2_000) }),
		]) {
			writeFileSync(fileOf(key), content);
			const told = await refusal(folder.read("internal", key.kid));
			expect(told).toMatch(/it does not hold the private key that it is named after|it is no key/);
			expect(told).not.toContain(secret);
			expect(told).not.toContain(String(other.jwk.d));
		}
	});

	test("leaves nothing half-written behind", async () => {
		const key = await generateSigningKey("ES256");
		mkdirSync(join(root, "internal"), { mode: 0o700 });
		mkdirSync(join(root, "internal", `${key.kid}.json`));
		expect(await refusal(folder.write("internal", key))).toMatch(/cannot be used/);
		expect(readdirSync(join(root, "internal"))).toEqual([`${key.kid}.json`]);
	});
});
