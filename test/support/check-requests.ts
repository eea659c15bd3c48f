/** CheckRequests as a proxy sends them, decoded. */
import type { CheckRequest } from "../../src/extauthz/wire.ts";
import { spiffe } from "./requests.ts";

export interface Sent {
	/** A bare name is a workload of the example company; null is no certificate. */
	readonly from?: string | null;
	/** Segment name or SPIFFE ID. */
	readonly to?: string;
	readonly method?: string;
	readonly path?: string;
	readonly host?: string;
	readonly headers?: Readonly<Record<string, string>>;
}

export function checkRequest(sent: Sent = {}): CheckRequest {
	const { from = "orders", to = "payments", method = "GET", path = "/", host = "payments.example.org" } = sent;
	return {
		attributes: {
			source: {
				principal: from === null ? "" : from.includes(":") ? from : spiffe(from),
				address: { socketAddress: { address: "10.0.0.1" } },
			},
			contextExtensions: { "firebreak.destination": to },
			request: { http: { method, path, host, scheme: "https", headers: sent.headers ?? {} } },
		},
	};
}
