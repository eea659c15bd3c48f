/** Findings as data: each one in a configuration that has it and no other. */
import { describe, expect, test } from "@jest/globals";
import { CHANGED_HEADERS } from "../../../src/doctor/envoy/authorization.ts";
import { FINDINGS } from "../../../src/doctor/envoy/catalogue.ts";
import { readDump } from "../../../src/doctor/envoy/dump.ts";
import { examineEnvoy } from "../../../src/doctor/envoy/examine.ts";
import { readCertificates } from "../../../src/doctor/envoy/tls.ts";
import { revealed } from "../../../src/extauthz/way.ts";
import { certsOf, dumpOf, FIREBREAK, managerOf, PAYMENTS, type Part, soundBootstrap } from "./bootstraps.ts";
import { CASES } from "./cases.ts";

const CERTIFICATES = readCertificates(
	certsOf({
		"/certificates/service.pem": [PAYMENTS],
		"/certificates/hostname.pem": [],
		"/certificates/several.pem": [PAYMENTS, FIREBREAK],
	}),
);

function examine(bootstrap: Part) {
	return examineEnvoy(readDump(structuredClone(dumpOf(bootstrap)))!, CERTIFICATES);
}

test("nothing is wrong with the sound one", () => {
	expect(examine(soundBootstrap())).toEqual([]);
});

describe("broken by", () => {
	test.each(CASES)("$broken", ({ change, expect: expected }) => {
		const bootstrap = soundBootstrap();
		change(bootstrap);
		const findings = examine(JSON.parse(JSON.stringify(bootstrap)));
		expect(findings.map(({ id }) => id)).toEqual(expected.map(([id]) => id));
		for (const [index, [, place]] of expected.entries()) expect(findings[index]!.place).toMatch(place);
		for (const { what, cure } of findings) expect([what, cure]).not.toContain("");
	});
});

test("every finding is tried, and each is told apart from the others", () => {
	const tried = new Set(CASES.flatMap(({ expect: expected }) => expected.map(([id]) => id)));
	expect([...tried].sort()).toEqual(Object.keys(FINDINGS).sort());
	const texts = Object.values(FINDINGS).map(({ what }) => what);
	expect(new Set(texts).size).toBe(texts.length);
});

test("several at once: dangers first, each once at each place", () => {
	const bootstrap = soundBootstrap();
	for (const { broken, change } of CASES) {
		if (["metadata", "no retry", "failure_mode_allow", "no peer certificate"].includes(broken)) change(bootstrap);
	}
	bootstrap.static_resources.listeners.push(structuredClone(bootstrap.static_resources.listeners[0]));
	expect(examine(bootstrap).map(({ id, severity }) => `${severity} ${id}`)).toEqual([
		"danger fail_open",
		"warning retry_missing",
		"warning peer_certificate_missing",
		"notice metadata_sent",
	]);
});

test("routes by scope, and a listener that has not warmed up", () => {
	const bootstrap = soundBootstrap();
	const [listener] = bootstrap.static_resources.listeners;
	const manager = managerOf(bootstrap);
	const table = { ...manager.route_config, name: "scoped" };
	const disabled = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true };
	table.virtual_hosts[0].typed_per_filter_config = { "envoy.filters.http.ext_authz": disabled };
	delete manager.route_config;
	manager.scoped_routes = { name: "scopes" };
	bootstrap.static_resources.listeners = [];
	const dump = dumpOf(bootstrap);
	const section = (name: string) => dump.configs.find((one: Part) => one["@type"].endsWith(`.${name}`));
	section("ListenersConfigDump").dynamic_listeners = [{ name: "inbound", warming_state: { listener } }];
	const ids = () => examineEnvoy(readDump(dump)!, CERTIFICATES).map(({ id }) => id);
	expect(ids()).toEqual(["configuration_unknown"]);
	dump.configs.push({
		"@type": "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump",
		dynamic_scoped_route_configs: [{ name: "scopes", scoped_route_configs: [{ route_configuration_name: "scoped" }] }],
	});
	section("RoutesConfigDump").dynamic_route_configs = [{ route_config: table }];
	expect(ids()).toEqual(["authorization_disabled"]);
});

test("callers' x-firebreak-* are worse where Firebreak is not always asked", () => {
	const bootstrap = soundBootstrap();
	for (const { broken, change } of CASES) {
		if (["callers' x-firebreak-*", "authorization off for a route"].includes(broken)) change(bootstrap);
	}
	const severities = (found: Part) => found.map(({ id, severity }: Part) => `${severity} ${id}`);
	expect(severities(examine(bootstrap))).toEqual(["danger authorization_disabled", "warning identity_headers"]);
});

test.each<[string, unknown]>([
	["nothing", null],
	["no dump", { configs: [] }],
	["another document", { hello: ["world"] }],
	["a list", [1, 2]],
])("%s is no dump of Envoy's", (_what, document) => {
	expect(readDump(document)).toBeNull();
});

test("the headers that it wants changed are those that Firebreak changes", () => {
	const vouched = { identities: 0, addresses: 0, proxied: false };
	for (const name of CHANGED_HEADERS) {
		const own = /^x[-_]firebreak[-_]|^authorization$|^dpop$/.test(name);
		expect({ name, changed: own || revealed(name, "forged", vouched) === "" }).toEqual({ name, changed: true });
	}
});
