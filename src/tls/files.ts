/** Certificates of a listener: mutual TLS from files that may change while the server runs. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** Paths of PEM files. */
export interface TlsFiles {
	/** The server's chain, leaf first. */
	readonly cert: string;
	readonly key: string;
	/** Authorities that sign the certificates of clients. */
	readonly clientCa: string;
}

/** The settings that name the files; for errors. */
export type TlsSettings = TlsFiles;

interface Contents {
	readonly cert: Buffer;
	readonly key: Buffer;
	readonly clientCa: Buffer;
}

/** Told of every change: what new handshakes are to use, or why the old files stay in use. */
export type OnChange = (changed: SecureContextOptions | FirebreakError) => void;

/** TLS 1.3, and of 1.2 what HTTP/2 permits (RFC 9113, 9.2.2). */
const MIN_VERSION = "TLSv1.2";
const CIPHERS = [
	"TLS_AES_128_GCM_SHA256",
	"TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256",
	"ECDHE-ECDSA-AES128-GCM-SHA256",
	"ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305",
	"ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/**
 * Follows the files. New handshakes use what they held at the last look; connections keep what they were made with. Files
 * that cannot be read, or do not fit together, as in the middle of a renewal, change nothing.
 */
export class TlsFollower {
	/** As the files were when it was made. */
	readonly options: SecureContextOptions;
	readonly #files: TlsFiles;
	readonly #settings: TlsSettings;
	/** What was judged last, whether it came into use or not. */
	#seen: Contents;
	#timer: NodeJS.Timeout | undefined;
	#unreadable = false;
	#looking = false;

	/**
	 * Reads the files at once.
	 *
	 * @throws FirebreakError `config_invalid` when they cannot be used.
	 */
	constructor(files: TlsFiles, settings: TlsSettings) {
		this.#files = files;
		this.#settings = settings;
		this.#seen = readAll(files, settings);
		this.options = contextOf(this.#seen, settings);
	}

	/** Looks at them every `reloadMs` milliseconds from now on. */
	follow(onChange: OnChange, reloadMs: number = LIMITS.tlsReloadMs): void {
		this.#timer = setInterval(() => void this.#look(onChange), reloadMs).unref();
	}

	/** Stops following the files. */
	close(): void {
		clearInterval(this.#timer);
	}

	/** What is wrong is told once, not at every look. */
	async #look(onChange: OnChange): Promise<void> {
		if (this.#looking) return;
		this.#looking = true;
		try {
			const { cert, key, clientCa } = this.#files;
			const [newCert, newKey, newCa] = await Promise.all([readFile(cert), readFile(key), readFile(clientCa)]);
			this.#unreadable = false;
			this.#take({ cert: newCert, key: newKey, clientCa: newCa }, onChange);
		} catch (cause) {
			const known = this.#unreadable;
			this.#unreadable = true;
			const message = "the files of TLS cannot be read any more";
			if (!known) onChange(unusable(this.#settings.cert, message, READABLE, cause));
		} finally {
			this.#looking = false;
		}
	}

	#take(contents: Contents, onChange: OnChange): void {
		const { cert, key, clientCa } = this.#seen;
		if (contents.cert.equals(cert) && contents.key.equals(key) && contents.clientCa.equals(clientCa)) return;
		this.#seen = contents;
		let changed: SecureContextOptions | FirebreakError;
		try {
			changed = contextOf(contents, this.#settings);
		} catch (thrown) {
			if (!(thrown instanceof FirebreakError)) throw thrown;
			changed = thrown;
		}
		onChange(changed);
	}
}

const READABLE = "make it a readable file of PEM text";

function readAll({ cert, key, clientCa }: TlsFiles, settings: TlsSettings): Contents {
	return {
		cert: readOne(settings.cert, cert),
		key: readOne(settings.key, key),
		clientCa: readOne(settings.clientCa, clientCa),
	};
}

function readOne(setting: string, path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (cause) {
		throw unusable(setting, "the file cannot be read", READABLE, cause);
	}
}

/** @throws FirebreakError that names the file at fault. */
function contextOf({ cert, key, clientCa }: Contents, settings: TlsSettings): SecureContextOptions {
	const certificate = attempt(settings.cert, "the file holds no certificate", READABLE, () => {
		return new X509Certificate(cert);
	});
	const privateKey = attempt(
		settings.key,
		"the file holds no private key",
		"make it a PEM private key without a passphrase",
		() => createPrivateKey(key),
	);
	if (!certificate.checkPrivateKey(privateKey)) {
		const cure = "give the key of the chain's first certificate";
		throw unusable(settings.key, "the key does not belong to the certificate", cure);
	}
	attempt(settings.clientCa, "the file holds no certificate", READABLE, () => new X509Certificate(clientCa));
	const options: SecureContextOptions = { cert, key, ca: clientCa, minVersion: MIN_VERSION, ciphers: CIPHERS };
	attempt(settings.cert, "TLS cannot use the files", "check the whole chain", () => createSecureContext(options));
	return options;
}

function attempt<T>(setting: string, message: string, cure: string, make: () => T): T {
	try {
		return make();
	} catch (cause) {
		throw unusable(setting, message, cure, cause);
	}
}

function unusable(object: string, message: string, cure: string, cause?: unknown): FirebreakError {
	return new FirebreakError("config_invalid", `${object}: ${message}`, {
		problems: [{ object, message, cure }],
		cause,
	});
}
