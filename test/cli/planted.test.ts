/** Credentials in every place where a command takes a text: none comes out, and none is kept. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Command } from "commander";
import { buildProgram, run } from "../../src/cli/program.ts";
import { COMMANDS } from "../../src/commands.ts";
import { API_KEY, PEM, TOKEN } from "../cases/credential-texts.ts";
import { fakeIo } from "../support/fake-io.ts";
import { ISSUER, type OwnTokens, openOwnTokens } from "../support/own-tokens.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { Secrets } from "../support/secrets.ts";
import { dumpTables } from "../support/table-dump.ts";

// Hundreds of command lines one after another, on a machine that may have other things to do.
jest.setTimeout(600_000);

const secrets = new Secrets();
secrets.jws("token", TOKEN);
secrets.add("API key", API_KEY.slice(4, 47));
secrets.pem("private key", PEM);
const PLANTED = [TOKEN, API_KEY, PEM, PEM.split("\n")[1]!];

let own: OwnTokens;
let folder: string;
beforeAll(async () => {
	own = await openOwnTokens();
	await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first", "--announce", "0s"]);
	folder = mkdtempSync(join(tmpdir(), "firebreak-planted-"));
});
afterAll(async () => {
	await own?.close();
	rmSync(folder, { recursive: true, force: true });
});

const io = fakeIo();
const root = buildProgram({ ...io, setExitCode() {}, reveal() {} }, COMMANDS) as unknown as Command;

interface Place {
	readonly name: string;
	readonly argv: (text: string) => readonly string[];
	/** What is taken there is part of a made-up request, or leads to the database: the command may go on. */
	readonly goesOn: boolean;
}

/** Good values, by the name of the argument or option; a command line of them alone would work. */
const GOOD: Readonly<Record<string, string>> = {
	issuer: ISSUER,
	id: "t-unknown",
	kind: "segment",
	name: "orders",
	file: "none",
	domain: "internal",
	source: "orders",
	destination: "payments",
	owner: "platform",
	"to-revision": "1",
};
const good = (name: string): string => GOOD[name] ?? "x";
const REQUESTS = ["--path", "--header"];

/** Every argument and option of a command that takes a text, and those that it does not have. */
function placesOf(command: Command, path: readonly string[]): Place[] {
	const wanted = command.options.filter((option) => option.mandatory);
	const options = (but?: string) =>
		wanted.flatMap((option) => (option.long === but ? [] : [`${option.long}`, good(option.name())]));
	const given = command.registeredArguments.map((argument) => good(argument.name()));
	// Nothing is started, nor written but here.
	const fixed = () => [
		...(path.at(-1) === "serve" ? ["--check-config"] : []),
		...(command.options.some(({ long }) => long === "--dir") ? ["--dir", folder] : []),
	];
	const place = (name: string, argv: Place["argv"], goesOn = false): Place => ({
		name: `${path.join(" ")} ${name}`,
		argv: (text) => [...path, ...fixed(), ...argv(text)],
		goesOn,
	});
	return [
		...command.registeredArguments.map((argument, index) =>
			place(`<${argument.name()}>`, (text) => [...options(), "--", ...given.with(index, text)]),
		),
		...command.options
			.filter(({ required, optional }) => required || optional)
			.flatMap(({ long }) => [
				place(`${long}`, (text) => [...given, ...options(`${long}`), `${long}`, text], REQUESTS.includes(`${long}`)),
				place(`${long}=`, (text) => [...given, ...options(`${long}`), `${long}=${text}`], REQUESTS.includes(`${long}`)),
			]),
		place("an argument too many", (text) => [...given, ...options(), text]),
		place("an option that it does not have", (text) => [...given, ...options(), `--${text}`]),
		place("--database-url", (text) => [...given, ...options(), "--database-url", text], true),
	];
}

function everyPlace(command: Command, path: readonly string[]): Place[] {
	if (command.commands.length === 0) return placesOf(command, path);
	const unknown: Place = {
		name: `${path.join(" ")} a command that is none`,
		argv: (text) => [...path, text],
		goesOn: false,
	};
	return [unknown, ...command.commands.flatMap((child) => everyPlace(child, [...path, child.name()]))];
}

const places = everyPlace(root, []);

