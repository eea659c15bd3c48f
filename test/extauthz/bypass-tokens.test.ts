/** CVE-2026-33496: a token that one issuer vouches for is shown where another one counts, which publishes the same key. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { jwksOf, signToken } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { domain, issuer, policy, segment } from "../support/policy-set.ts";
import { NOW, spiffe } from "../support/requests.ts";
import { AUDIENCE, proofMemory, TokenWorld } from "../support/tokens.ts";
import { connect, type TestClient } from "./client.ts";

const world = new TokenWorld(NOW / 1000);
const ring = new KeyRing({ clock: () => NOW });
const jwks = jwksOf(world.key.es);
const HOME = "https://id.example.org";
const ABROAD = "https://twin.example.org";

let edge: Edge;
let client: TestClient;
beforeAll(async () => {
	edge = await startEdge({
		authenticator: createAuthenticator({ clock: () => NOW, keys: ring, replay: proofMemory() }),
		rows: {
			domains: [domain({ name: "home" }), domain({ name: "abroad" })],
			issuers: [
				issuer({ url: HOME, domain: "home", audiences: [AUDIENCE], jwks }),
				issuer({ url: ABROAD, domain: "abroad", audiences: [AUDIENCE], jwks }),
			],
			segments: ["home", "abroad"].flatMap((name) => [
				segment({ name: `caller-${name}`, domain: name }),
				segment({ name: `service-${name}`, domain: name }),
			]),
			policies: ["home", "abroad"].map((name) =>
				policy({ name, source: `caller-${name}`, destination: `service-${name}` }),
			),
		},
	});
	client = connect(edge.address);
});
afterAll(async () => {
	client?.close();
	await edge?.stop();
	ring.stop();
});

async function ask(domainName: string, token: string): Promise<string> {
	await client.check({
		attributes: {
			source: { principal: spiffe(`caller-${domainName}`) },
			destination: { principal: spiffe(`service-${domainName}`) },
			request: {
				http: { method: "GET", path: "/x", host: "x", scheme: "https", headers: { authorization: `Bearer ${token}` } },
			},
		},
	});
	return wordsOf((edge.judged.at(-1) as Edge["judged"][number]).decision);
}

test("it counts at its own issuer's domain, remembered or not, and never at the other's", async () => {
	const [home, abroad] = [HOME, ABROAD].map((iss) => signToken(world.key.es, world.claims({ iss }))) as [
		string,
		string,
	];
	for (const _again of [1, 2]) {
		expect(await ask("abroad", home)).toBe("token_invalid issuer");
		expect(await ask("home", home)).toBe("allowed");
		expect(await ask("abroad", home)).toBe("token_invalid issuer");
		expect(await ask("home", abroad)).toBe("token_invalid issuer");
		expect(await ask("abroad", abroad)).toBe("allowed");
	}
});
