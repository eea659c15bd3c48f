/** `credential_upstream => 'strip'` through a real Envoy: the service never sees what its caller proved itself with. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import { dpopProof, jwkThumbprint } from "../../demo/proofs.ts";
import { accessToken, jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { startUpstream } from "../../demo/upstream.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { newApiKey } from "../../src/issuing/api-key.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { domain, issuer, policy, segment } from "../support/policy-set.ts";
import { Proxies } from "../support/proxies.ts";
import { type RawTarget, sendRaw, statusesOf } from "../support/raw-request.ts";
import { NOW, spiffe } from "../support/requests.ts";
import { proofMemory } from "../support/tokens.ts";

const ISSUER = "https://id.example.org";
const KEYS = "https://keys.example.org";
const AUDIENCE = "https://api.example.org";
const now = NOW / 1_000;
const signing = makeSigningKey("ES256", "k1");
const holder = makeSigningKey("ES256", "holder");
const { key: apiKey, digest } = newApiKey();

let proxies: Proxies;
let edge: Edge;
let envoy: RunningEnvoy;
let target: Omit<RawTarget, "port">;

beforeAll(async () => {
	proxies = await Proxies.create();
	const lane = new Lane();
	const registered = { issuer: KEYS, token_id: "key-1", digest, subject: "orders", issued_at: now, expires: now + 60 };
	const passport = { owner: "o", purpose: "p" };
	lane.restore({ kind: "api_key", payload: { ...registered, scopes: [], passport }, until: null });
	const keys = new KeyRing({ clock: () => NOW });
	edge = await startEdge({
		lane,
		authenticator: createAuthenticator({ clock: () => NOW, keys, replay: proofMemory() }),
		rows: {
			domains: [domain({ name: "internal", flow: "mtls+token" })],
			issuers: [
				issuer({ url: ISSUER, domain: "internal", audiences: [AUDIENCE], jwks: jwksOf(signing) }),
				issuer({ url: KEYS, domain: "internal", profile: "api_key", audiences: [], jwks_uri: null }),
			],
			segments: [
				segment({ name: "orders" }),
				segment({ name: "kept" }),
				segment({ name: "stripped", credential_upstream: "strip" }),
			],
			policies: ["kept", "stripped"].map((name) =>
				policy({ name, source: "orders", destination: name, paths: ["/x"] }),
			),
		},
	});
	proxies.defer(edge.stop);
	const sidecars = ["kept", "stripped"].map(async (name) => {
		const upstream = await startUpstream(name);
		proxies.defer(upstream.stop);
		const { files } = await proxies.certify(name, { uris: [spiffe(name)] });
		return { name, files, upstreamPort: upstream.port };
	});
	envoy = await proxies.start({ sidecars: await Promise.all(sidecars), firebreak: { port: edge.port } });
	const certificate = await proxies.certify("orders", { uris: [spiffe("orders")] });
	target = { authority: proxies.authority.certificate, certificate };
});
afterAll(() => proxies?.stop());

function tokenWith(claims: Readonly<Record<string, unknown>> = {}): string {
	return accessToken(signing, { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now, claims });
}

/** Lines of the request, by what its caller proves itself with. */
const CREDENTIALS: Readonly<Record<string, () => readonly string[]>> = {
	"a bearer token": () => [`authorization: Bearer ${tokenWith()}`],
	"a bearer token under another spelling": () => [`AUTHORIZATION: bEARER ${tokenWith()}`],
	"a token with its proof": () => {
		const token = tokenWith({ cnf: { jkt: jwkThumbprint(holder) } });
		const proof = dpopProof(holder, { method: "GET", uri: "https://service.example.org/x", token, now });
		return [`authorization: DPoP ${token}`, `dpop: ${proof}`];
	},
	"an API key": () => [`authorization: Bearer ${apiKey}`],
};

/** What the service saw of a request, as it says itself. */
async function ask(name: string, lines: readonly string[]): Promise<Readonly<Record<string, string>>> {
	const head = ["GET /x HTTP/1.1", "host: service.example.org", "connection: close", ...lines];
	const text = await sendRaw(
		{ ...target, port: envoy.port(name) },
		Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"),
	);
	expect([wordsOf(edge.judged.at(-1)!.decision), statusesOf(text)[0]]).toEqual(["allowed", 200]);
	// One small chunk.
	return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)).headers;
}

describe.each(Object.entries(CREDENTIALS))("%s", (_, credential) => {
	test("reaches a service that keeps it", async () => {
		const lines = credential();
		const seen = await ask("kept", lines);
		for (const line of lines) {
			const [name, value] = line.split(": ") as [string, string];
			expect(seen[name.toLowerCase()]).toBe(value);
		}
	});

	test("does not reach one that has it stripped, in no header and under no name", async () => {
		const lines = credential();
		const seen = await ask("stripped", [...lines, "x-kept: yes"]);
		expect(seen).not.toHaveProperty("authorization");
		expect(seen).not.toHaveProperty("dpop");
		expect(seen).toMatchObject({ "x-kept": "yes", "x-firebreak-subject": "orders" });
		for (const line of lines) {
			const secret = line.split(" ").at(-1)!;
			expect(JSON.stringify(seen)).not.toContain(secret);
			expect(JSON.stringify(seen)).not.toContain(secret.split(".").at(-1));
		}
	});
});
