import { expect, test } from "@jest/globals";
import { formatApiKey } from "../../src/core/api-key.ts";
import { looksLikeCredential } from "../../src/core/credential-text.ts";
import { TokenWorld } from "../support/tokens.ts";

const token = new TokenWorld(1_780_000_000).token();

test.each([token, `${token}.x`, token.replace(/[^.]+$/, ""), formatApiKey(Buffer.alloc(32, 1)), "fbk_mistyped"])(
	"a credential: %s",
	(text) => {
		expect(looksLikeCredential(text)).toBe(true);
	},
);

test.each(["t-eS4uGkZ0", "4f1c-77", "eyJ", "a.b.c", "00000000-0000-4000-8000-000000000000", "k-fbk_", ""])(
	"the id of one: %s",
	(text) => {
		expect(looksLikeCredential(text)).toBe(false);
	},
);
