import { expect, test } from "@jest/globals";
import { redactSecrets } from "../../src/core/redact.ts";

test.each([
	["postgresql://u:p@h:5432/d", "postgresql://***@h:5432/d"],
	["connect postgres://user@host/db failed", "connect postgres://***@host/db failed"],
	["redis://:hunter2@r:6379 and https://a:b@c/", "redis://***@r:6379 and https://***@c/"],
	["postgres://u:p@ss@h/d", "postgres://***@h/d"],
	["postgres:///d?host=/run&password=x&sslmode=require", "postgres:///d?host=/run&password=***&sslmode=require"],
	["https://example.org/a@b", "https://example.org/a@b"],
	["mail a@b.example, no URL", "mail a@b.example, no URL"],
	['{"a":"https://h","b":"c@d"}', '{"a":"https://h","b":"c@d"}'],
	['{"a":"https://h?token=x","b":"c"}', '{"a":"https://h?token=***","b":"c"}'],
])("%s", (text, expected) => {
	expect(redactSecrets(text)).toBe(expected);
});

test.each([`a://${"b:".repeat(50_000)}`, "a.".repeat(50_000), "a://".repeat(25_000)])(
	"takes linear time on a long text, %#",
	(text) => {
		expect(redactSecrets(text)).toBe(text);
	},
);
