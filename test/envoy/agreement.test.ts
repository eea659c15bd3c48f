/** One set of settings: the bootstraps in envoy/, the patches for Istio and Envoy Gateway, the demo's Envoy. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { validateBootstrap } from "../../demo/envoy.ts";
import { envoyBootstrap } from "../../demo/envoy-config.ts";
import { createAuthority } from "../../demo/pki.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { codeBlocks, readPage } from "../docs/pages.ts";
import { readDocuments } from "./schemas.ts";
import { BOOTSTRAPS, FOLDER, filledIn, placeholdersOf } from "./shipped.ts";

// biome-ignore lint/suspicious/noExplicitAny: configuration of others, read as data
type Configuration = any;

const certificate = { certificate: "/c.pem", key: "/c.key" };
const demo = envoyBootstrap({
	sidecars: [{ name: "payments", files: certificate, upstreamPort: 8080 }],
	firebreak: { port: 9001, spiffeId: "spiffe://prod.example.org/ns/firebreak/sa/firebreak" },
	authorityFile: "/authority.pem",
	accessLogFile: "/dev/null",
	otlpPort: 4317,
});

function read(file: string): Configuration {
	return parse(filledIn(file, Object.fromEntries(placeholdersOf(file).used.map((name) => [name, name]))));
}

const managerOf = (bootstrap: Configuration) =>
	bootstrap.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
const filterOf = (bootstrap: Configuration) =>
	managerOf(bootstrap).http_filters.find(({ name }: Configuration) => name === "envoy.filters.http.ext_authz")
		.typed_config;

/** All of it but where Firebreak is and how long is waited for it: a setting that one of them has alone is a difference. */
function authorization({ grpc_service, ...rest }: Configuration): Configuration {
	const { envoy_grpc: _where, timeout: _patience, ...service } = grpc_service;
	return { ...rest, grpc_service: service };
}

/** What decides what Firebreak sees of a request, and how long its answer holds. */
function reading(manager: Configuration): Configuration {
	const names = ["normalize_path", "merge_slashes", "path_with_escaped_slashes_action", "use_remote_address"];
	const { max_stream_duration } = manager.common_http_protocol_options;
	return { ...Object.fromEntries(names.map((name) => [name, manager[name]])), max_stream_duration };
}

const [shipped] = BOOTSTRAPS.filter((file) => file === "sidecar-files.yaml") as [string];

describe.each(BOOTSTRAPS)("%s", (file) => {
	test("asks as the demo does", () => {
		expect(authorization(filterOf(read(file)))).toEqual(authorization(filterOf(demo)));
		expect(reading(managerOf(read(file)))).toMatchObject(reading({ ...managerOf(demo) }));
	});

	test("strips what only Firebreak may say, and waits no longer than the other files", () => {
		const manager = managerOf(read(file));
		expect(manager.early_header_mutation_extensions).toEqual(managerOf(read(shipped)).early_header_mutation_extensions);
		expect(filterOf(read(file)).grpc_service.timeout).toBe("0.5s");
	});
});

test("the page shows the filter that the files have", () => {
	const [block] = codeBlocks(readPage("docs/how-to/configure-envoy.md"), "yaml").filter(({ code }) =>
		code.startsWith("http_filters:"),
	);
	expect(parse(block!.code).http_filters).toEqual(managerOf(read(shipped)).http_filters);
});

const documents = (file: string) => readDocuments(path.join(FOLDER, file)) as Configuration[];
const [envoyFilter] = documents("istio/envoy-filter.yaml");
const [filterPatch, managerPatch] = envoyFilter.spec.configPatches.map(
	({ patch }: Configuration) => patch.value.typed_config,
);

/** As Istio builds the filter from a provider and a CUSTOM policy. */
const ISTIO = {
	...{ "@type": filterPatch["@type"], transport_api_version: "V3", failure_mode_allow: false },
	status_on_error: { code: "ServiceUnavailable" },
	grpc_service: { envoy_grpc: { cluster_name: "firebreak" }, timeout: "0.5s" },
};

describe("Istio's patches", () => {
	test("make of Istio's filter what the bootstraps have", () => {
		expect(authorization(merge(ISTIO, filterPatch))).toEqual(authorization(filterOf(demo)));
		const manager = managerOf(read(shipped));
		expect(managerPatch).toMatchObject({
			common_http_protocol_options: manager.common_http_protocol_options,
			early_header_mutation_extensions: manager.early_header_mutation_extensions,
			forward_client_cert_details: manager.forward_client_cert_details,
			use_remote_address: manager.use_remote_address,
		});
	});

	describe("as the real Envoy judges them", () => {
		let workspace: Workspace;
		beforeAll(async () => {
			workspace = createWorkspace("envoy");
			const authority = await createAuthority();
			const leaf = await authority.issue({ uris: ["spiffe://prod.example.org/ns/payments/sa/payments"] });
			workspace.write("authority.pem", authority.certificate);
			workspace.write("service.pem", leaf.certificate);
			workspace.write("service.key", leaf.key);
		});
		afterAll(() => workspace?.remove());

		/** A sidecar whose filter and connection manager are Istio's with the patches. */
		function patched(changes: object): string {
			const values = Object.fromEntries(placeholdersOf(shipped).used.map((name) => [name, "1"]));
			const bootstrap = parse(filledIn(shipped, { ...values, CERTIFICATES: workspace.path }));
			const manager = managerOf(bootstrap);
			Object.assign(filterOf(bootstrap), merge(ISTIO, { ...filterPatch, ...changes }));
			Object.assign(manager, merge(manager, managerPatch));
			return workspace.write("patched.json", JSON.stringify(bootstrap));
		}

		test("accepted", async () => {
			await validateBootstrap(patched({}));
		});

		test("refused when a setting is misspelt", async () => {
			await expect(validateBootstrap(patched({ validate_mutation: true }))).rejects.toThrow(/validate_mutation/);
		});
	});
});

test("Envoy Gateway's patches and policy make of its filter what the bootstraps have", () => {
	const [patches] = documents("envoy-gateway/patch-policy.yaml");
	const added = Object.fromEntries(
		patches.spec.jsonPatches.map(({ operation }: Configuration) => [operation.path, operation.value]),
	);
	const [policy] = documents("envoy-gateway/security-policy.yaml");
	const { failOpen, statusOnError, grpc, recomputeRoute } = policy.spec.extAuth;
	const { retry } = grpc.backendSettings;
	const made = {
		...added,
		...{ "@type": ISTIO["@type"], transport_api_version: "V3", failure_mode_allow: failOpen },
		status_on_error: { code: statusOnError === 503 ? "ServiceUnavailable" : statusOnError },
		grpc_service: {
			retry_policy: { retry_on: retry.retryOn.triggers.join(), num_retries: retry.numRetries },
		},
	};
	expect(recomputeRoute).toBe(false);
	expect(authorization(made)).toEqual(authorization(filterOf(demo)));
});

function merge(base: Configuration, patch: Configuration): Configuration {
	if (typeof base !== "object" || typeof patch !== "object" || Array.isArray(patch)) return patch;
	const result = { ...base };
	for (const [name, value] of Object.entries(patch)) {
		result[name] = name in result ? merge(result[name], value) : value;
	}
	return result;
}
