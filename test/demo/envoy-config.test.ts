import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { validateBootstrap, writeBootstrap } from "../../demo/envoy.ts";
import { envoyBootstrap } from "../../demo/envoy-config.ts";
import type { EnvoyOptions, SidecarOptions } from "../../demo/envoy-options.ts";
import { createAuthority } from "../../demo/pki.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";

describe("the bootstrap, as the real Envoy judges it", () => {
	let workspace: Workspace;
	let sidecar: SidecarOptions;
	let least: EnvoyOptions;
	beforeAll(async () => {
		workspace = createWorkspace("test");
		const authority = await createAuthority();
		const leaf = await authority.issue({ uris: ["spiffe://prod.example.org/ns/orders/sa/orders"] });
		const files = {
			certificate: workspace.write("leaf.pem", leaf.certificate),
			key: workspace.write("leaf.key", leaf.key),
		};
		sidecar = { name: "orders", files, upstreamPort: 8080 };
		least = {
			sidecars: [sidecar],
			firebreak: { port: 9001 },
			authorityFile: workspace.write("authority.pem", authority.certificate),
			accessLogFile: `${workspace.path}/access.log`,
		};
	});
	afterAll(() => workspace?.remove());

	const all = (): EnvoyOptions => ({
		...least,
		sidecars: [
			sidecar,
			{ ...sidecar, name: "payments", upstreamProtocol: "h2", destination: "payments-prod" },
			{
				...sidecar,
				name: "door",
				upstreamFrom: "127.0.0.3",
				upstreamSpiffeId: "spiffe://prod.example.org/ns/payments/sa/payments",
				paths: { normalize: true, mergeSlashes: false, rejectEscapedSlashes: false },
				rawHeaders: false,
				forwardedClientCert: "SANITIZE_SET",
				remoteAddress: false,
				asks: { socket: "/run/firebreak.sock" },
			},
		],
		firebreak: { port: 9001, spiffeId: "spiffe://prod.example.org/ns/firebreak/sa/firebreak" },
		otlpPort: 4317,
		authorizationTimeoutMs: 250,
		paths: { normalize: true, mergeSlashes: true, rejectEscapedSlashes: true },
		maxStreamDurationMs: 60_000,
		upgrades: ["websocket"],
	});

	test.each([
		["the least options", (): EnvoyOptions => least],
		["all options", all],
	])("it accepts %s", async (_what, options) => {
		await validateBootstrap(writeBootstrap(workspace, options()));
	});

	test("no stream outlives an hour unless it is told otherwise", () => {
		expect(JSON.stringify(envoyBootstrap(least))).toContain('"max_stream_duration":"3600s"');
	});

	test("it refuses what is wrong, and its words are passed on", async () => {
		const file = writeBootstrap(workspace, { ...least, authorityFile: "/nonexistent/authority.pem" });
		const validation = validateBootstrap(file);
		await expect(validation).rejects.toMatchObject({ code: "config_invalid" });
		await expect(validation).rejects.toThrow("/nonexistent/authority.pem");
	});
});
