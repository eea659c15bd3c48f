/** Envoy's own validation of the configuration that pages show. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { validateBootstrap } from "../../demo/envoy.ts";
import { createAuthority } from "../../demo/pki.ts";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";
import { readDump } from "../../src/doctor/envoy/dump.ts";
import { examineEnvoy } from "../../src/doctor/envoy/examine.ts";
import { dumpOf } from "../doctor/envoy/bootstraps.ts";
import { codeBlocks, readPage } from "./pages.ts";

let workspace: Workspace;
beforeAll(async () => {
	workspace = createWorkspace("test");
	const authority = await createAuthority();
	const leaf = await authority.issue({
		uris: ["spiffe://prod.example.org/ns/payments/sa/payments"],
		commonName: "payments",
	});
	workspace.write("authority.pem", authority.certificate);
	workspace.write("service.pem", leaf.certificate);
	workspace.write("service.key", leaf.key);
});
afterAll(() => workspace?.remove());

const blocksOf = (path: string) => codeBlocks(readPage(path), "yaml").map(({ code }) => code);
const page = blocksOf("docs/how-to/configure-envoy.md");

test("all blocks of the page, put together, are a configuration that Envoy takes", async () => {
	await validateBootstrap(workspace.write("page.yaml", bootstrap(page)));
});

test("the doctor finds nothing in it but what is there on purpose", () => {
	const dump = readDump(dumpOf(parse(bootstrap(page))))!;
	expect(examineEnvoy(dump, new Map()).map(({ id }) => id)).toEqual(["client_certificate_optional"]);
});

test("the filter of the README", async () => {
	const [filter = ""] = blocksOf("README.md");
	const others = page.filter((code) => !code.startsWith("http_filters:"));
	await validateBootstrap(workspace.write("readme.yaml", bootstrap([...others, filter])));
});

test("a setting that Envoy does not have is refused", async () => {
	const wrong = page.map((code) => code.replace("failure_mode_allow:", "failure_mode_alow:"));
	await expect(validateBootstrap(workspace.write("wrong.yaml", bootstrap(wrong)))).rejects.toThrow(/failure_mode_alow/);
});

/** Puts each block where its first word says that it belongs. */
function bootstrap(blocks: readonly string[]): string {
	const left = new Map(blocks.map((code) => [code.slice(0, code.indexOf(":")), code]));
	const take = (name: string, indent: number): string => {
		const code = left.get(name);
		if (code === undefined) throw new Error(`no block begins with ${name}`);
		left.delete(name);
		return code.trimEnd().replace(/^/gm, " ".repeat(indent));
	};
	const text = `
static_resources:
  listeners:
    - name: payments
      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: payments
${take("http_filters", 16)}
${take("normalize_path", 16)}
${take("early_header_mutation_extensions", 16)}
${take("common_http_protocol_options", 16)}
${take("access_log", 16)}
                route_config:
                  virtual_hosts:
                    - name: payments
                      domains: ["*"]
                      routes: [{ match: { prefix: / }, route: { cluster: firebreak } }]
${take("typed_per_filter_config", 22)}
${take("transport_socket", 10)}
${take("clusters", 2)}
`;
	if (left.size > 0) throw new Error(`no place for ${[...left.keys()].join(", ")}`);
	return text.replaceAll("/etc/envoy/", `${workspace.path}/`);
}
