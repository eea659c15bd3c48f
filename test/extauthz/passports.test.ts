/** Who is told whose token it was that was refused for where it is used: records, and whoever explains the decision. */
import { expect, test } from "@jest/globals";
import { decisionRecord } from "../../src/audit/record.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import type { Step } from "../../src/core/decide/trace.ts";
import { viewExplanation } from "../../src/core/explanation.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { evaluate } from "../../src/extauthz/evaluate.ts";
import { respond } from "../../src/extauthz/respond.ts";
import { checkRequest } from "../support/check-requests.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { proofMemory, TokenWorld } from "../support/tokens.ts";

const NOW = 1_780_000_000_000;
const world = new TokenWorld(NOW / 1_000);
const { main } = world.issuers;
const snapshot = snapshotOf({
	domains: [domain({ name: "internal", flow: "mtls+token" })],
	issuers: [main],
	segments: [segment({ name: "orders" }), segment({ name: "payments" })],
	policies: [policy({ name: "p", source: "orders", destination: "payments" })],
});

/** The check of `orders`, who calls from 10.0.0.1 with a token that is registered for these networks. */
async function judge(networks: readonly string[]) {
	const lane = new Lane();
	const passport = { owner: "team-orders", purpose: "nightly export", networks };
	const registered = { issuer: main.url, token_id: "token-1", expires: NOW, scopes: ["b"], passport };
	lane.restore({ kind: "passport", payload: registered, until: null });
	const keys = new KeyRing({ clock: () => NOW });
	const steps: Step[] = [];
	const decision = await evaluate(
		{
			authenticator: createAuthenticator({ clock: () => NOW, keys, replay: proofMemory() }),
			limiter: { take: () => null, giveBack() {} },
			ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
			enforcerIdentity: "none",
		},
		{
			check: checkRequest({ headers: { authorization: `Bearer ${world.token()}` } }),
			enforcer: null,
			view: { snapshot, lane, policyConfirmedAt: NOW, laneConfirmedAt: NOW },
			now: NOW,
			trace: steps,
		},
		{ request: null, facts: null, mark() {} },
	);
	return { decision, steps };
}

const request = {
	method: "GET",
	scheme: "https",
	host: "h",
	rawPath: "/",
	peer: { principal: null, address: null, certificateHash: null },
};
const TOLD = "alice by https://id.example.org, of team-orders for nightly export";

test.each([
	["passes", ["10.0.0.0/8"], true],
	["is refused", ["192.0.2.0/24"], false],
])("a token that %s is told by its owner and purpose", async (_, networks, allow) => {
	const { decision, steps } = await judge(networks);
	expect(decision).toMatchObject({
		allow,
		reason: allow ? "allowed" : "passport_context",
		detail: allow ? null : "network",
	});
	expect(steps.find(({ step }) => step === "credential")).toMatchObject(
		allow
			? { result: "pass", note: TOLD }
			: { result: "fail", reason: "passport_context", detail: "network", note: TOLD },
	);
	expect(viewExplanation({ decision, steps }).token).toEqual({
		issuer: main.url,
		id: "token-1",
		owner: "team-orders",
		purpose: "nightly export",
		scopes: ["b"],
		withheld_scopes: ["a"],
	});
	const recorded = decisionRecord("denial", {
		id: "i",
		at: NOW,
		epoch: "e",
		audit: "full",
		decision,
		request,
		traceparent: undefined,
	});
	expect(recorded).toMatchObject({ tokenOwner: "team-orders", tokenId: "token-1", tokenIssuer: main.url });
});

test("the caller learns nothing of it but that it is refused", async () => {
	const { decision } = await judge(["192.0.2.0/24"]);
	// The metadata is for the proxy's access log.
	const { metadata: _, ...answer } = respond(decision, "id", null);
	const told = JSON.stringify(answer);
	expect(told).toContain("Forbidden");
	for (const word of ["network", "passport", "team-orders", "export"]) expect(told).not.toContain(word);
});
