/** Explaining requests with tokens: the same verdicts as of the cases of tokens, with what it cannot know told. */
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Authenticator, createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import type { ExplainQuery } from "../../src/core/explanation.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import type { DomainRow } from "../../src/core/model.ts";
import { explain } from "../../src/extauthz/explain.ts";
import type { TokenCase } from "../cases/tokens/case.ts";
import { credentials } from "../cases/tokens/credentials.ts";
import { proofs } from "../cases/tokens/proofs.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { proofMemory, REQUEST, TokenWorld } from "../support/tokens.ts";

const NOW = 1_780_000_000;
const world = new TokenWorld(NOW);
const clock = () => NOW * 1000;
const keys = new KeyRing({ clock });
afterAll(() => keys.stop());
let authenticator: Authenticator;
beforeEach(() => {
	authenticator = createAuthenticator({ clock, keys, replay: proofMemory() });
});

const explained = (query: Partial<ExplainQuery>, flow: DomainRow["flow"] = "mtls+token") => {
	const snapshot = snapshotOf({
		domains: [domain({ name: "internal", flow }), domain({ name: "partner" })],
		issuers: Object.values(world.issuers),
		segments: [
			segment({ name: "orders" }),
			segment({ name: "payments" }),
			segment({ name: "door", trusted_proxy: true }),
		],
		policies: [policy({ name: "p", source: "orders", destination: "payments", methods: ["*"] })],
	});
	const view = { snapshot, lane: new Lane(), policyConfirmedAt: NOW * 1000, laneConfirmedAt: NOW * 1000 };
	const ages = { maxPolicyAge: 1e9, maxRevocationAge: 1e9 };
	const { method, rawPath: path, authority: host } = REQUEST;
	const whole = { source: "orders", destination: "payments", method, path, token: null, at: null, ...query };
	return explain({ authenticator, ages, clock }, view, { ...whole, headers: { host, ...query.headers } });
};

/** The queries that a case comes to; null when its request cannot be asked about in this way. */
function queryOf({ present, demand = {} }: TokenCase): Partial<ExplainQuery> | null {
	const presented = present(world);
	if (typeof presented === "string") return Object.keys(demand).length > 0 ? null : { token: presented };
	const { authorization, dpop, method, scheme, authority, rawPath } = { ...REQUEST, ...presented };
	const [value, ...more] = authorization;
	const token = /^(?:Bearer|DPoP) (\S+)$/.exec(value ?? "")?.[1];
	const matching = value?.startsWith("DPoP") === dpop.length > 0;
	if (!token || more.length > 0 || dpop.length > 1 || !matching || scheme !== "https") return null;
	if (Object.keys(demand).some((name) => name !== "bound")) return null;
	return {
		token,
		method,
		path: rawPath,
		headers: { host: authority, ...(dpop[0] !== undefined && { dpop: dpop[0] }) },
	};
}

const cases = [...credentials, ...proofs].flatMap((example) => {
	const query = queryOf(example);
	return query === null ? [] : [[example.no, example.name, example, query] as const];
});

test("there are examples of every case about possession", () => {
	expect(cases.map(([no]) => no)).toEqual(expect.arrayContaining([33, 34, 36, 37]));
	expect(cases.length).toBeGreaterThan(60);
});

test.each(cases)("%i %s", async (_no, _name, { expect: wanted, demand }, query) => {
	const { decision, steps } = await explained(query, demand?.bound ? "mtls+bound-token" : "mtls+token");
	const [reason, detail] = Array.isArray(wanted) ? wanted : ["allowed", null];
	expect({ reason: decision.reason, detail: decision.detail }).toEqual({ reason, detail });
	expect(JSON.stringify(steps)).not.toContain(String(query.token).slice(-40));
});

describe("what explaining cannot show", () => {
	const credentialOf = async (query: Partial<ExplainQuery>) =>
		(await explained(query)).steps.find(({ step }) => step === "credential");
	const bound = (member: object) => world.token({ cnf: member });

	test("a token that is bound to a key, without its proof", async () => {
		const step = await credentialOf({ token: bound({ jkt: "A".repeat(43) }) });
		expect(step).toMatchObject({
			result: "fail",
			detail: "proof_missing",
			note: expect.stringContaining("header dpop"),
		});
	});

	test("a token that is bound to a certificate: behind a trusted proxy it can", async () => {
		const hash = Buffer.alloc(32, 5);
		const token = bound({ "x5t#S256": hash.toString("base64url") });
		expect(await credentialOf({ token })).toMatchObject({
			detail: "certificate_missing",
			note: expect.stringContaining("x-forwarded-client-cert"),
		});
		const forwardedBy = (digest: Buffer) => ({
			token,
			source: "door",
			headers: {
				"x-forwarded-client-cert": `Hash=${digest.toString("hex")};URI=spiffe://prod.example.org/ns/orders/sa/orders`,
			},
		});
		expect(await credentialOf(forwardedBy(hash))).toMatchObject({ result: "pass" });
		expect(await credentialOf(forwardedBy(Buffer.alloc(32, 6)))).toMatchObject({ detail: "certificate" });
	});

	test("whether a proof was used before", async () => {
		const [, , , query] = cases.find(([, name]) => name === "a good proof")!;
		for (let turn = 0; turn < 2; turn++) {
			const step = await credentialOf(query);
			expect(step).toMatchObject({ result: "pass", note: expect.stringContaining("as unused as it was") });
		}
	});
});
