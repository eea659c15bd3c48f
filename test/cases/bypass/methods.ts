/** Methods, schemes, upgrades and tunnels. */
import type { Bypass, Conditions, Crafted, Outcome } from "./case.ts";

const PUBLIC = "/public/x";
const by = (method: string, more: Partial<Crafted> = {}): Crafted => ({ target: PUBLIC, method, ...more });
const upgrade = (protocol: string): Crafted => ({
	target: PUBLIC,
	headers: [
		["connection", "upgrade, close"],
		["upgrade", protocol],
	],
});
const extended = (protocol: string): Crafted => by("CONNECT", { headers: [[":protocol", protocol]] });

/** Envoy itself refuses it in both versions of HTTP. */
const BY_ENVOY: readonly (readonly [on: Partial<Conditions>, outcome: Outcome])[] = [
	[{ http: 1 }, "envoy"],
	[{ http: 2 }, "envoy"],
];

export const METHODS: readonly Bypass[] = [
	{
		id: "CVE-2023-27491",
		what: "a space in the method",
		request: by("GE T"),
		answer: "ambiguous_request method_not_token",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2023-27491",
		what: "a colon in the method",
		request: by("GE:T"),
		answer: "ambiguous_request method_not_token",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2023-27491",
		what: "a method in another case is another method",
		request: by("get"),
		answer: "no_policy",
		through: [[{ http: 1 }, "envoy"]],
	},
	{
		id: "CVE-2023-35944",
		what: "the scheme in another case",
		request: by("GET", { scheme: "HTTPS" }),
		answer: "allowed",
	},
	{
		id: "CVE-2023-35944",
		what: "a scheme that is none",
		request: by("GET", { scheme: "javascript" }),
		answer: "ambiguous_request scheme_unknown",
		// Which does not say it.
		through: [[{ http: 1 }, "allowed"]],
	},
	{
		id: "CVE-2024-23326",
		what: "an upgrade to h2c",
		request: {
			target: PUBLIC,
			headers: [
				["connection", "upgrade, http2-settings, close"],
				["upgrade", "h2c"],
				["http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA"],
			],
		},
		answer: "ambiguous_request upgrade",
		through: [
			// Envoy strips it: a plain request, to Firebreak and to the service.
			[{ http: 1 }, "allowed"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2024-23326",
		what: "an upgrade to WebSocket that no policy names",
		request: upgrade("websocket"),
		answer: "ambiguous_request upgrade",
		through: [[{ http: 2 }, "envoy"]],
	},
	{
		id: "CVE-2024-23326",
		what: "the same without Connection",
		request: { target: PUBLIC, headers: [["upgrade", "websocket"]] },
		answer: "ambiguous_request upgrade",
		through: [
			// Envoy strips it.
			[{ http: 1 }, "allowed"],
			[{ http: 2 }, "envoy"],
		],
	},
	{
		id: "CVE-2026-73548",
		what: "an unknown upgrade",
		request: upgrade("foo"),
		answer: "ambiguous_request upgrade",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2026-73548",
		what: "two upgrades",
		request: upgrade("websocket, h2c"),
		answer: "ambiguous_request upgrade_several",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2026-73548",
		what: "an extended CONNECT that no policy names",
		request: extended("websocket"),
		answer: "ambiguous_request upgrade",
		through: [[{ http: 1 }, "envoy"]],
	},
	{
		id: "CVE-2026-73548",
		what: "an extended CONNECT to an unknown protocol",
		request: extended("foo"),
		answer: "ambiguous_request upgrade",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2025-64763",
		what: "CONNECT with early data",
		request: by("CONNECT", { target: "payments.example.org:443", body: "early" }),
		answer: "ambiguous_request method_connect",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2026-73547",
		what: "CONNECT without a path",
		request: by("CONNECT", { target: "" }),
		answer: "ambiguous_request method_connect",
		through: BY_ENVOY,
	},
	{
		id: "CVE-2026-73547",
		what: "CONNECT with a path",
		request: by("CONNECT"),
		answer: "ambiguous_request method_connect",
		through: BY_ENVOY,
	},
];
