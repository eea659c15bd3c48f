/** The gRPC side's certificates: mutual TLS from files that may change while the server runs. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** Paths of PEM files. */
export interface TlsFiles {
	/** The server's chain, leaf first. */
	readonly cert: string;
	readonly key: string;
	/** Authorities that sign the certificates of proxies. */
	readonly clientCa: string;
}

interface Contents {
	readonly cert: Buffer;
	readonly key: Buffer;
	readonly clientCa: Buffer;
}

/** Told of every change: null when new handshakes use the new files, or why the old ones stay in use. */
export type OnReload = (error: FirebreakError | null) => void;

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
 * Server credentials that demand a client certificate and follow their files. New handshakes use what the files held at
 * the last look; connections keep what they were made with. Files that cannot be read, or do not fit together, as in the
 * middle of a renewal, change nothing.
 */
export class ReloadingCredentials extends ServerCredentials {
	readonly #files: TlsFiles;
	readonly #onReload: OnReload;
	readonly #timer: NodeJS.Timeout;
	/** What was judged last, whether it came into use or not. */
	#seen: Contents;
	#unreadable = false;
	#looking = false;

	/**
	 * Reads the files at once, then looks at them every `reloadMs` milliseconds.
	 *
	 * @throws FirebreakError `config_invalid` when they cannot be used.
	 */
	constructor(files: TlsFiles, onReload: OnReload, reloadMs: number = LIMITS.tlsReloadMs) {
		const contents = readAll(files);
		super({ requestCert: true, rejectUnauthorized: true }, contextOf(contents));
		this.#files = files;
		this.#seen = contents;
		this.#onReload = onReload;
		this.#timer = setInterval(() => void this.#look(), reloadMs).unref();
	}

	override _equals(other: ServerCredentials): boolean {
		return this === other;
	}

	/** Stops following the files. */
	close(): void {
		clearInterval(this.#timer);
	}

	/** What is wrong is told once, not at every look. */
	async #look(): Promise<void> {
		if (this.#looking) return;
		this.#looking = true;
		try {
			const { cert, key, clientCa } = this.#files;
			const [newCert, newKey, newCa] = await Promise.all([readFile(cert), readFile(key), readFile(clientCa)]);
			this.#unreadable = false;
			this.#take({ cert: newCert, key: newKey, clientCa: newCa });
		} catch (cause) {
			const known = this.#unreadable;
			this.#unreadable = true;
			const message = "the files of TLS cannot be read any more";
			if (!known) this.#onReload(unusable("FIREBREAK_GRPC_TLS_CERT", message, READABLE, cause));
		} finally {
			this.#looking = false;
		}
	}

	#take(contents: Contents): void {
		const { cert, key, clientCa } = this.#seen;
		if (contents.cert.equals(cert) && contents.key.equals(key) && contents.clientCa.equals(clientCa)) return;
		this.#seen = contents;
		let error: FirebreakError | null = null;
		try {
			this.updateSecureContextOptions(contextOf(contents));
		} catch (thrown) {
			if (!(thrown instanceof FirebreakError)) throw thrown;
			error = thrown;
		}
		this.#onReload(error);
	}
}

const READABLE = "make it a readable file of PEM text";

function readAll({ cert, key, clientCa }: TlsFiles): Contents {
	return {
		cert: readOne("FIREBREAK_GRPC_TLS_CERT", cert),
		key: readOne("FIREBREAK_GRPC_TLS_KEY", key),
		clientCa: readOne("FIREBREAK_GRPC_TLS_CLIENT_CA", clientCa),
	};
}

function readOne(variable: string, path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (cause) {
		throw unusable(variable, "the file cannot be read", READABLE, cause);
	}
}

/** @throws FirebreakError that names the file at fault. */
function contextOf({ cert, key, clientCa }: Contents): SecureContextOptions {
	const certificate = attempt("FIREBREAK_GRPC_TLS_CERT", "the file holds no certificate", READABLE, () => {
		return new X509Certificate(cert);
	});
	const privateKey = attempt(
		"FIREBREAK_GRPC_TLS_KEY",
		"the file holds no private key",
		"make it a PEM private key without a passphrase",
		() => createPrivateKey(key),
	);
	if (!certificate.checkPrivateKey(privateKey)) {
		const cure = "give the key of the chain's first certificate";
		throw unusable("FIREBREAK_GRPC_TLS_KEY", "the key does not belong to the certificate", cure);
	}
	attempt(
		"FIREBREAK_GRPC_TLS_CLIENT_CA",
		"the file holds no certificate",
		READABLE,
		() => new X509Certificate(clientCa),
	);
	const options: SecureContextOptions = { cert, key, ca: clientCa, minVersion: MIN_VERSION, ciphers: CIPHERS };
	attempt("FIREBREAK_GRPC_TLS_CERT", "TLS cannot use the files", "check the whole chain", () =>
		createSecureContext(options),
	);
	return options;
}

function attempt<T>(variable: string, message: string, cure: string, make: () => T): T {
	try {
		return make();
	} catch (cause) {
		throw unusable(variable, message, cure, cause);
	}
}

function unusable(object: string, message: string, cure: string, cause?: unknown): FirebreakError {
	return new FirebreakError("config_invalid", `${object}: ${message}`, {
		problems: [{ object, message, cure }],
		cause,
	});
}
