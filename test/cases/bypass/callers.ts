/** Callers whose certificate, or header, is somebody else's to a careless reader. */
import type { Bypass, Crafted } from "./case.ts";

const ORDERS = "spiffe://prod.example.org/ns/orders/sa/orders";

/** The URI names of each caller's certificate. */
export const CALLERS: Readonly<Record<string, string>> = {
	orders: ORDERS,
	nul: `${ORDERS}\0.evil.example`,
	crlf: `${ORDERS}\r\nx-role: admin`,
	semicolon: `${ORDERS};Hash=00`,
	"cert-manager": "spiffe://prod.example.org/ns/ops/sa/cert-manager.io",
	imitator: "spiffe://prod.example.org/ns/ops/sa/cert-managerXio",
};

const from = (caller: string | null, more: Partial<Crafted> = {}): Crafted => ({
	target: "/public/x",
	from: caller,
	...more,
});

export const FROM_CALLERS: readonly Bypass[] = [
	{ id: "CVE-2023-27493", what: "a line break in the name", request: from("crlf"), answer: "source_unknown malformed" },
	{
		id: "CVE-2023-27493",
		what: "a semicolon in the name",
		request: from("semicolon"),
		answer: "source_unknown malformed",
	},
	{
		id: "CVE-2026-47778, CVE-2025-66220",
		what: "NUL in the name",
		request: from("nul"),
		answer: "source_unknown malformed",
	},
	{ id: "CVE-2026-39350", what: "a dot is a dot", request: from("imitator"), answer: "source_unknown no_segment" },
	{ id: "CVE-2026-39350", what: "the account itself", request: from("cert-manager"), answer: "allowed" },
	{
		id: "none",
		what: "a forwarded certificate without mutual TLS",
		request: from(null, { headers: [["x-forwarded-client-cert", `By=x;URI=${ORDERS}`]] }),
		answer: "identity_missing",
	},
	{
		id: "none",
		what: "a forwarded certificate by one who is no proxy",
		request: from("imitator", { headers: [["x-forwarded-client-cert", `By=x;URI=${ORDERS}`]] }),
		answer: "source_unknown no_segment",
	},
];
