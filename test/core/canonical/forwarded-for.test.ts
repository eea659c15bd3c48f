import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { lastAddresses, lastElements } from "../../../src/core/canonical/forwarded-for.ts";

test.each([
	["10.0.0.7", 1, ["10.0.0.7"]],
	["10.0.0.7", 2, ["10.0.0.7"]],
	["10.0.0.1, 10.0.0.2,10.0.0.3", 2, ["10.0.0.3", "10.0.0.2"]],
	["2001:DB8:0:0:0:0:0:1 , ::ffff:10.0.0.7", 5, ["10.0.0.7", "2001:db8::1"]],
	["10.0.0.7", 0, []],
	["", 1, [null]],
	[",", 3, [null, null]],
	[",10.0.0.7", 3, ["10.0.0.7", null]],
	["10.0.0.7,", 3, [null, "10.0.0.7"]],
	["10.0.0.1,,10.0.0.7", 3, ["10.0.0.7", null, "10.0.0.1"]],
	["unknown, 10.0.0.7:80, [::1], 10.0.0.7 10.0.0.8, for=10.0.0.7", 9, [null, null, null, null, null]],
])("%j, the last %d: %j", (header, count, addresses) => {
	expect(lastAddresses(header, count)).toEqual(addresses);
});

test("the last elements are those whose addresses were read", () => {
	const element = fc.constantFrom("10.0.0.1", "::1", "", " ", "x");
	fc.assert(
		fc.property(fc.array(element, { minLength: 1, maxLength: 6 }), fc.nat(7), (elements, count) => {
			const kept = lastElements(elements.join(","), count);
			expect(kept).toBe(count === 0 ? "" : elements.slice(-count).join(",").trimStart());
			expect(lastAddresses(elements.join(","), count)).toHaveLength(Math.min(count, elements.length));
		}),
	);
});
