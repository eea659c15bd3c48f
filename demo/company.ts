/** The example company: who there is. What they may do is in migrations/policy. */

export interface Service {
	/** Unique; names the service's listener, folder and spans. */
	readonly name: string;
	readonly environment: "prod" | "staging";
	readonly spiffeId: string;
}

function service(name: string, environment: Service["environment"] = "prod"): Service {
	return {
		name: environment === "prod" ? name : `${name}-${environment}`,
		environment,
		spiffeId: `spiffe://${environment}.example.org/ns/${name}/sa/${name}`,
	};
}

export const COMPANY: readonly Service[] = [
	service("orders"),
	service("payments"),
	service("storefront"),
	service("analytics"),
	service("partner-gateway"),
	service("orders", "staging"),
	service("payments", "staging"),
];

/** Who Firebreak itself is, to the sidecars that ask it. */
export const FIREBREAK_SPIFFE_ID = "spiffe://prod.example.org/ns/firebreak/sa/firebreak";
