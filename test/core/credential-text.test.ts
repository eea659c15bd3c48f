import { describe, expect, test } from "@jest/globals";
import { holdsCredential, redactCredentials } from "../../src/core/credential-text.ts";
import { redactSecrets } from "../../src/core/redact.ts";
import { CREDENTIALS, NO_CREDENTIALS, TOKEN } from "../cases/credential-texts.ts";

describe.each(CREDENTIALS)("$name", ({ text, secret }) => {
	test("is found", () => {
		expect(holdsCredential(text)).toBe(true);
	});

	test("is taken out, for good", () => {
		const told = redactSecrets(text);
		expect(told).not.toContain(secret);
		expect(holdsCredential(told)).toBe(false);
		expect(redactSecrets(told)).toBe(told);
	});
});

test.each(NO_CREDENTIALS)("none, and told as it is: %j", (text) => {
	expect(holdsCredential(text)).toBe(false);
	expect(redactCredentials(text)).toBe(text);
});

test.each([
	[
		`error: unknown command '${TOKEN}'\n(Did you mean token?)`,
		"error: unknown command '[credential]'\n(Did you mean token?)",
	],
	[
		`{"a":"-----BEGIN PRIVATE KEY-----","b":"-----END PRIVATE KEY-----"}`,
		'{"a":"[credential]","b":"-----END PRIVATE KEY-----"}',
	],
	[
		'{"kty":"OKP","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"a"}',
		'{"kty":"OKP","d":"[credential]","x":"a"}',
	],
])("what stands around it is left: %j", (text, expected) => {
	expect(redactSecrets(text)).toBe(expected);
});

test.each([
	"eyJ",
	"ewogI",
	"eyJ.",
	"eyJaaaaaaaa",
	"fbk_",
	"://",
	":",
	"\\",
	'"d',
	'"d":',
	"-----BEGIN ",
	"-----BEGIN PRIVATE KEY-----",
	"M",
	"MIGHAgEAM",
])("a long text of %j takes no longer than it is: what is not linear does not come to an end here", (unit) => {
	const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
	for (const whole of [text, `${text}.`, `eyJ${text}.a`]) expect(holdsCredential(redactSecrets(whole))).toBe(false);
});
