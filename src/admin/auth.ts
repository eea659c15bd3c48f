/** Who may use the admin side. Bearer tokens from files; without one, only programs on this machine may look, and nobody changes anything. */
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { FirebreakError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";
import { HttpProblem } from "./problem.ts";
import { TokenFile } from "./token-file.ts";

/** What a caller may do. A reader looks; an operator also changes. */
export const ROLES = ["reader", "operator"] as const;
export type Role = (typeof ROLES)[number];

export interface Gate {
	/** Throws an HttpProblem unless the caller has the role. */
	require(role: Role, request: FastifyRequest): void;
}

/** Options of a route that only the role may use; asked before the body is read: a stranger's is of no interest. */
export type Only = (role: Role) => { readonly onRequest: (request: FastifyRequest) => Promise<void> };

export interface GateOptions {
	/** Over a socket no browser comes. */
	readonly address: { readonly kind: "tcp" | "unix" };
	/** Of readers. Null: whoever can connect may look. Only for loopback addresses and sockets. */
	readonly tokenFile: string | null;
	/** Of operators, who may read too. Null: `tokenFile` holds theirs; where there is none either, nobody may change anything. */
	readonly operatorTokenFile: string | null;
	readonly clock: Clock;
	/** Told when a file changed and cannot be used; the token that was read last stays. */
	readonly onError: (error: unknown) => void;
}

/** @throws FirebreakError config_invalid when a file cannot be read, its token is too short, or both files hold one token. */
export function createGate(options: GateOptions): Gate {
	const open = (file: string | null, setting: string) =>
		file === null ? null : new TokenFile(file, { ...options, setting });
	const reader = open(options.tokenFile, "FIREBREAK_ADMIN_TOKEN_FILE");
	const ownToken = open(options.operatorTokenFile, "FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE");
	// The one token of an admin side that tells nobody apart is whole: whoever wants readers gives operators their own.
	const operator = ownToken ?? reader;
	if (reader && ownToken?.hasSame(reader)) {
		throw new FirebreakError("config_invalid", "readers and operators have the same token", {
			problems: [
				{
					object: "FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE",
					message: "it holds the token of FIREBREAK_ADMIN_TOKEN_FILE, so that every reader could change things",
					cure: "write another one by: openssl rand -base64 32",
				},
			],
		});
	}
	return {
		require(role, request) {
			const given = bearerOf(request);
			if (given !== null && operator?.matches(given)) return;
			if (role === "operator") throw refuseOperator(operator, given !== null && (reader?.matches(given) ?? false));
			if (reader === null) return options.address.kind === "unix" ? undefined : requireLocalName(request);
			if (given !== null && reader.matches(given)) return;
			throw new HttpProblem(401, "An admin token is required");
		},
	};
}

function refuseOperator(operator: TokenFile | null, isReader: boolean): HttpProblem {
	if (operator === null) {
		return new HttpProblem(403, "Nothing can be changed here: no admin token is set");
	}
	if (isReader) return new HttpProblem(403, "This token may only read");
	return new HttpProblem(401, "An operator's token is required");
}

/**
 * Without a token a browser on this machine is the danger: a page from elsewhere may reach a loopback port under a name
 * of its own (DNS rebinding). So the Host must be what only a local program would write.
 */
function requireLocalName(request: FastifyRequest): void {
	const name = request.hostname.replace(/^\[|\]$/g, "").toLowerCase();
	if (name === "localhost" || isIP(name) !== 0) return;
	throw new HttpProblem(403, "Without an admin token, the Host must be an IP address or localhost");
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

function bearerOf({ headers }: FastifyRequest): string | null {
	return BEARER.exec(headers.authorization ?? "")?.[1] ?? null;
}
