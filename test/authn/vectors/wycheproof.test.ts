/**
 * The 401 JSON Web Signatures of Project Wycheproof through our own reading, key lint, algorithm policy and signature
 * check. The vectors are not part of this repository: WYCHEPROOF_DIR names a directory with
 * `json_web_signature_test.json` (C2SP/wycheproof, testvectors_v1) and `disputed.json`, which names the vectors that
 * cannot have their stated result. What they taught stands in test/cases/tokens as cases of our own.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readJws } from "../../../src/authn/jws.ts";
import { algorithmOf, importKeySet, KeySet } from "../../../src/authn/keys/keyset.ts";
import { isRefusal } from "../../../src/authn/refusal.ts";
import { isSignedBy } from "../../../src/authn/signature.ts";
import { canonicalAlgorithm, lintJwks, SIGNATURE_ALGORITHMS } from "../../../src/core/jwks.ts";
import { TokenService } from "../../support/token-service.ts";
import { bearer, issuerRow } from "../../support/tokens.ts";

interface Vector {
	readonly tcId: number;
	readonly comment: string;
	readonly jws: string;
	readonly result: "valid" | "invalid";
}

interface Group {
	readonly comment: string;
	/** Absent where the key is a shared secret. */
	readonly public?: object;
	readonly private: object;
	readonly tests: readonly Vector[];
}

const REFUSALS = ["key", "malformed", "algorithm", "key_unknown", "signature"] as const;
type Outcome = "accepted" | (typeof REFUSALS)[number];

const DIRECTORY = process.env.WYCHEPROOF_DIR;

if (DIRECTORY === undefined) {
	process.stderr.write("The 401 vectors of Wycheproof are skipped: WYCHEPROOF_DIR names no directory that has them.\n");
	test.skip("the 401 vectors of Wycheproof: skipped, WYCHEPROOF_DIR names no directory that has them", () => {});
} else {
	const read = (name: string) => JSON.parse(readFileSync(join(DIRECTORY, name), "utf8"));
	const groups: readonly Group[] = read("json_web_signature_test.json").testGroups;
	const disputed: Readonly<Record<string, { tcIds: readonly number[] }>> = read("disputed.json");
	const isNamed = (name: string, tcId: number) => disputed[name]!.tcIds.includes(tcId);

	/** What must come of a vector, and in which words it is told of: as the vectors say, but for what is named. */
	const wantedOf = ({ tcId, result }: Vector, mac: boolean): [kind: string, wanted: readonly Outcome[]] => {
		// One and the same token, valid once and invalid twice; as a MAC it is refused for that, its form being sound.
		if (isNamed("contradictory", tcId)) return ["disputed", ["algorithm"]];
		if (isNamed("marked_valid_but_malformed", tcId)) return ["disputed", ["malformed"]];
		// A key is good for the one algorithm that it names; ES521, which a key names, does not exist.
		if (isNamed("key_alg_differs_from_token_alg", tcId)) return ["disputed", ["algorithm", "key"]];
		// Whoever can check a MAC could have made it: the sound ones are refused for being MACs, and for nothing else.
		if (mac && result === "valid") return ["a MAC, never accepted", ["algorithm"]];
		// Only the form gives these away, and jose's decoder lets it pass.
		if (isNamed("accepted_by_jose_6_2_17", tcId)) return ["as stated", ["malformed"]];
		return ["as stated", result === "valid" ? ["accepted"] : REFUSALS];
	};

	const titled = groups.map((group, index) => [index + 1, group.comment, group.tests.length, group] as const);
	test.each(titled)("group %i, %s: %i vectors", async (_no, _comment, _count, group) => {
		const wrong: object[] = [];
		for (const vector of group.tests) {
			const got = await outcomeOf(vector.jws, group.public ?? group.private);
			const [, wanted] = wantedOf(vector, group.public === undefined);
			if (!wanted.includes(got)) wrong.push({ ...vector, wanted, got });
		}
		expect(wrong).toEqual([]);
	});

	test("sent as bearer tokens to the real service, with the group's key as an issuer's: 401 denials and no error", async () => {
		const service = new TokenService(1_780_000_000_000);
		await service.start();
		try {
			const reasons = new Set<string>();
			for (const { tests, ...group } of groups) {
				const jwks = { keys: [group.public ?? group.private] };
				// Keys for encryption and shared secrets are no issuer's: policy that names them does not compile.
				const own = lintJwks(jwks).length === 0 ? { jwks } : { jwks_uri: "https://id.example.org/jwks" };
				const issuers = [issuerRow({ url: "https://id.example.org", algorithms: [...SIGNATURE_ALGORITHMS], ...own })];
				for (const { jws } of tests) {
					const answer = await service.ask(bearer(jws), { issuers });
					reasons.add(answer.reason);
					expect([400, 401]).toContain(answer.status);
				}
			}
			expect([...reasons].sort()).toEqual(["credentials_conflict", "token_invalid", "token_missing"]);
			expect(service.errors).toEqual([]);
		} finally {
			await service.end();
		}
	});

	test("all 401 were there: 385 as stated, 7 sound MACs, 9 disputed by name", () => {
		const kinds = groups.flatMap(({ tests, ...group }) =>
			tests.map((vector) => wantedOf(vector, group.public === undefined)[0]),
		);
		const count = (kind: string) => kinds.filter((some) => some === kind).length;
		expect(kinds).toHaveLength(401);
		expect([count("as stated"), count("a MAC, never accepted"), count("disputed")]).toEqual([385, 7, 9]);
	});
}

/** As a token of an issuer that allows every algorithm we know, with this one key. */
async function outcomeOf(text: string, jwk: object): Promise<Outcome> {
	const jws = readJws(text);
	if (isRefusal(jws)) return jws.detail as Outcome;
	const set = await importKeySet({ keys: [jwk] }, "rfc9068", null);
	if (!(set instanceof KeySet)) return "key";
	const key = set.find(jws.kid, jws.alg, SIGNATURE_ALGORITHMS);
	if (key === null) return "key_unknown";
	if (algorithmOf(key, SIGNATURE_ALGORITHMS) !== canonicalAlgorithm(jws.alg)) return "algorithm";
	return (await isSignedBy(text, jws.alg, key)) ? "accepted" : "signature";
}
