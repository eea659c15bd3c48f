/** No command makes a token that no server would accept. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LIMITS } from "../../../src/core/limits.ts";
import { ISSUER, type OwnTokens, openOwnTokens } from "../../support/own-tokens.ts";

let own: OwnTokens;
beforeAll(async () => {
	own = await openOwnTokens();
	await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first", "--no-wait"]);
});
afterAll(() => own?.close());

const ISSUE = ["token", "issue", "--domain", "internal", "--subject", "s", "--owner", "platform", "--purpose", "p"];
const recorded = async () => (await own.query("select from firebreak.passport")).length;
const times = (count: number, argv: (n: number) => string[]) => Array.from({ length: count }, (_, n) => argv(n)).flat();
const sources = (count: number) =>
	times(count, (n) => ["--source", `spiffe://prod.example.org/ledger/${"a".repeat(40)}${n}`]);

describe("longer than servers read", () => {
	test.each([
		["sources", sources(80)],
		[
			"networks",
			[
				...times(64, (n) => ["--network", `2001:db8:1234:5678:9abc:def0:${n}:0/112`]),
				...sources(25),
				...times(200, (n) => ["--scope", `s:${n}`]),
				...["--unused", "--purpose", "p".repeat(1_000)],
			],
		],
		[
			"windows",
			[...times(32, () => ["--window", "mon-sun 00:00-24:00 America/Argentina/ComodRivadavia"]), ...sources(50)],
		],
		["scopes", [...times(64, (n) => ["--scope", `${"s".repeat(120)}:${n}`]), "--unused"]],
	])("is not made: %s", async (field, more) => {
		const before = await recorded();
		const { code, out, err } = await own.firebreak([...ISSUE, ...more]);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toMatch(
			new RegExp(
				`token, ${field}: the token would have \\d+ characters, and no server reads more than ${LIMITS.tokenBytes}`,
			),
		);
		expect(await recorded()).toBe(before);
	});

	test("a token that fits is made and rotated; one that came to be too long is not rotated", async () => {
		const { code, token, token_id: id } = await own.json([...ISSUE, ...sources(50)]);
		expect(code).toBe(0);
		expect(String(token).length).toBeLessThanOrEqual(LIMITS.tokenBytes);
		expect(await own.json(["token", "rotate", ISSUER, String(id)])).toMatchObject({ code: 0 });
		const long = Array.from({ length: 90 }, (_, n) => `spiffe://prod.example.org/ledger/${"a".repeat(40)}${n}`);
		await own.query(
			"select firebreak.register_token($1, 't-long', 'platform', 'p', now() + interval '1 hour', kind => 'issued', subject => 's', sources => $2)",
			[ISSUER, long],
		);
		const before = await recorded();
		expect(await own.json(["token", "rotate", ISSUER, "t-long"])).toMatchObject({
			code: 2,
			error: { problems: [{ object: "token", field: "sources" }] },
		});
		expect(await recorded()).toBe(before);
	});
});

describe("a hash in a spelling that nothing computed has", () => {
	// "A" times 42, and a last character whose two bits beyond the hash are not zero.
	const OTHER = `${"A".repeat(42)}B`;

	test.each([
		["--bind", `jkt:${OTHER}`, "is neither a thumbprint nor the file of a public JWK"],
		["--bind", `x5t:${OTHER}`, "is neither a SHA-256 nor the PEM file of a certificate"],
		["--device", OTHER, "the last one of AEIMQUYcgkosw048"],
	])("is not bound to: %s %s", async (option, value, message) => {
		const before = await recorded();
		const { code, out, err } = await own.firebreak([...ISSUE, option, value]);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain(message);
		expect(await recorded()).toBe(before);
	});

	test.each([
		["device", `device => '${OTHER}'`],
		["binding", `binding => 'jkt:${OTHER}'`],
		["binding", `binding => 'x5t#S256:${OTHER}'`],
		["digest", `kind => 'api_key', subject => 's', digest => '${OTHER}'`],
	])("nor registered: %s", async (column, argument) => {
		const text = `select firebreak.register_token('${ISSUER}', 'j', 'platform', 'p', now() + interval '1 hour', ${argument})`;
		await expect(own.query(text)).rejects.toMatchObject({ code: "23514", column });
		expect(
			await own.query(text.replaceAll(OTHER, "A".repeat(43)).replace("'j'", `'j-${argument.length}'`)),
		).toHaveLength(1);
	});

	test("nor put in quarantine", async () => {
		const quarantine = (name: string) => own.query("select firebreak.quarantine('key', $1, 'r')", [name]);
		await expect(quarantine(OTHER)).rejects.toMatchObject({ code: "23514", column: "name" });
		expect(await quarantine("A".repeat(43))).toHaveLength(1);
	});
});
