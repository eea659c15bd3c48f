/** Who may use the admin side. A bearer token from a file; without one, only programs on this machine. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";
import { HttpProblem } from "./problem.ts";

/** What a caller may do. A reader looks; an operator also changes. */
export const ROLES = ["reader", "operator"] as const;
export type Role = (typeof ROLES)[number];

export interface Gate {
	/** Throws an HttpProblem unless the caller has the role. The one token gives both. */
	require(role: Role, request: FastifyRequest): void;
}

export interface GateOptions {
	/** Over a socket no browser comes. */
	readonly address: { readonly kind: "tcp" | "unix" };
	/** Null: whoever can connect may do everything. Only for loopback addresses and sockets. */
	readonly tokenFile: string | null;
	readonly clock: Clock;
	/** Told when the file changed and cannot be used; the token that was read last stays. */
	readonly onError: (error: unknown) => void;
}

/** @throws FirebreakError config_invalid when the file cannot be read, or its token is too short. */
export function createGate(options: GateOptions): Gate {
	if (options.tokenFile !== null) return new TokenGate(options.tokenFile, options);
	return options.address.kind === "unix" ? OPEN : LOCAL;
}

const OPEN: Gate = { require() {} };

/**
 * Without a token a browser on this machine is the danger: a page from elsewhere may reach a loopback port under a name
 * of its own (DNS rebinding). So the Host must be what only a local program would write.
 */
const LOCAL: Gate = {
	require(_role, request) {
		const name = request.hostname.replace(/^\[|\]$/g, "").toLowerCase();
		if (name === "localhost" || isIP(name) !== 0) return;
		throw new HttpProblem(403, "Without an admin token, the Host must be an IP address or localhost");
	},
};

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

class TokenGate implements Gate {
	readonly #file: string;
	readonly #options: GateOptions;
	#digest: Buffer;
	#stamp: string;
	#checkAgainAt: number;

	constructor(file: string, options: GateOptions) {
		this.#file = file;
		this.#options = options;
		this.#stamp = stampOf(file);
		this.#digest = readDigest(file);
		this.#checkAgainAt = options.clock() + LIMITS.adminTokenCheckMs;
	}

	require(_role: Role, request: FastifyRequest): void {
		this.#refresh();
		const [, given] = BEARER.exec(request.headers.authorization ?? "") ?? [];
		if (given !== undefined && timingSafeEqual(digestOf(given), this.#digest)) return;
		throw new HttpProblem(401, "An admin token is required");
	}

	/** Reads the file again when it changed, as when a mounted secret is replaced. */
	#refresh(): void {
		const now = this.#options.clock();
		if (now < this.#checkAgainAt) return;
		this.#checkAgainAt = now + LIMITS.adminTokenCheckMs;
		try {
			const stamp = stampOf(this.#file);
			if (stamp === this.#stamp) return;
			this.#stamp = stamp;
			this.#digest = readDigest(this.#file);
		} catch (error) {
			this.#options.onError(error);
		}
	}
}

function stampOf(file: string): string {
	const { ino, size, mtimeMs } = statSync(file);
	return `${ino} ${size} ${mtimeMs}`;
}

function readDigest(file: string): Buffer {
	const token = readFileSync(file, "utf8").trim();
	if (token.length < LIMITS.adminTokenChars || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
		const message = `its token is shorter than ${LIMITS.adminTokenChars} characters, or holds others than RFC 6750 allows`;
		throw new FirebreakError("config_invalid", "the admin token cannot be used", {
			problems: [{ object: "FIREBREAK_ADMIN_TOKEN_FILE", message, cure: "write one by: openssl rand -base64 32" }],
		});
	}
	return digestOf(token);
}

function digestOf(token: string): Buffer {
	return createHash("sha256").update(token).digest();
}
