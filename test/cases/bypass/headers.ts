/** Headers that say something else to somebody on the way. */
import type { HeaderList } from "../../support/http2-frames.ts";
import type { Bypass, Crafted } from "./case.ts";

const PUBLIC = "/public/x";
const withHeaders = (...headers: HeaderList): Crafted => ({ target: PUBLIC, headers });
const roles = (target: string, ...values: readonly string[]): Crafted => ({
	target,
	headers: values.map((value) => ["x-role", value] as const),
});
const many = (count: number, make: (index: number) => readonly [string, string]): HeaderList =>
	Array.from({ length: count }, (_, index) => make(index));

export const HEADERS: readonly Bypass[] = [
	{
		id: "CVE-2021-32777, CVE-2020-25017",
		what: "a header twice where one value is allowed",
		request: roles("/guests", "guest", "admin"),
		answer: "no_policy",
	},
	{
		id: "CVE-2021-32777, CVE-2020-25017",
		what: "a header twice where one value is denied",
		request: roles("/roles", "guest", "admin"),
		answer: "policy_denied",
	},
	{
		id: "CVE-2021-32777",
		what: "a security header twice",
		request: withHeaders(["txn-token", "a"], ["txn-token", "b"]),
		answer: "ambiguous_request duplicate_header",
	},
	{
		id: "CVE-2026-26308, CVE-2026-31838",
		what: "a list where one value is allowed",
		request: roles("/guests", "guest,admin"),
		answer: "no_policy",
	},
	{
		id: "CVE-2026-26308, CVE-2026-31838",
		what: "a list where one value is denied",
		request: roles("/roles", "guest, admin"),
		answer: "policy_denied",
	},
	{ id: "CVE-2026-26308", what: "the value that is allowed", request: roles("/guests", "guest"), answer: "allowed" },
	{ id: "CVE-2026-26308", what: "no value that is denied", request: roles("/roles", "guest"), answer: "allowed" },
	{
		id: "CVE-2023-27488",
		what: "bytes that are not UTF-8",
		request: withHeaders(["x-note", "caf\xe9"]),
		answer: "allowed",
	},
	{
		id: "CVE-2023-27488",
		what: "bytes that are not UTF-8 in a security header",
		request: withHeaders(["txn-token", "a\xff"]),
		answer: "ambiguous_request header_altered",
		// `a!`, which no token is; nothing here reads one.
		through: [[{ rawHeaders: false }, "allowed"]],
	},
	{
		id: "CVE-2019-9900",
		what: "NUL in a header",
		request: withHeaders(["x-note", "a\0b"]),
		answer: "ambiguous_request header_control",
		through: [
			[{ http: 1 }, "envoy"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2019-9900",
		what: "a line feed in a header",
		request: withHeaders(["x-note", "a\nx-http-method-override: DELETE"]),
		answer: "ambiguous_request header_control",
		through: [
			// Another line, to Envoy, to Firebreak and to the service.
			[{ http: 1 }, "ambiguous_request method_override"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2019-18802",
		what: "a space behind a name",
		request: withHeaders(["x-http-method-override ", "DELETE"]),
		answer: "ambiguous_request header_name",
		through: [
			[{ http: 1 }, "envoy"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2019-18802",
		what: "a space behind a value",
		request: { target: "/roles", headers: [["x-role", "admin \t"]] },
		answer: "policy_denied",
		through: [[{ http: 2 }, "policy_denied"]],
	},
	{
		id: "CVE-2023-27487, CVE-2026-33495, CVE-2026-40575",
		what: "another path in what proxies tell",
		request: {
			target: "/admin",
			headers: [
				["x-envoy-original-path", PUBLIC],
				["x-forwarded-uri", PUBLIC],
				["x-forwarded-proto", "http"],
			],
		},
		answer: "no_policy",
	},
	{
		id: "CVE-2023-27487",
		what: "the same where the path itself is allowed",
		request: withHeaders(["x-envoy-original-path", "/admin"], ["x-forwarded-uri", "/admin"]),
		answer: "allowed",
	},
	{
		id: "CVE-2024-45806",
		what: "what only Envoy may say",
		request: {
			target: "/admin",
			headers: [
				["x-envoy-internal", "true"],
				["x-envoy-external-address", "127.0.0.1"],
				["x-envoy-decorator-operation", PUBLIC],
			],
		},
		answer: "no_policy",
	},
	{
		id: "none",
		what: "another path in a header that services read it from",
		request: withHeaders(["x-original-url", "/admin"]),
		answer: "ambiguous_request path_override",
	},
	{
		id: "none",
		what: "another method in a header",
		request: withHeaders(["x-http-method-override", "DELETE"]),
		answer: "ambiguous_request method_override",
	},
	{
		id: "none",
		what: "the same, as CGI reads names",
		request: withHeaders(["x_http-method_override", "DELETE"]),
		answer: "ambiguous_request method_override",
	},
	{
		id: "none",
		what: "the same, in capitals",
		request: withHeaders(["X-HTTP-Method-Override", "DELETE"]),
		answer: "ambiguous_request method_override",
		through: [[{ http: 2 }, "envoy"]],
	},
	{
		id: "CVE-2026-47774",
		what: "crumbs of cookies",
		request: { target: PUBLIC, headers: many(60, (index) => ["cookie", `c${index}=1`]) },
		answer: "allowed",
	},
	{
		id: "CVE-2026-47774",
		what: "more crumbs than anybody needs",
		request: { target: PUBLIC, headers: many(600, (index) => ["cookie", `c${index}=1`]) },
		answer: "ambiguous_request header_count",
		through: [
			[{ http: 1 }, "envoy"],
			[{ http: 2 }, "envoy"],
			// One header, to a proxy that joins them.
			[{ rawHeaders: false }, "allowed"],
		],
	},
	{
		id: "CVE-2026-47774",
		what: "more headers than anybody needs",
		request: { target: PUBLIC, headers: many(600, (index) => [`x-${index}`, "1"]) },
		answer: "ambiguous_request header_count",
		through: [
			[{ http: 1 }, "envoy"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2026-48743",
		what: "a length without a body; no policy needs one",
		request: { target: PUBLIC, method: "POST", headers: [["content-length", "5"]] },
		answer: "allowed",
		through: [[{ http: 2 }, "envoy"]],
	},
	{
		id: "CVE-2026-48743",
		what: "two lengths",
		request: {
			target: PUBLIC,
			method: "POST",
			headers: [
				["content-length", "0"],
				["content-length", "5"],
			],
		},
		answer: "ambiguous_request duplicate_header",
		through: [
			[{ http: 1 }, "envoy"],
			[{ http: 2 }, "envoy"],
			[{ rawHeaders: false }, "ambiguous_request content_length"],
		],
	},
	{
		id: "none",
		what: "a part of a body; no policy reads one",
		request: withHeaders(["x-envoy-auth-partial-body", "true"]),
		answer: "allowed",
	},
	{
		id: "none",
		what: "a header that a hop would drop",
		request: withHeaders(["connection", "close, authorization"]),
		answer: "ambiguous_request connection_option",
		through: [
			// Envoy drops the option, and shows the service what Firebreak said.
			[{ http: 1 }, "allowed"],
			[{ http: 2 }, "envoy"],
		],
	},
];
