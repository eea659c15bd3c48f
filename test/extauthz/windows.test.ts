/** Tokens with time windows through the real gRPC service, at instants around changes of the clocks. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { WINDOWS } from "../cases/tokens/windows.ts";
import { TokenService } from "../support/token-service.ts";
import { bearer, OWN_KEY, TokenWorld } from "../support/tokens.ts";

const service = new TokenService(0);
const world = new TokenWorld(0);
const { main, own } = world.issuers;
beforeAll(() => service.start());
afterEach(() => service.reset());
afterAll(() => service.end());

describe.each(WINDOWS)("$name", ({ window, open, closed }) => {
	const instants = [
		...open.map((instant) => [instant, true] as const),
		...closed.map((instant) => [instant, false] as const),
	];

	test.each(instants)("%s: %s", async (instant, isOpen) => {
		service.now = Date.parse(instant);
		const times = { iat: service.now / 1_000, exp: service.now / 1_000 + 300 };
		const passport = { owner: "o", purpose: "p", windows: [window] };
		const key = { domain: "internal", kid: OWN_KEY.kid, jwk: OWN_KEY.jwk, from: 1 };
		service.lane.restore({ kind: "domain_key", payload: key, until: null });
		const registered = { issuer: main.url, token_id: "token-1", expires: 2 ** 40, scopes: [], passport };
		service.lane.restore({ kind: "passport", payload: registered, until: null });
		const signed = world.token(
			{ ...times, iss: own.url, firebreak: { ...passport, kind: "client" } },
			{ kid: OWN_KEY.kid },
			OWN_KEY,
		);
		const answer = isOpen
			? { reason: "allowed", status: 200 }
			: { reason: "passport_context", detail: "window", status: 403, challenge: null };
		for (const token of [world.token(times), signed]) {
			// The second time it is remembered.
			for (let turn = 0; turn < 2; turn++) {
				expect(await service.ask(bearer(token), { issuers: [main, own] })).toMatchObject(answer);
			}
		}
	});
});
