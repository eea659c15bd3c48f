import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type Authenticator, createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { CREDENTIAL_DETAILS } from "../../src/authn/refusal.ts";
import type { CredentialVerdict } from "../../src/core/request.ts";
import { CASES } from "../cases/tokens/all.ts";
import type { TokenCase } from "../cases/tokens/case.ts";
import { CIRCUMSTANCES } from "../cases/tokens/circumstances.ts";
import { bearer, demandOf, proofMemory, REQUEST, TokenWorld } from "../support/tokens.ts";

const NOW = 1_780_000_000;
const world = new TokenWorld(NOW);
/** All keys stand in the issuers' rows: whatever is fetched was fetched because a token said so. */
const fetched = jest.spyOn(globalThis, "fetch").mockRejectedValue(new Error("nothing is fetched"));
const keys = new KeyRing({ clock: () => NOW * 1000 });
let authenticator: Authenticator;

beforeAll(() => {
	keys.follow(Object.values(world.issuers));
	authenticator = createAuthenticator({ clock: () => NOW * 1000, keys, replay: proofMemory() });
});
afterAll(() => {
	keys.stop();
	fetched.mockRestore();
});

async function verdictsOf({ present, demand }: TokenCase) {
	const presented = present(world);
	const request = typeof presented === "string" ? bearer(presented) : { ...REQUEST, ...presented };
	const ask = () => authenticator.authenticate(request, demandOf(world.internal, demand));
	return { first: await ask(), again: await ask(), request };
}

const isProven = (verdict: CredentialVerdict) => verdict.kind === "token" && verdict.token.bound === "dpop";

describe("the cases of tokens", () => {
	test.each(CASES.map((example) => [example.no, example.name, example] as const))(
		"%i %s",
		async (_no, _name, example) => {
			const { first, again, request } = await verdictsOf(example);
			if (Array.isArray(example.expect)) {
				const [reason, detail] = example.expect;
				expect(first).toMatchObject({ kind: "refused", reason, detail });
			} else {
				expect(first).toMatchObject({ kind: "token", token: example.expect });
			}
			// A proof is good once.
			if (isProven(first)) expect(again).toMatchObject({ reason: "proof_replayed", detail: "used" });
			else expect(again).toEqual(first);
			expectNoTokenText(first, request.authorization);
			expect(fetched).not.toHaveBeenCalled();
		},
	);

	test("those of case 5 name places to fetch from, by jku and by x5u", () => {
		const headers = CASES.filter(({ no }) => no === 5).map(({ present }) => {
			const token = present(world);
			return Object.keys(JSON.parse(Buffer.from(String(token).split(".")[0]!, "base64url").toString()));
		});
		expect(headers.flat()).toEqual(expect.arrayContaining(["jku", "x5u"]));
	});

	test("every refusal that cases can reach is among the documented ones", async () => {
		for (const { expect: wanted } of CASES) {
			if (!Array.isArray(wanted)) continue;
			expect(CREDENTIAL_DETAILS).toHaveProperty([wanted[0], wanted[1]]);
		}
	});

	test("all forty have examples: here, or among those of what happened before, which test/extauthz sends", () => {
		const numbers = (examples: readonly { readonly no: number }[]) => new Set(examples.map(({ no }) => no));
		const here = numbers(CASES);
		const all = numbers([...CASES, ...CIRCUMSTANCES]);
		const forty = Array.from({ length: 40 }, (_, index) => index + 1);
		expect([...all].sort((a, b) => a - b)).toEqual(forty);
		expect(forty.filter((no) => !here.has(no))).toEqual([29, 30, 35]);
	});

	test.each(["token_invalid", "passport_missing", "passport_context"] as const)(
		"every detail of %s is reached",
		(reason) => {
			const reached = CASES.flatMap(({ expect }) => (Array.isArray(expect) && expect[0] === reason ? [expect[1]] : []));
			expect(reached).toEqual(expect.arrayContaining(Object.keys(CREDENTIAL_DETAILS[reason])));
		},
	);
});

function expectNoTokenText(verdict: CredentialVerdict, authorization: readonly string[]): void {
	const text = JSON.stringify(verdict);
	for (const part of authorization.flatMap((value) => value.split(/[ .,]/)).filter((part) => part.length > 20)) {
		expect(text).not.toContain(part);
	}
}
