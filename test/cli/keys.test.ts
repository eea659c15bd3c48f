/** `firebreak keys`, against a real database. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { type OwnTokens, openOwnTokens } from "../support/own-tokens.ts";

let own: OwnTokens;
beforeEach(async () => {
	own = await openOwnTokens();
});
afterEach(() => own?.close());

const rotate = (...more: string[]) => [
	"keys",
	"rotate",
	"--domain",
	"internal",
	"--reason",
	"test",
	"--no-wait",
	...more,
];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("keys rotate", () => {
	test("makes the first key, which signs at once; only its public half leaves the folder", async () => {
		const made = await own.json(rotate());
		expect(made).toMatchObject({ code: 0, rotated: true, algorithm: "ES256", withdrawn: [], waited: null });
		expect(Date.parse(made.signs_from!)).toBeLessThanOrEqual(Date.now());
		const file = readFileSync(join(own.keysDirectory, "internal", `${made.kid}.json`), "utf8");
		const secret = JSON.parse(file).d;
		const rows = await own.query("select to_jsonb(k)::text as row from firebreak.domain_key k");
		const lane = await own.query("select payload::text from firebreak.revocation");
		expect(JSON.stringify([made, rows, lane])).not.toContain(secret);
		const { keys } = await own.json(["keys", "list"]);
		expect(keys).toMatchObject([
			{ domain: "internal", kid: made.kid, thumbprint: made.kid, state: "signing", on_disk: true },
		]);
	});

	test("announces, overlaps and retires", async () => {
		const first = await own.json(rotate());
		const now = Date.now();
		const second = await own.json(rotate("--overlap", "2h"), now);
		expect(second.withdrawn).toEqual([
			{ kid: first.kid, until: new Date(now + LIMITS.keyAnnounceMs + 2 * HOUR).toISOString() },
		]);
		const states = async (at: number) => {
			const { keys } = await own.json(["keys", "list", "--domain", "internal"], at);
			return (keys as unknown as { kid: string; state: string }[]).map(({ kid, state }) => [
				kid === first.kid ? 1 : 2,
				state,
			]);
		};
		expect(await states(now)).toEqual([
			[1, "signing"],
			[2, "announced"],
		]);
		expect(await states(now + LIMITS.keyAnnounceMs)).toEqual([
			[1, "overlap"],
			[2, "signing"],
		]);
		const over = now + LIMITS.keyAnnounceMs + 2 * HOUR;
		expect(await states(over)).toEqual([
			[1, "retired"],
			[2, "signing"],
		]);
		const third = await own.json(rotate("--announce", "0s"), over);
		expect(readdirSync(join(own.keysDirectory, "internal")).sort()).toEqual(
			[`${second.kid}.json`, `${third.kid}.json`].sort(),
		);
	});

	test("does nothing while the newest key is young, which is what a schedule asks for", async () => {
		await own.json(rotate());
		expect(await own.json(rotate("--if-older-than", "30d"))).toMatchObject({ code: 0, rotated: false });
		expect(await own.json(rotate("--if-older-than", "30d"), Date.now() + 31 * DAY)).toMatchObject({ rotated: true });
	});

	test("refuses an overlap that would break tokens in flight, an algorithm that issuers do not take, and a domain without issuer", async () => {
		await own.json(rotate());
		expect(await own.json(rotate("--overlap", "59m"))).toMatchObject({
			code: 2,
			error: { message: "tokens in flight would break", problems: [{ field: "overlap" }] },
		});
		await own.query(
			`select firebreak.issuer('https://tokens.example.org', 'internal', audiences => array['internal-apis'],
				algorithms => array['EdDSA'], options => '{"signer": "firebreak"}')`,
		);
		expect(await own.json(rotate("--algorithm", "ES256"))).toMatchObject({
			code: 2,
			error: { problems: [{ field: "algorithm" }] },
		});
		expect(await own.json(rotate())).toMatchObject({ code: 0, algorithm: "EdDSA" });
		const nowhere = await own.json(["keys", "rotate", "--domain", "nowhere", "--reason", "x"]);
		expect(nowhere).toMatchObject({ code: 1, error: { code: "not_found" } });
	});

	test("says what is missing: a reason, a folder, and the right to publish", async () => {
		expect((await own.firebreak(["keys", "rotate", "--domain", "internal"])).code).toBe(2);
		const gone = await own.json([...rotate(), "--keys-dir", "/nonexistent"]);
		expect(gone).toMatchObject({
			code: 1,
			error: { code: "config_invalid", problems: [{ object: "FIREBREAK_KEYS_DIR" }] },
		});
		const off = await own.json([...rotate(), "--keys-dir", "off"]);
		expect(off).toMatchObject({ error: { code: "config_invalid" } });
		await own.query("create role keys_test_reader login password 'x' in role firebreak_reader");
		try {
			const url = new URL(own.database.url);
			url.username = "keys_test_reader";
			url.password = "x";
			const refused = await own.json([...rotate(), "--database-url", url.href]);
			expect(refused).toMatchObject({ code: 1, error: { code: "store_unsuitable" } });
			// What could not be published is not left on disk.
			expect(readdirSync(join(own.keysDirectory, "internal"))).toEqual([]);
		} finally {
			await own.query("drop role keys_test_reader");
		}
	});
});

describe("keys list", () => {
	test("tells of keys that are not here, and of those in quarantine", async () => {
		const { kid } = await own.json(rotate());
		await own.query("select firebreak.quarantine('key', $1, 'stolen')", [kid]);
		const { keys } = await own.json(["keys", "list", "--keys-dir", own.keysDirectory]);
		expect(keys).toMatchObject([{ state: "quarantined" }]);
		const { out } = await own.firebreak(["keys", "list"]);
		expect(out).toMatch(new RegExp(`^internal +${kid} +the same +ES256 +quarantined +\\S+ +yes +test$`, "m"));
		expect((await own.firebreak(["keys", "list", "--domain", "partner"])).out).toBe("no key is published\n");
	});
});
