import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Client } from "pg";
import { SIGNATURE_ALGORITHMS } from "../../../src/core/jwks.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import * as model from "../../../src/core/model.ts";
import { parseSpiffeId } from "../../../src/core/spiffe.ts";
import { parseGrpcPattern, parseTemplate } from "../../../src/core/template.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import { type Arguments, andRollBack, call, refusalOf, stateExample } from "./calls.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
	database = await createTestDatabase();
	client = await database.connect();
	await stateExample(client);
});
afterAll(() => database?.drop());

describe("the database knows the same words as the program", () => {
	const lane = { name: "orders", reason: "r" };
	const names: Readonly<Record<string, string>> = {
		workload: "spiffe://a/b",
		key: "k".repeat(43),
		issuer: "https://i",
	};
	/** What is stated with each word, and which argument the word is. */
	const WORDS: readonly (readonly [string, string, readonly string[], (word: string) => Arguments])[] = [
		["domain", "flow", model.FLOWS, (flow) => ({ name: "d", owner: "platform", flow })],
		["domain", "mode", model.MODES, (mode) => ({ name: "d", owner: "platform", mode })],
		["domain", "on_stale", model.ON_STALE, (on_stale) => ({ name: "d", owner: "platform", on_stale })],
		["domain", "passport", model.PASSPORTS, (passport) => ({ name: "d", owner: "platform", passport })],
		["domain", "audit", model.AUDITS, (audit) => ({ name: "d", owner: "platform", audit })],
		[
			"issuer",
			"profile",
			model.PROFILES,
			(profile) => issuer({ profile, jwks_uri: profile === "api_key" ? null : "https://k" }),
		],
		["issuer", "binding", model.BINDINGS, (binding) => issuer({ binding })],
		["issuer", "algorithms", SIGNATURE_ALGORITHMS, (algorithm) => issuer({ algorithms: [algorithm] })],
		["segment", "credential_upstream", model.CREDENTIAL_UPSTREAM, (word) => segment({ credential_upstream: word })],
		["segment", "path_exceptions", model.PATH_EXCEPTIONS, (word) => segment({ path_exceptions: [word] })],
		["rate_limit", "kind", model.RATE_KINDS, (kind) => ({ kind, name: "orders", per_second: 1, burst: 1 })],
		[
			"quarantine",
			"kind",
			model.QUARANTINE_KINDS,
			(kind) => ({ kind, ...lane, ...(names[kind] && { name: names[kind] }) }),
		],
	];
	const issuer = (change: Arguments): Arguments => ({
		url: "https://i",
		domain: "internal",
		audiences: ["a"],
		jwks_uri: "https://k",
		...change,
	});
	const segment = (change: Arguments): Arguments => ({
		name: "s",
		domain: "internal",
		environment: "prod",
		owner: "orders",
		members: [],
		...change,
	});

	test.each(WORDS)("%s, %s", async (name, argument, words, args) => {
		await andRollBack(client, async () => {
			for (const word of words) await call(client, name, args(word));
		});
		const { hint, column } = await refusalOf(() => call(client, name, args("no-such-word")));
		expect(column).toBe(argument);
		expect(
			hint
				?.replace(/^write (one|some) of /, "")
				.split(", ")
				.sort(),
		).toEqual([...words].sort());
	});
});

