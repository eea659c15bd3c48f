/** Which credential there is at all, and what is demanded beyond a valid token. Cases 1, 32 and 33. */
import type { TokenCase } from "./case.ts";

const none = { authorization: [], dpop: [] };

export const credentials: readonly TokenCase[] = [
	{ no: 1, name: "no credentials", present: () => none, expect: ["token_missing", "absent"] },
	{
		no: 1,
		name: "a proof alone",
		present: () => ({ authorization: [], dpop: ["proof"] }),
		expect: ["token_missing", "absent"],
	},
	...["", "Basic dTpw", 'Digest username="u", realm="r"', "Negotiate a,b", "Bearertoken", "Bearer\ttoken"].map(
		(value): TokenCase => ({
			no: 1,
			name: `another scheme: ${JSON.stringify(value)}`,
			present: () => ({ ...none, authorization: [value] }),
			expect: ["token_missing", "scheme"],
			...(value.includes("\t") && { service: ["ambiguous_request", "header_altered"] as const }),
		}),
	),
	...["Bearer", "Bearer ", "bearer  "].map(
		(value): TokenCase => ({
			no: 1,
			name: `a scheme without a token: ${JSON.stringify(value)}`,
			present: () => ({ ...none, authorization: [value] }),
			expect: ["token_missing", "empty"],
		}),
	),
	...["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "].map(
		(scheme): TokenCase => ({
			no: 1,
			name: `the scheme in any case: ${JSON.stringify(scheme)}`,
			present: (world) => ({ ...none, authorization: [`${scheme} ${world.token()}`] }),
			expect: { id: "token-1" },
		}),
	),
	{
		no: 32,
		name: "two Authorization headers",
		present: (world) => ({ ...none, authorization: [`Bearer ${world.token()}`, `Bearer ${world.token()}`] }),
		expect: ["credentials_conflict", "authorization"],
	},
	{
		no: 32,
		name: "the same Authorization header twice",
		present: (world) => ({ ...none, authorization: new Array(2).fill(`Bearer ${world.token()}`) }),
		expect: ["credentials_conflict", "authorization"],
	},
	...["Bearer a, Bearer b", "Bearer a,Bearer b", "Bearer a,b", "Basic a, Bearer b", "DPoP a, Bearer b", "Bearer,"].map(
		(value): TokenCase => ({
			no: 32,
			name: `joined by a comma: ${value}`,
			present: () => ({ ...none, authorization: [value] }),
			expect: ["credentials_conflict", "authorization"],
		}),
	),
	{
		no: 32,
		name: "a bearer token and a DPoP proof",
		present: (world) => ({ authorization: [`Bearer ${world.token()}`], dpop: ["proof"] }),
		expect: ["credentials_conflict", "bearer_and_dpop"],
	},
	{
		no: 34,
		name: "two DPoP headers",
		present: (world) => ({ authorization: [`DPoP ${world.token()}`], dpop: ["proof", "proof"] }),
		expect: ["proof_invalid", "duplicate"],
	},
	{
		no: 33,
		name: "the DPoP scheme with a token that is bound to nothing",
		present: (world) => ({ authorization: [`dpop ${world.token()}`], dpop: ["proof"] }),
		expect: ["binding_mismatch", "scheme"],
	},
	{
		no: 33,
		name: "a token bound to a key, as a bearer token",
		present: (world) => world.token({ cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
		expect: ["binding_mismatch", "proof_missing"],
	},
	{
		no: 33,
		name: "a token bound to a certificate, from a caller whose certificate is not known",
		present: (world) => world.token({ cnf: { "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" } }),
		expect: ["binding_mismatch", "certificate_missing"],
	},
	...[{ kid: "1" }, { jwk: {} }, {}, [], null, "jkt", 1, false].map(
		(cnf): TokenCase => ({
			no: 33,
			name: `cnf of unknown kind: ${JSON.stringify(cnf)}`,
			present: (world) => world.token({ cnf }),
			expect: ["binding_mismatch", "confirmation"],
		}),
	),
	{
		no: 33,
		name: "a flow that demands a bound token",
		present: (world) => world.token(),
		demand: { bound: true },
		expect: ["binding_mismatch", "unbound"],
	},
	{
		no: 33,
		name: "an issuer whose tokens have to be bound",
		present: (world) => world.tokenOf("binding", { client_id: "web" }, { typ: "at+jwt" }),
		expect: ["binding_mismatch", "unbound"],
	},
];
