/** A bearer token in a file that may change while the server runs. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Clock } from "../core/time.ts";

export interface TokenFileOptions {
	/** The setting that names the file; for errors. */
	readonly setting: string;
	readonly clock: Clock;
	/** Told when the file changed and cannot be used; the token that was read last stays. */
	readonly onError: (error: unknown) => void;
}

export class TokenFile {
	readonly #file: string;
	readonly #options: TokenFileOptions;
	#digest: Buffer;
	#stamp: string;
	#checkAgainAt: number;

	/** @throws FirebreakError config_invalid when the file cannot be read, or its token is too short. */
	constructor(file: string, options: TokenFileOptions) {
		this.#file = file;
		this.#options = options;
		this.#stamp = stampOf(file);
		this.#digest = readDigest(file, options.setting);
		this.#checkAgainAt = options.clock() + LIMITS.adminTokenCheckMs;
	}

	/** Whether this is the file's token, in a time that tells nothing about it. */
	matches(given: string): boolean {
		this.#refresh();
		return timingSafeEqual(digestOf(given), this.#digest);
	}

	/** Whether another file held the same token when both were read. */
	hasSame(other: TokenFile): boolean {
		return this.#digest.equals(other.#digest);
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
			this.#digest = readDigest(this.#file, this.#options.setting);
		} catch (error) {
			this.#options.onError(error);
		}
	}
}

function stampOf(file: string): string {
	const { ino, size, mtimeMs } = statSync(file);
	return `${ino} ${size} ${mtimeMs}`;
}

function readDigest(file: string, setting: string): Buffer {
	const token = readFileSync(file, "utf8").trim();
	if (token.length < LIMITS.adminTokenChars || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
		const message = `its token is shorter than ${LIMITS.adminTokenChars} characters, or holds others than RFC 6750 allows`;
		throw new FirebreakError("config_invalid", "the admin token cannot be used", {
			problems: [{ object: setting, message, cure: "write one by: openssl rand -base64 32" }],
		});
	}
	return digestOf(token);
}

function digestOf(token: string): Buffer {
	return createHash("sha256").update(token).digest();
}