describe("the database and the compiler agree", () => {
	const problems = async (type: string, values: readonly string[]): Promise<(string | null)[]> => {
		const text =
			"select (firebreak.element_problem($1, v)).problem from unnest($2::text[]) with ordinality u (v, i) order by i";
		return (await client.query(text, [type, values])).rows.map(({ problem }) => problem);
	};
	/** Pieces that make interesting paths, most of them wrong. */
	const piece = fc.constantFrom(
		..."/ / / a . .. * ** {a} {b} {1} {a %20 %2F %2f %61 %2e %25 %C3%A9 %c3%a9 %C3 %00 ; | \\ ? # ~ : @ $ é x y".split(
			" ",
		),
		" ",
	);
	const path = fc.array(piece, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
	const everything: readonly model.PathException[] = ["encoded_slash", "semicolon"];

	test("about path templates, but for what a destination may permit", async () => {
		const paths = fc.sample(fc.uniqueArray(path, { minLength: 2_000, maxLength: 2_000 }), 1)[0]!;
		const refused = await problems("template", paths);
		const differing = paths.filter((text, i) => parseTemplate(text, everything).ok !== (refused[i] === null));
		expect(differing).toEqual([]);
	});

	test("about gRPC methods", async () => {
		const part = fc.constantFrom(...". / a B1 _x * 1 pkg.v1.Svc /Get".split(" "));
		const methods = fc.sample(
			fc.array(part, { maxLength: 6 }).map((parts) => parts.join("")),
			1_000,
		);
		const refused = await problems("grpc", methods);
		expect(methods.filter((text, i) => parseGrpcPattern(text).ok !== (refused[i] === null))).toEqual([]);
	});

	test("about SPIFFE IDs of workloads", async () => {
		const part = fc.constantFrom(..."spiffe:// spiffe:// / / a a.b . .. A % * : @ ? _ - é".split(" "));
		const ids = fc.sample(
			fc.array(part, { maxLength: 8 }).map((parts) => `spiffe://${parts.join("")}`),
			1_000,
		);
		const { rows } = await client.query(
			"select firebreak.is_workload(v) as is from unnest($1::text[]) with ordinality u (v, i) order by i",
			[ids],
		);
		const differing = ids.filter((id, i) => Boolean(parseSpiffeId(id)?.path) !== rows[i].is);
		expect(differing).toEqual([]);
	});
});

describe("the database's bounds are the program's", () => {
	const policy = (change: Arguments): Arguments => ({
		name: "p",
		source: "orders",
		destination: "payments",
		owner: "payments",
		methods: ["GET"],
		paths: ["/"],
		...change,
	});
	const accepted = (args: Arguments) =>
		andRollBack(client, () => call(client, "allow", args)).then(
			() => true,
			() => false,
		);

	test.each<[string, number, (length: number) => Arguments]>([
		["nameBytes", LIMITS.nameBytes, (length) => policy({ name: "n".repeat(length) })],
		["methodBytes", LIMITS.methodBytes, (length) => policy({ methods: ["M".repeat(length)] })],
		["pathBytes", LIMITS.pathBytes, (length) => policy({ paths: [`/${"p".repeat(length - 1)}`] })],
		["pathSegments", LIMITS.pathSegments, (length) => policy({ paths: ["/s".repeat(length)] })],
		["templateNameBytes", LIMITS.templateNameBytes, (length) => policy({ paths: [`/{${"n".repeat(length)}}`] })],
		["conditionBytes", LIMITS.conditionBytes, (length) => policy({ condition: "1".repeat(length) })],
		["reasonBytes", LIMITS.reasonBytes, (length) => policy({ reason: "r".repeat(length) })],
		["listItems", LIMITS.listItems, (length) => policy({ scopes: Array(length).fill("s") })],
	])("%s", async (_, most, args) => {
		expect(await accepted(args(most))).toBe(true);
		expect(await accepted(args(most + 1))).toBe(false);
	});

	test("segmentMembers, spiffeIdBytes, trustDomainBytes", async () => {
		const { rows } = await client.query(
			`select firebreak.is_workload('spiffe://a/' || repeat('b', $1::int - 11)) as id,
				firebreak.is_workload('spiffe://a/' || repeat('b', $1::int - 10)) as long_id,
				firebreak.is_workload('spiffe://' || repeat('a', $2::int) || '/b') as domain,
				firebreak.is_workload('spiffe://' || repeat('a', $2::int + 1) || '/b') as long_domain`,
			[LIMITS.spiffeIdBytes, LIMITS.trustDomainBytes],
		);
		expect(rows).toEqual([{ id: true, long_id: false, domain: true, long_domain: false }]);
		const segment = { name: "s", domain: "internal", environment: "prod", owner: "orders" };
		const members = (count: number) => Array.from({ length: count }, (_, i) => `spiffe://a/${i}`);
		await andRollBack(client, () => call(client, "segment", { ...segment, members: members(LIMITS.segmentMembers) }));
		const refusal = await refusalOf(() =>
			call(client, "segment", { ...segment, members: members(LIMITS.segmentMembers + 1) }),
		);
		expect(refusal.hint).toBe(`write at most ${LIMITS.segmentMembers}`);
	});
});
