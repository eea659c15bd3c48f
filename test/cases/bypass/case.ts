/**
 * Requests that got past others, as data. Each is sent through a real Envoy in every combination of {@link Conditions}
 * (test/e2e/bypass/bypass.test.ts), and told straight over gRPC as a proxy would tell it (test/extauthz/bypass.test.ts).
 */
import type { HeaderList } from "../../support/http2-frames.ts";

export interface Crafted {
	/** GET by default. */
	readonly method?: string;
	/** What stands in the request line, or in `:path`, byte for byte (Latin-1). */
	readonly target: string;
	/** `payments.example.org` by default. */
	readonly host?: string;
	/** `https` by default; HTTP/1.1 does not say it. */
	readonly scheme?: string;
	/** In order; values byte for byte (Latin-1). */
	readonly headers?: HeaderList;
	/** What follows the head. */
	readonly body?: string;
	/** Who calls: `orders` by default, null shows no certificate. */
	readonly from?: string | null;
}

/** How the request gets to Firebreak: by which HTTP, and what Envoy is set to do with it. */
export interface Conditions {
	/** 0: straight over gRPC, as a proxy that changes nothing would tell it. */
	readonly http: 0 | 1 | 2;
	readonly normalize: boolean;
	readonly mergeSlashes: boolean;
	readonly rawHeaders: boolean;
}

/**
 * What comes of it: Firebreak's reason and detail (`ambiguous_request dot_segment`); `envoy`: Envoy refused it by itself,
 * nobody was asked, and the service saw nothing.
 */
export type Outcome = string;

export interface Bypass {
	/** The advisory whose request it is, as facts about Envoy's past list it. */
	readonly id: string;
	readonly what: string;
	readonly request: Crafted;
	readonly answer: Outcome;
	/** Where something else comes of it: the first that fits. */
	readonly through?: readonly (readonly [on: Partial<Conditions>, outcome: Outcome])[];
}

export function expectedOutcome({ answer, through = [] }: Bypass, conditions: Conditions): Outcome {
	const fits = ([on]: readonly [Partial<Conditions>, Outcome]) =>
		Object.entries(on).every(([name, value]) => conditions[name as keyof Conditions] === value);
	return through.find(fits)?.[1] ?? answer;
}
