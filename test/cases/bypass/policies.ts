/** What the crafted requests meet: each policy allows or denies one thing that a request would pass for another to get. */
import type { Rows } from "../../support/policy-set.ts";
import { domain, policy, segment } from "../../support/policy-set.ts";

const allow = (name: string, paths: readonly string[]) =>
	policy({ name, source: "orders", destination: "payments", methods: ["GET", "POST"], paths });
const deny = (name: string, paths: readonly string[]) => ({
	...allow(name, paths),
	methods: ["*"],
	effect: "deny" as const,
});

/** `/admin` is allowed to nobody. */
export const BYPASS_ROWS: Rows = {
	domains: [domain({ name: "internal", flow: "mtls" })],
	segments: [
		segment({
			name: "orders",
			members: ["spiffe://prod.example.org/ns/orders/sa/orders", "spiffe://prod.example.org/ns/ops/sa/cert-manager.io"],
		}),
		segment({ name: "payments", probes: ["/healthz"] }),
	],
	policies: [
		allow("public", ["/public/**", "/public", "/mypath"]),
		allow("hosts", ["/hosts/**"]),
		{ ...deny("secret-hosts", ["/hosts/**"]), hosts: ["secret.example.org"] },
		// Both ways to write it: what is said twice, or as a list, is judged value by value.
		{ ...allow("guests", ["/guests"]), condition: 'request.headers["x-role"] == "guest"' },
		allow("roles", ["/roles"]),
		{
			...deny("no-admins", ["/roles"]),
			condition:
				'"x-role" in request.headers && request.headers["x-role"].split(",").exists(role, role == "admin" || role == " admin")',
		},
	],
};
