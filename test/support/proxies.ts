/** Certificates of one authority, and Envoys, each a process of its own, that use them. */

import { type RunningEnvoy, startEnvoy } from "../../demo/envoy.ts";
import type { CertificateFiles, EnvoyOptions, FirebreakAddress, SidecarOptions } from "../../demo/envoy-options.ts";
import { type Authority, createAuthority, type Leaf, type LeafOptions } from "../../demo/pki.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";

export interface Certified extends Leaf {
	readonly files: CertificateFiles;
}

export interface EnvoySetting extends Omit<EnvoyOptions, "authorityFile" | "accessLogFile" | "firebreak" | "sidecars"> {
	readonly sidecars: readonly SidecarOptions[];
	readonly firebreak?: FirebreakAddress;
}

export class Proxies {
	readonly workspace: Workspace = createWorkspace("proxies");
	readonly authority: Authority;
	readonly authorityFile: string;
	readonly #resources = new AsyncDisposableStack();

	private constructor(authority: Authority) {
		this.authority = authority;
		this.#resources.defer(this.workspace.remove);
		this.authorityFile = this.workspace.write("authority.pem", authority.certificate);
	}

	static async create(): Promise<Proxies> {
		return new Proxies(await createAuthority());
	}

	/** A certificate and its files, named `name`. */
	async certify(name: string, options: LeafOptions): Promise<Certified> {
		const leaf = await this.authority.issue(options);
		return { ...leaf, files: this.write(name, leaf) };
	}

	write(name: string, leaf: Leaf): CertificateFiles {
		return {
			certificate: this.workspace.write(`${name}.pem`, leaf.certificate),
			key: this.workspace.write(`${name}.key`, leaf.key),
		};
	}

	/** Released at the end, the last one first. */
	defer(release: () => void | Promise<void>): void {
		this.#resources.defer(release);
	}

	async start({ firebreak = { port: 1 }, ...options }: EnvoySetting): Promise<RunningEnvoy> {
		const workspace = createWorkspace("envoy");
		const envoy = await startEnvoy(workspace, {
			// A machine that has other things to do, too.
			authorizationTimeoutMs: 30_000,
			...options,
			firebreak,
			authorityFile: this.authorityFile,
			accessLogFile: `${workspace.path}/access.log`,
		});
		const stop = async () => {
			await envoy.stop();
			workspace.remove();
		};
		this.#resources.defer(stop);
		return { ...envoy, stop };
	}

	async stop(): Promise<void> {
		await this.#resources.disposeAsync();
	}
}
