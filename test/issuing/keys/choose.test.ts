import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FirebreakError } from "../../../src/core/errors.ts";
import { chooseSigningKey, type KeyTimes, keyStates } from "../../../src/issuing/keys/choose.ts";

const key = (kid: string, from: number, until = Number.POSITIVE_INFINITY): KeyTimes => ({ kid, from, until });
const OLD = key("old", 0, 1_000);
const NEW = key("new", 500);
const all = () => true;

describe("the key that signs", () => {
	test.each([
		[0, "old", { old: "signing", new: "announced" }],
		[499, "old", { old: "signing", new: "announced" }],
		[500, "new", { old: "overlap", new: "signing" }],
		[999, "new", { old: "overlap", new: "signing" }],
		[1_000, "new", { old: "retired", new: "signing" }],
	])("at %d is %s", (now, kid, states) => {
		expect(chooseSigningKey("internal", [OLD, NEW], all, now).kid).toBe(kid);
		expect(Object.fromEntries(keyStates([NEW, OLD], now))).toEqual(states);
	});

	test("is an older one while the newest is not at hand", () => {
		expect(chooseSigningKey("internal", [OLD, NEW], ({ kid }) => kid === "old", 600).kid).toBe("old");
	});

	test.each([
		[[], 0, "it has no key"],
		[[NEW], 499, "its first key is announced, and signs later"],
		[[OLD], 1_000, "it has no key"],
	])("is none of %j at %d: %s", (keys, now, message) => {
		expect(() => chooseSigningKey("internal", keys, all, now)).toThrow(
			expect.objectContaining({ code: "not_found", problems: [expect.objectContaining({ message })] }),
		);
	});

	test("is none when no file is here", () => {
		expect(() => chooseSigningKey("internal", [NEW], () => false, 600)).toThrow(FirebreakError);
	});

	test("is the same for everyone, has begun, is not over and is at hand", () => {
		const keys = fc.uniqueArray(fc.record({ kid: fc.string({ minLength: 1 }), from: fc.nat(20), until: fc.nat(40) }), {
			selector: ({ kid }) => kid,
		});
		fc.assert(
			fc.property(keys, fc.nat(40), fc.func(fc.boolean()), (list, now, isHere) => {
				const able = list.filter((one) => one.from <= now && now < one.until && isHere(one));
				if (able.length === 0) {
					expect(() => chooseSigningKey("d", list, isHere, now)).toThrow();
					return;
				}
				const chosen = chooseSigningKey("d", list, isHere, now);
				expect(able).toContain(chosen);
				expect(chosen.from).toBe(Math.max(...able.map(({ from }) => from)));
				expect(chooseSigningKey("d", list.toReversed(), isHere, now)).toBe(chosen);
			}),
		);
	});
});
