/** The Kubernetes resources in envoy/, held against the schemas that Istio, Envoy Gateway and the Gateway API publish. */
import { globSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { checkMeshConfig } from "./mesh-config.ts";
import { type Resource, readDocuments, readSchemas, SCHEMAS } from "./schemas.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "envoy");
const files = globSync("{istio,envoy-gateway,gateway-api}/*.yaml", { cwd: FOLDER });
const resources = files
	.filter((file) => file !== "istio/mesh-config.yaml")
	.flatMap((file) => (readDocuments(path.join(FOLDER, file)) as Resource[]).map((resource) => ({ file, resource })))
	.map(({ file, resource }) => ({ file, kind: resource.kind, resource }));
const [meshConfig] = readDocuments(path.join(FOLDER, "istio/mesh-config.yaml")) as [{ meshConfig: unknown }];

test("there is something to look at", () => {
	expect(files.length).toBeGreaterThanOrEqual(8);
	expect(new Set(resources.map(({ kind }) => kind))).toEqual(
		new Set([
			...["PeerAuthentication", "AuthorizationPolicy", "DestinationRule", "EnvoyFilter"],
			...["SecurityPolicy", "ClientTrafficPolicy", "BackendTrafficPolicy", "EnvoyPatchPolicy"],
			...["Gateway", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy", "ReferenceGrant"],
		]),
	);
});

const folder = SCHEMAS;
if (folder === null) {
	const why = "the schemas of Kubernetes resources are not here; `make schemas` fetches them, which takes Go";
	process.stderr.write(`test/envoy/kubernetes.test.ts is skipped: ${why}.\n`);
	test.skip(`SKIPPED: ${why}`, () => {});
} else {
	describe("by the published schema", () => {
		const problems = readSchemas(folder);

		test.each(resources)("$file: $kind", ({ resource }) => {
			expect(problems(resource)).toEqual([]);
		});

		// Each one a mistake that people make, and that an API server without strict validation drops in silence.
		const find = (kind: string) => resources.find((one) => one.kind === kind)!.resource;
		test.each<[string, Resource, RegExp]>([
			["a misspelt field", changed("SecurityPolicy", "extAuth", { failOpn: false }), /extAuth .*failOpn/],
			["a wrong type", changed("SecurityPolicy", "extAuth", { failOpen: "false" }), /failOpen must be boolean/],
			["a status that is none", changed("SecurityPolicy", "extAuth", { statusOnError: 99 }), /must be equal to one/],
			["a wrong word", changed("PeerAuthentication", "mtls", { mode: "STRIKT" }), /mode must be equal to one/],
			["another version", { ...find("HTTPRoute"), apiVersion: "gateway.networking.k8s.io/v9" }, /no schema/],
		])("refuses %s", (_what, resource, expected) => {
			expect(problems(resource).join("\n")).toMatch(expected);
		});

		function changed(kind: string, field: string, changes: object): Resource {
			const resource = find(kind);
			return { ...resource, spec: { ...resource.spec, [field]: { ...(resource.spec[field] as object), ...changes } } };
		}
	});

	describe("MeshConfig by its published definition", () => {
		const { meshConfig: config } = meshConfig as { meshConfig: { extensionProviders: { name: string }[] } };

		test("what is shipped", () => {
			expect(checkMeshConfig(folder, config)).toEqual([]);
		});

		test.each<[string, object, string]>([
			["a misspelt field", { envoyExtAuthzGrpc: { failOpn: false } }, "envoyExtAuthzGrpc.failOpn is unknown"],
			["a number for text", { envoyExtAuthzGrpc: { statusOnError: 503 } }, "statusOnError is no string"],
			["a time without a unit", { envoyExtAuthzGrpc: { timeout: "1" } }, "timeout is no Duration"],
		])("refuses %s", (_what, provider, expected) => {
			expect(checkMeshConfig(folder, { extensionProviders: [provider] }).join()).toContain(expected);
		});

		test("refuses a word that is none", () => {
			const wrong = { pathNormalization: { normalization: "OFF" } };
			expect(checkMeshConfig(folder, wrong)).toEqual(["meshConfig.pathNormalization.normalization has no OFF"]);
		});
	});
}
