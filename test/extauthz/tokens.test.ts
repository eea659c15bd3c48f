/** Every case of tokens through the real gRPC service: reason, status and challenge as a caller and its proxy get them. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { jwksOf } from "../../demo/tokens.ts";
import type { CredentialRequest } from "../../src/authn/authenticator.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { CASES } from "../cases/tokens/all.ts";
import type { ServiceExpected, TokenCase } from "../cases/tokens/case.ts";
import { CIRCUMSTANCES, REMOTE, remoteRequest, type Step } from "../cases/tokens/circumstances.ts";
import { type Letter, VERDICTS } from "../cases/tokens/verdicts.ts";
import { JwksServer } from "../support/jwks-server.ts";
import { type Rules, type TokenAnswer, TokenService } from "../support/token-service.ts";
import { bearer, issuerRow, TokenWorld } from "../support/tokens.ts";

const NOW = 1_780_000_000;
const world = new TokenWorld(NOW);
/** Before the service takes it, so that nothing is fetched unseen. */
const fetched = jest.spyOn(globalThis, "fetch");
const service = new TokenService(NOW * 1000);
let jwks: JwksServer;
beforeAll(async () => {
	jwks = await JwksServer.start();
	await service.start();
});
afterEach(() => service.reset());
afterAll(async () => {
	await service.end();
	await jwks?.stop();
	fetched.mockRestore();
});

/** What came of each case, for the table of all forty. */
const letters = new Map<number, Set<Letter>>();

function expectAnswer(no: number, answer: TokenAnswer, [reason, detail]: ServiceExpected, rules: Rules): void {
	expect(answer).toMatchObject({ reason, detail });
	expect(service.errors).toEqual([]);
	// The request's form is judged before any token of it.
	if (reason === "ambiguous_request") return;
	const letter = letterOf(answer);
	letters.set(no, (letters.get(no) ?? new Set()).add(letter));
	expect(answer.nonce === null).toBe(letter !== "U");
	if (letter !== "T") return;
	const domain = JSON.stringify([rules.issuers.map(({ url }) => url), rules.domain?.flow]);
	publicTexts.set(domain, (publicTexts.get(domain) ?? new Set()).add(publicText(answer)));
}

/** What callers get for a T, whyever it is one, by domain: a challenge names the schemes that the domain takes. */
const publicTexts = new Map<string, Set<string>>();

function publicText({ challenge, body }: TokenAnswer): string {
	const { decision: _, ...rest } = JSON.parse(body);
	return JSON.stringify({ challenge, ...rest });
}

/** Read from status and challenge alone, as a client would. */
function letterOf({ status, challenge, reason }: TokenAnswer): Letter {
	const error = challenge === null ? null : (/error="([a-z_]+)"/.exec(challenge)?.[1] ?? "");
	const key = `${status} ${error}`;
	const found = {
		"200 null": "OK",
		"401 ": "N",
		"401 invalid_token": "T",
		"400 invalid_request": "Q",
		"403 insufficient_scope": /scope="[^"]+"/.test(challenge ?? "") ? "S" : undefined,
		"401 invalid_dpop_proof": /^DPoP .*algs="[^"]+"/.test(challenge ?? "") ? "D" : undefined,
		"401 use_dpop_nonce": /^DPoP .*algs="[^"]+"/.test(challenge ?? "") ? "U" : undefined,
		"403 null": "P",
		"503 null": "X",
	}[key] as Letter | undefined;
	if (found === undefined) throw new Error(`${reason}: an answer of no kind that there is: ${key}, ${challenge}`);
	return found;
}

describe("the cases of one token and one request", () => {
	test.each(CASES.map((example) => [example.no, example.name, example] as const))("%i %s", async (no, _, example) => {
		const presented = example.present(world);
		const request = typeof presented === "string" ? bearer(presented) : presented;
		const {
			bound = false,
			passport = "optional",
			lane,
			use = {},
			origins = [],
			issuers = Object.values(world.issuers),
		} = example.demand ?? {};
		if (lane) service.useLane(lane);
		const rules = {
			issuers,
			use,
			origins,
			scopes: example.scopes ?? [],
			deniedScopes: example.deniedScopes ?? [],
			domain: { flow: bound ? "mtls+bound-token" : "mtls+token", passport } as const,
		};
		const first = await service.ask(request, rules);
		expectAnswer(no, first, expectedOf(example), rules);
		const again = await service.ask(request, rules);
		// A proof is good once; all else is what it was.
		if (first.status === 200 && request.dpop.length > 0) expectAnswer(35, again, ["proof_replayed", "used"], rules);
		else expect({ ...again, body: "" }).toEqual({ ...first, body: "" });
		// Keys stand in the issuers' rows, and no token names another place.
		expect(fetched).not.toHaveBeenCalled();
	});
});

function expectedOf({ expect: wanted, service: told }: TokenCase): ServiceExpected {
	if (told) return told;
	return Array.isArray(wanted) ? (wanted as unknown as ServiceExpected) : ["allowed", null];
}

describe("the cases of what happened before", () => {
	test.each(CIRCUMSTANCES.map((example) => [example.no, example.name, example] as const))(
		"%i %s",
		async (no, _, example) => {
			const { steps, expect: wanted, told } = example;
			const rules = { issuers: [issuerRow({ url: REMOTE, jwks_uri: jwks.uri })] };
			let request: CredentialRequest | null = null;
			for (const step of steps) {
				if (step === "seen") {
					request = remoteRequest(example, service.now / 1000);
					expect(await service.ask(request, rules)).toMatchObject({ reason: "allowed" });
				} else await take(step, rules.issuers[0]!);
			}
			request ??= remoteRequest(example, service.now / 1000);
			expectAnswer(no, await service.ask(request, rules), wanted, rules);
			if (told) expect(service.reports.map(({ kind }) => kind)).toEqual(told);
			expect(fetched).toHaveBeenCalledWith(jwks.uri, expect.anything());
		},
	);
});

async function take(step: Exclude<Step, "seen">, row: ReturnType<typeof issuerRow>): Promise<void> {
	if (step === "replica") service.replace();
	else if (step === "memory down") service.loseReplayMemory();
	else if ("publish" in step) {
		if (step.publish === "down") jwks.answer = (response) => response.writeHead(503).end();
		else jwks.serve(jwksOf(...step.publish));
		service.now += LIMITS.jwksCooldownMs;
		await service.ring.of(row).refresh(service.now);
	} else if ("wait" in step) service.now += step.wait * 1000;
	else if ("laneOld" in step) service.laneAge = step.laneOld * 1000;
	else service.lane.apply({ seq: 1, key: "1", until: null, ...step.lane });
}

test("all forty cases are there, and come to what each has to come to", () => {
	const missing = Object.entries(VERDICTS).flatMap(([no, wanted]) => {
		const reached = letters.get(Number(no)) ?? new Set();
		return wanted.filter((letter) => !reached.has(letter)).map((letter) => `${no} ${letter}`);
	});
	expect(missing).toEqual([]);
	const foreign = [...letters].flatMap(([no, reached]) =>
		[...reached]
			.filter((letter) => letter !== "OK" && !VERDICTS[no]?.includes(letter))
			.map((letter) => `${no} ${letter}`),
	);
	expect(foreign).toEqual([]);
	expect(Object.keys(VERDICTS)).toHaveLength(40);
});

test("a caller cannot tell one T from another", () => {
	expect(publicTexts.size).toBeGreaterThan(2);
	expect([...publicTexts.values()].filter((texts) => texts.size !== 1)).toEqual([]);
});
