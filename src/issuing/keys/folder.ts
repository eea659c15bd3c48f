/**
 * Private keys on disk: `<folder>/<domain>/<kid>.json`, one private JWK each. This is the only place that they are in.
 * No error quotes a file's content.
 */
import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { KEY_ALGORITHMS, type KeyAlgorithm, type SigningKey } from "./signing-key.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Group and others. */
const STRANGERS = 0o077;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

export class KeyFolder {
	readonly #root: string;

	/** @param root FIREBREAK_KEYS_DIR. */
	constructor(root: string) {
		this.#root = root;
	}

	/**
	 * Writes a new key, for this user alone: whole or not at all, and on disk when it resolves.
	 * @throws FirebreakError config_invalid when the folder may not hold keys.
	 */
	async write(domain: string, { kid, jwk }: SigningKey): Promise<void> {
		await this.check();
		const folder = this.#folderOf(domain);
		await attempt(folder, async () => {
			await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
			checkPrivate(await lstat(folder), folder, "folder");
			const file = this.#fileOf(domain, kid);
			const draft = join(folder, `.${randomBytes(8).toString("hex")}.new`);
			try {
				const handle = await open(draft, "wx", FILE_MODE);
				try {
					// What the umask took away or left is put right before there is anything to read.
					await chmod(draft, FILE_MODE);
					await handle.writeFile(`${JSON.stringify(jwk)}\n`);
					await handle.sync();
				} finally {
					await handle.close();
				}
				await rename(draft, file);
			} finally {
				await rm(draft, { force: true });
			}
			const handle = await open(folder, constants.O_RDONLY);
			await handle.sync().finally(() => handle.close());
		});
	}

	/**
	 * The kids of a domain's keys that are here.
	 * @throws FirebreakError config_invalid when others could read or put keys.
	 */
	async list(domain: string): Promise<ReadonlySet<string>> {
		await this.check();
		const folder = this.#folderOf(domain);
		return attempt(folder, async () => {
			const found = await lstat(folder).catch(nullIfAbsent);
			if (found === null) return new Set();
			checkPrivate(found, folder, "folder");
			const names = await readdir(folder);
			return new Set(
				names
					.filter((name) => name.endsWith(".json") && !name.startsWith("."))
					.map((name) => name.slice(0, -".json".length)),
			);
		});
	}

	/**
	 * Reads one key. The file must be its owner's alone, and hold the very key that it is named after in the domain.
	 * @returns null when it is not here.
	 * @throws FirebreakError config_invalid
	 */
	async read(domain: string, kid: string): Promise<SigningKey | null> {
		if (!KID.test(kid)) return null;
		await this.check();
		const folder = this.#folderOf(domain);
		const file = this.#fileOf(domain, kid);
		return attempt(file, async () => {
			const found = await lstat(folder).catch(nullIfAbsent);
			if (found === null) return null;
			checkPrivate(found, folder, "folder");
			// Not through a link, and judged by what was opened rather than by what stood there a moment before.
			const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(nullIfAbsent);
			if (handle === null) return null;
			try {
				const stats = await handle.stat();
				checkPrivate(stats, file, "file");
				if (stats.size > LIMITS.keyFileBytes) throw unusable(file, "it is no key", NO_KEY);
				return await readKey(file, kid, await handle.readFile("utf8"));
			} finally {
				await handle.close();
			}
		});
	}

	/** Removes a key that signs no more. Does nothing when it is not here. */
	async remove(domain: string, kid: string): Promise<void> {
		if (!KID.test(kid)) return;
		const file = this.#fileOf(domain, kid);
		await attempt(file, () => rm(file, { force: true }));
	}

	/** Names of domains may hold `/`. */
	#folderOf(domain: string): string {
		return join(this.#root, encodeURIComponent(domain));
	}

	#fileOf(domain: string, kid: string): string {
		return join(this.#folderOf(domain), `${kid}.json`);
	}

	/**
	 * Whether it may hold keys: whoever may write here could put another folder in the place of a domain's.
	 * @throws FirebreakError config_invalid
	 */
	async check(): Promise<void> {
		const root = this.#root;
		await attempt(root, async () => {
			const stats = await stat(root);
			if (!stats.isDirectory()) throw unusable(root, "it is no folder", "name a folder");
			if ((stats.mode & OTHERS_WRITE) !== 0 && (stats.mode & STICKY) === 0) {
				throw unusable(root, "every user may write into it", `run: chmod o-w ${root}`);
			}
		});
	}
}

/** base64url, as a thumbprint is: no path can be made of it. */
const KID = /^[A-Za-z0-9_-]{1,128}$/;
const NO_KEY = "remove it, and make another key: firebreak keys rotate";

function checkPrivate(stats: Stats, path: string, kind: "file" | "folder"): void {
	const mode = kind === "file" ? "600" : "700";
	if (kind === "file" ? !stats.isFile() : !stats.isDirectory())
		throw unusable(path, `it is no ${kind}`, `make it a ${kind}`);
	if ((stats.mode & STRANGERS) !== 0) {
		throw unusable(path, "others than its owner may use it", `run: chmod ${mode} ${path}; and rotate if others did`);
	}
	const self = process.getuid?.();
	if (self !== undefined && stats.uid !== self && stats.uid !== 0) {
		throw unusable(path, "it belongs to another user", "run this as its owner");
	}
}

async function readKey(file: string, kid: string, text: string): Promise<SigningKey> {
	try {
		const jwk = JSON.parse(text) as JWK & { readonly alg: KeyAlgorithm };
		if (!KEY_ALGORITHMS.includes(jwk.alg) || jwk.kid !== kid || typeof jwk.d !== "string") throw new TypeError();
		if ((await calculateJwkThumbprint(jwk)) !== kid) throw new TypeError();
		await importJWK(jwk, jwk.alg);
		return { kid, alg: jwk.alg, jwk };
	} catch {
		// The cause is left out: parsers quote what they read.
		throw unusable(file, "it does not hold the private key that it is named after", NO_KEY);
	}
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (error instanceof FirebreakError) throw error;
		const { code } = error as NodeJS.ErrnoException;
		if (typeof code !== "string") throw error;
		const absent = code === "ENOENT" || code === "ENOTDIR";
		throw unusable(
			path,
			absent ? "it does not exist" : `it cannot be used (${code})`,
			absent ? `run: mkdir -m 700 ${path}` : "let this user read and write it",
		);
	}
}

function nullIfAbsent(error: NodeJS.ErrnoException): null {
	if (error.code === "ENOENT") return null;
	throw error;
}

function unusable(path: string, message: string, cure: string): FirebreakError {
	return new FirebreakError("config_invalid", `signing keys cannot be used: ${path}: ${message}`, {
		problems: [{ object: "FIREBREAK_KEYS_DIR", field: path, message, cure }],
	});
}
