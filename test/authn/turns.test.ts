/** Work in portions, by a clock and an event loop of the test's own: each piece of work takes one millisecond. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { Turns } from "../../src/authn/turns.ts";
import { bearer, demandOf, proofMemory, TokenWorld } from "../support/tokens.ts";

let now: number;
let ends: (() => void)[];
let done: string[];
let turns: Turns;

beforeEach(() => {
	now = 0;
	ends = [];
	done = [];
	turns = new Turns({ stopwatch: () => now, afterTurn: (callback) => ends.push(callback), portionMs: 2 });
});

function work(name: string): string {
	now += 1;
	done.push(name);
	return name;
}

const take = (source: string, name: string) => turns.take(source, () => work(name));

/** Ends the turn, and with it begins the next one. */
function turn(): readonly string[] {
	const before = done.length;
	for (const end of ends.splice(0)) end();
	return done.slice(before);
}

describe("work", () => {
	test("is done at once while the turn's portion lasts, and again in the next turn", async () => {
		expect(["a", "b"].map((name) => take("one", name))).toEqual(["a", "b"]);
		expect(take("one", "c")).toBeInstanceOf(Promise);
		expect(turn()).toEqual(["c"]);
		expect(take("one", "d")).toBe("d");
	});

	test("that waits goes before what comes later", async () => {
		const asked = ["a", "b", "c", "d", "e"].map((name) => take("one", name));
		expect(turn()).toEqual(["c", "d"]);
		const last = take("one", "f");
		expect(turn()).toEqual(["e", "f"]);
		expect(await Promise.all([...asked, last])).toEqual(["a", "b", "c", "d", "e", "f"]);
	});

	test("of one source does not wait for all that another one asks for", () => {
		for (let index = 0; index < 100; index++) take("flood", `flood-${index}`);
		take("orders", "orders");
		take("reports", "reports");
		expect(turn()).toEqual(["flood-2", "orders"]);
		take("orders", "orders again");
		expect(turn()).toEqual(["reports", "flood-3"]);
		expect(turn()).toEqual(["orders again", "flood-4"]);
		expect(turn()).toEqual(["flood-5", "flood-6"]);
	});

	test("is all done in the end, and then no end of a turn is asked for", () => {
		for (let index = 0; index < 10; index++) take("one", `${index}`);
		for (let left = 10; left > 0; left--) turn();
		expect(done).toHaveLength(10);
		expect(ends).toEqual([]);
	});

	test("within work counts once", () => {
		const inner = turns.take("one", () => {
			work("outer");
			return take("one", "inner");
		});
		expect(inner).toBe("inner");
		expect(take("one", "too much")).toBeInstanceOf(Promise);
		turn();
		expect(take("one", "fits")).toBe("fits");
	});

	test("that fails throws at once, or rejects later, and what comes after it is done", async () => {
		const fail = () => {
			now += 1;
			throw new Error("broken");
		};
		expect(() => turns.take("one", fail)).toThrow("broken");
		take("one", "a");
		const later = turns.take("one", fail);
		const after = take("one", "b");
		turn();
		await expect(later).rejects.toThrow("broken");
		expect(await after).toBe("b");
	});
});

describe("tokens", () => {
	const NOW = 1_780_000_000;
	const world = new TokenWorld(NOW);
	const issuers = Object.freeze([world.issuers.main]);
	let ticks: number;
	let forgeries = 0;

	// Every look at the stopwatch takes a millisecond, so that each token fills a turn's portion.
	async function start() {
		ticks = 0;
		turns = new Turns({ stopwatch: () => ticks++, afterTurn: (callback) => ends.push(callback), portionMs: 1 });
		const clock = () => NOW * 1_000;
		const authenticator = createAuthenticator({ clock, keys: new KeyRing({ clock }), replay: proofMemory(), turns });
		// The first one waits for the keys to be read.
		await authenticator.authenticate(bearer(world.token()), demand("192.0.2.3"));
		turn();
		return authenticator;
	}
	const demand = (address: string) => {
		const plain = demandOf(issuers);
		return { ...plain, use: { ...plain.use, source: null, address } };
	};
	const forged = () => {
		const token = world.token({ jti: `forged-${forgeries++}` });
		return bearer(`${token.slice(0, token.lastIndexOf("."))}.${Buffer.alloc(64, 1).toString("base64url")}`);
	};

	test("of a flood keep another source's waiting for one of them, not for all", async () => {
		const authenticator = await start();
		const order: string[] = [];
		const ask = (name: string, address: string, request: ReturnType<typeof bearer>) =>
			Promise.resolve(authenticator.authenticate(request, demand(address))).then(({ kind }) =>
				order.push(`${name} ${kind}`),
			);
		const all = Array.from({ length: 20 }, (_, index) => ask(`forged-${index}`, "192.0.2.1", forged()));
		all.push(ask("good", "192.0.2.2", bearer(world.token())));
		while (ends.length > 0) {
			turn();
			await new Promise(setImmediate);
		}
		await Promise.all(all);
		expect(order.slice(0, 3)).toEqual(["forged-0 refused", "forged-1 refused", "good token"]);
		expect(order).toHaveLength(21);
	});

	test("that are known wait for nobody", async () => {
		const authenticator = await start();
		const known = bearer(world.token());
		await authenticator.authenticate(known, demand("192.0.2.2"));
		turn();
		for (let index = 0; index < 3; index++) authenticator.authenticate(forged(), demand("192.0.2.1"));
		expect(authenticator.authenticate(known, demand("192.0.2.2"))).toMatchObject({ kind: "token" });
	});

	test("that wait while the same one is verified are not verified again", async () => {
		const authenticator = await start();
		const token = bearer(world.token());
		const first = authenticator.authenticate(forged(), demand("192.0.2.1"));
		const all = [1, 2, 3].map(() => authenticator.authenticate(token, demand("192.0.2.2")));
		for (let index = 0; index < 5; index++) turn();
		expect(await first).toMatchObject({ kind: "refused" });
		for (const verdict of await Promise.all(all)) expect(verdict).toMatchObject({ kind: "token" });
		expect(authenticator.counts).toMatchObject({ miss: 3, joined: 2 });
	});
});