test("every command takes part", () => {
	expect(places.map(({ name }) => name)).toEqual(
		expect.arrayContaining([
			" a command that is none",
			"token a command that is none",
			"token issue --purpose",
			"token revoke <id>",
			"token rotate <issuer>",
			"quarantine add <name>",
			"quarantine lift --reason",
			"keys rotate --reason",
			"migrate new <name>",
			"explain --path",
			"serve --database-url",
		]),
	);
});

async function firebreak(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
	const surroundings = fakeIo({
		env: { DATABASE_URL: own.database.url, FIREBREAK_KEYS_DIR: own.keysDirectory, ...env },
		cwd: folder,
		clock: Date.now,
	});
	const code = await run(argv, surroundings, COMMANDS);
	return { code, text: surroundings.out() + surroundings.err() };
}

describe.each(places)("$name", ({ argv, goesOn }) => {
	test("tells no credential, and keeps none", async () => {
		for (const secret of PLANTED) {
			for (const text of [secret, `leaked: ${secret}, INC-4711`]) {
				for (const json of [[], ["--json"]]) {
					const said = await firebreak([...json, ...argv(text)]);
					expect(secrets.foundIn({ name: "what it said", text: said.text, holds: /./ })).toEqual([]);
					if (!goesOn) expect(said.code).toBe(2);
				}
			}
		}
	});
});

test("a credential in place of the database's URL is not told", async () => {
	for (const secret of PLANTED) {
		for (const argv of [["servers"], ["servers", "--json"], ["serve", "--check-config"]]) {
			const { code, text } = await firebreak(argv, { DATABASE_URL: secret, FIREBREAK_LOG_LEVEL: secret });
			expect(code).not.toBe(0);
			expect(secrets.foundIn({ name: "what it said", text, holds: /./ })).toEqual([]);
		}
	}
});

describe("in a policy file", () => {
	const STATED = `select firebreak.owner('orders'), firebreak.domain('d', 'orders');
		select firebreak.segment('s', 'd', 'prod', 'orders', '{spiffe://a/b}');
		select firebreak.deny('p', '*', 's', 'orders', '{GET}', '{/x}'`;
	let empty: TestDatabase;
	let policies: string;
	beforeAll(async () => {
		empty = await createTestDatabase({ schema: false });
		policies = join(folder, "policies");
		mkdirSync(join(policies, "orders"), { recursive: true });
		expect((await migrate()).code).toBe(0);
	});
	afterAll(() => empty?.drop());

	const migrate = (...more: string[]) =>
		firebreak(["migrate", "up", "--dir", policies, ...more], { DATABASE_URL: empty.url });

	test.each([
		["a reason", (text: string) => `${STATED}, reason => 'see ${text}');`],
		["a condition", (text: string) => `${STATED}, condition => 'token.a == "${text}"');`],
		["a name", (text: string) => `select firebreak.owner('${text}');`],
		[
			"a word",
			(text: string) => `select firebreak.owner('orders'), firebreak.domain('d', 'orders', flow => '${text}');`,
		],
		["no number", (text: string) => `select '${text}'::int;`],
	])("%s", async (_, sqlOf) => {
		for (const secret of PLANTED) {
			writeFileSync(join(policies, "orders", "20260101000000_x.sql"), sqlOf(secret));
			for (const json of [[], ["--json"]]) {
				const { code, text } = await migrate(...json);
				expect(code).toBe(1);
				expect(secrets.foundIn({ name: "what it said", text, holds: "credential" })).toEqual([]);
			}
		}
	});
});

test("the token that is made comes out, once, and nothing else of its kind", async () => {
	const issue = ["token", "issue", "--domain", "internal", "--subject", "s", "--owner", "platform", "--purpose", "p"];
	const { code, text } = await firebreak([...issue, "--json"]);
	expect(code).toBe(0);
	const { token, token_id } = JSON.parse(text);
	expect(token).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
	const rotated = await firebreak(["token", "rotate", ISSUER, token_id]);
	expect(rotated.code).toBe(0);
	expect(rotated.text.split("\n")[0]).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
	expect(rotated.text).not.toContain("[credential]");
});

test("what is kept holds none of all that", async () => {
	const tables = await dumpTables((text) => own.query(text));
	expect(tables.find(({ name }) => name === "table passport")?.text).toContain('"purpose": "p"');
	expect(tables.find(({ name }) => name === "table revocation")?.text).toContain("domain_key");
	expect(tables.flatMap((table) => secrets.foundIn(table))).toEqual([]);
});
