/** The gRPC side's credentials: mutual TLS that follows its files. */
import { ServerCredentials } from "@grpc/grpc-js";
import { FirebreakError } from "../core/errors.ts";
import { type TlsFiles, TlsFollower, type TlsSettings } from "../tls/files.ts";

export type { TlsFiles } from "../tls/files.ts";

/** Told of every change: null when new handshakes use the new files, or why the old ones stay in use. */
export type OnReload = (error: FirebreakError | null) => void;

export type TlsLimits = Readonly<Record<"tlsReloadMs" | "tlsHandshakeMs", number>>;

const SETTINGS: TlsSettings = {
	cert: "FIREBREAK_GRPC_TLS_CERT",
	key: "FIREBREAK_GRPC_TLS_KEY",
	clientCa: "FIREBREAK_GRPC_TLS_CLIENT_CA",
};

/** Server credentials that demand a client certificate. */
export class ReloadingCredentials extends ServerCredentials {
	readonly #follower: TlsFollower;

	/**
	 * Reads the files at once, then looks at them every `tlsReloadMs` milliseconds.
	 *
	 * @throws FirebreakError `config_invalid` when they cannot be used.
	 */
	constructor(files: TlsFiles, onReload: OnReload, limits: TlsLimits) {
		const follower = new TlsFollower(files, SETTINGS);
		const { tlsHandshakeMs: handshakeTimeout } = limits;
		super({ requestCert: true, rejectUnauthorized: true, handshakeTimeout }, follower.options);
		this.#follower = follower;
		follower.follow((changed) => {
			if (changed instanceof FirebreakError) return onReload(changed);
			this.updateSecureContextOptions(changed);
			onReload(null);
		}, limits.tlsReloadMs);
	}

	override _equals(other: ServerCredentials): boolean {
		return this === other;
	}

	/** Stops following the files. */
	close(): void {
		this.#follower.close();
	}
}
