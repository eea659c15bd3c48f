/**
 * oauth4webapi's validateJwtAccessToken as a second opinion: every request goes to both, and where the two differ the
 * difference has a name and a reason. A new one fails, and so does one that is listed and no longer seen.
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { CASES } from "../../cases/tokens/all.ts";
import { AUDIENCE, bearer, REQUEST } from "../../support/tokens.ts";
import { DIFFERENCES } from "./differences.ts";
import { main, NOW, ours, theirs, world } from "./opinions.ts";
import { JKT, PROOF_DIFFERENCES, PROOFS, proven, URI } from "./proofs.ts";

const listedAs = (wanted: (example: string) => boolean) =>
	[...DIFFERENCES, ...PROOF_DIFFERENCES].flatMap(({ ours, cases }) =>
		cases.filter(wanted).map((example) => `${ours}: ${example}`),
	);

test("cases differ where they are listed, and nowhere else", async () => {
	const differing: string[] = [];
	let agreed = 0;
	for (const { no, name, demand, present } of CASES) {
		// Demands of a domain are nothing that they know.
		if (demand) continue;
		const presented = present(world);
		const request = typeof presented === "string" ? bearer(presented) : { ...REQUEST, ...presented };
		const [we, they] = [await ours(request), await theirs(request)];
		if ((we === "accepted") === (they === "accepted")) agreed++;
		else differing.push(`${we}: ${no} ${name}`);
	}
	const listed = listedAs((example) => /^\d/.test(example));
	expect(differing.sort()).toEqual(listed.sort());
	expect(agreed).toBeGreaterThan(200);
});

test("proofs differ where they are listed, and nowhere else", async () => {
	const differing: string[] = [];
	const accepted: string[] = [];
	for (const { name, request } of PROOFS) {
		const sent = request();
		const [we, they] = [await ours(sent), await theirs(sent)];
		if ((we === "accepted") !== (they === "accepted")) differing.push(`${we}: ${name}`);
		else if (we === "accepted") accepted.push(name);
	}
	const listed = listedAs((example) => !/^\d/.test(example));
	expect(differing.sort()).toEqual(listed.sort());
	// Agreement on refusals alone would be worth nothing.
	expect(accepted).toEqual(expect.arrayContaining(["a good proof", "a key for RS256", "htu with the default port"]));
});

/** Values of every kind, near to what belongs there and far from it. */
const odd = fc.oneof(
	fc.constantFrom<unknown>(
		undefined,
		null,
		true,
		0,
		-1,
		1e300,
		"",
		" ",
		"a b",
		[],
		{},
		[null],
		NOW,
		NOW - 120,
		NOW + 120,
	),
	fc.constantFrom<unknown>(main.url, AUDIENCE, [AUDIENCE], [AUDIENCE, "x"], JKT, { jkt: JKT }, URI, REQUEST.method),
	fc.string({ maxLength: 6 }),
	fc.integer(),
);
const changesOf = (...names: string[]) => fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 2 });

/** One character of a text, replaced. */
const scratch = (text: string, at: number, by: string) => {
	const place = at % text.length;
	return text.slice(0, place) + by + text.slice(place + 1);
};

test("generated requests differ in the ways that have a name, and in no other", async () => {
	const known = new Set(
		[...DIFFERENCES, ...PROOF_DIFFERENCES].map(({ ours }) => ours).filter((word) => word !== "accepted"),
	);
	const seen = { both: 0, neither: 0, ours: 0 };
	const generated = fc.record({
		claims: changesOf("iss", "aud", "sub", "client_id", "iat", "exp", "nbf", "jti", "scope", "cnf"),
		header: changesOf("typ", "alg", "kid", "crit", "jwk"),
		bound: fc.boolean(),
		proof: changesOf("jti", "htm", "htu", "iat", "ath", "nonce"),
		proofHeader: changesOf("typ", "alg", "jwk", "crit"),
		scratched: fc.option(fc.tuple(fc.constantFrom("token", "proof"), fc.nat(), fc.constantFrom("A", "_", ".", "")), {
			freq: 3,
			nil: null,
		}),
	});
	const some = fc.tuple(generated, fc.constantFrom("claims", "header", "proof", "proofHeader", "all", "none"));
	await fc.assert(
		fc.asyncProperty(some, async ([changes, only]) => {
			const take = (part: "claims" | "header" | "proof" | "proofHeader") =>
				only === part || only === "all" ? changes[part] : {};
			let token = world.token({ ...(changes.bound && { cnf: { jkt: JKT } }), ...take("claims") }, take("header"));
			const [part, at, by] = changes.scratched ?? [null, 0, ""];
			if (part === "token") token = scratch(token, at, by);
			let request = bearer(token);
			if (changes.bound) {
				request = proven({ token, claims: take("proof"), header: take("proofHeader") });
				if (part === "proof") request = { ...request, dpop: [scratch(request.dpop[0]!, at, by)] };
			}
			const [we, they] = [await ours(request), await theirs(request)];
			if (we === "accepted") expect(they).toBe("accepted");
			else if (they === "accepted") expect(known).toContain(we);
			seen[we === "accepted" ? "both" : they === "accepted" ? "ours" : "neither"]++;
		}),
		{ numRuns: 500 },
	);
	expect(Math.min(seen.both, seen.neither)).toBeGreaterThan(25);
});
