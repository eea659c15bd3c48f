/** What decoding refuses before anything else looks at it. */
import { expect, test } from "@jest/globals";
import { LIMITS } from "../../src/core/limits.ts";
import { decodeCheckRequest, PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { checkOf } from "./fixtures.ts";

const { serialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckRequest"] as unknown as {
	serialize(message: unknown): Buffer;
};
const withHeaders = (count: number) =>
	serialize(checkOf({ headers: Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "a"])) }));

test("every request that Envoy's limits let through is read", () => {
	expect(LIMITS.headerCount * 4).toBeLessThan(LIMITS.messageTexts);
	const { attributes } = decodeCheckRequest(withHeaders(LIMITS.headerCount));
	expect(Object.keys(attributes?.request?.http?.headers ?? {})).toHaveLength(LIMITS.headerCount);
});

test("a message of countless texts is malformed", () => {
	expect(decodeCheckRequest(withHeaders(LIMITS.messageTexts))).toEqual({ malformed: true });
});

test("a text that claims more bytes than its message has makes it malformed, wherever it stands", () => {
	const whole = serialize(checkOf());
	const text = Buffer.from("payments.internal:8443");
	const at = whole.indexOf(text);
	expect(at).toBeGreaterThan(0);
	for (const claimed of [text.length + 1, text.length + 20, 127]) {
		const bent = Buffer.from(whole);
		bent[at - 1] = claimed;
		expect(decodeCheckRequest(bent)).toEqual({ malformed: true });
	}
});
