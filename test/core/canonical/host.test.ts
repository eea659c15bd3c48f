import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalHost } from "../../../src/core/canonical/host.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const PASSED: readonly (readonly [raw: string, host: string, authority?: string])[] = [
	["secret.com", "secret.com"],
	["Secret.com", "secret.com", "secret.com"],
	["SECRET.COM:8443", "secret.com", "secret.com:8443"],
	["httpbin.com:8080", "httpbin.com", "httpbin.com:8080"],
	["secret.com.", "secret.com", "secret.com."],
	["secret.com.:443", "secret.com", "secret.com.:443"],
	["payments", "payments"],
	["payments.team-a.svc.cluster.local:80", "payments.team-a.svc.cluster.local", "payments.team-a.svc.cluster.local:80"],
	["my_service", "my_service"],
	["xn--bcher-kva.example", "xn--bcher-kva.example"],
	["10.0.0.1:8080", "10.0.0.1", "10.0.0.1:8080"],
	["a:65535", "a", "a:65535"],
	["[::1]", "[::1]"],
	["[::1]:8080", "[::1]", "[::1]:8080"],
	["[2001:DB8:0:0::1]:443", "[2001:db8::1]", "[2001:db8:0:0::1]:443"],
];

const REFUSED: readonly (readonly [detail: string, ...hosts: string[]])[] = [
	["host_empty", "", ":8080"],
	["host_too_long", "a".repeat(LIMITS.hostBytes + 1)],
	["host_userinfo", "user@secret.com", "user:password@secret.com", "@secret.com", "secret.com:80@evil.com"],
	["host_several", "a.com,b.com", "a.com, b.com", ",", "a.com,"],
	["host_label", ".", "..", ".secret.com", "secret..com", "secret.com.."],
	["host_port", "a:", "a:0", "a:080", "a:65536", "a:99999", "a:100000", "a:8o", "a: 80", "a:-1", "a:80:80", "::1"],
	[
		"host_character",
		"secret.com/",
		"secret.com ",
		" secret.com",
		"secret.com\u0000",
		"secret\r\n.com",
		"sécret.com",
		"secret%2ecom",
		"secret!com",
		"*.com",
		"secret.com#a",
		"secret.com?a",
		"secret\\com",
		"\u212a.com",
		"\ufffd",
		"a|b",
	],
	["host_literal", "[", "[]", "[::1", "[::g]", "[::1]x", "[1.2.3.4]", "[fe80::1%25eth0]", "[:::]", "[::1]]", "[a]"],
	["host_port", "[::1]:", "[::1]:0", "[::1]:x"],
];

test.each(PASSED)("reads %j as %j", (raw, host, authority = host) => {
	expect(canonicalHost(raw)).toEqual({ ok: true, host, authority });
});

test.each(REFUSED.flatMap(([detail, ...hosts]) => hosts.map((host) => [host, detail] as const)))(
	"refuses %j: %s",
	(host, detail) => {
		expect(canonicalHost(host)).toEqual({ ok: false, detail });
	},
);

describe("properties", () => {
	test("total, and its own form", () => {
		const text = fc.oneof(
			fc.string({ unit: "binary", maxLength: 20 }),
			fc.array(fc.constantFrom(..."aZ0.-_:[]@, 8"), { maxLength: 12 }).map((pieces) => pieces.join("")),
		);
		fc.assert(
			fc.property(text, (raw) => {
				const result = canonicalHost(raw);
				if (!result.ok) return;
				expect(canonicalHost(result.host)).toEqual({ ok: true, host: result.host, authority: result.host });
				expect(canonicalHost(raw.toUpperCase())).toEqual(result);
			}),
			{ numRuns: 5_000 },
		);
	});
});
