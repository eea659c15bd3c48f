/** `firebreak doctor` through its command line, on real Envoys: sound ones, and ones that are broken on purpose. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { createAuthority } from "../../../demo/pki.ts";
import { createWorkspace, type Workspace } from "../../../demo/workspace.ts";
import { register } from "../../../src/cli/doctor.ts";
import { run } from "../../../src/cli/program.ts";
import {
	callersTlsOf,
	FIREBREAK,
	managerOf,
	PAYMENTS,
	type Part,
	soundBootstrap,
} from "../../doctor/envoy/bootstraps.ts";
import { CASES } from "../../doctor/envoy/cases.ts";
import { type RunningBootstrap, startBootstrap } from "../../envoy/shipped.ts";
import { fakeIo } from "../../support/fake-io.ts";

let workspace: Workspace;
let envoy: RunningBootstrap | undefined;
beforeAll(async () => {
	workspace = createWorkspace("doctor");
	const authority = await createAuthority();
	workspace.write("authority.pem", authority.certificate);
	const put = async (name: string, uris: readonly string[]) => {
		const leaf = await authority.issue({ uris, dns: ["payments.example.org"] });
		workspace.write(`${name}.pem`, leaf.certificate);
		workspace.write(`${name}.key`, leaf.key);
	};
	await put("service", [PAYMENTS]);
	await put("hostname", []);
	await put("several", [PAYMENTS, FIREBREAK]);
});
afterEach(async () => {
	await envoy?.stop();
	envoy = undefined;
});
afterAll(() => workspace?.remove());

async function start(change: (bootstrap: Part) => void): Promise<string> {
	const bootstrap = soundBootstrap(workspace.path);
	change(bootstrap);
	envoy = await startBootstrap(workspace, workspace.write("broken.json", JSON.stringify(bootstrap)));
	return envoy.adminUrl;
}

async function doctor(...argv: string[]) {
	const io = fakeIo();
	const code = await run(["doctor", ...argv], io, [{ register }]);
	return { code, out: io.out(), err: io.err() };
}

async function findings(url: string, ...argv: string[]): Promise<{ code: number; accepted: number; findings: Part[] }> {
	const { code, out } = await doctor("--envoy", url, "--json", ...argv);
	return { code, ...JSON.parse(out) };
}

const broken = (...names: string[]) => {
	const found = CASES.filter((one) => names.includes(one.broken));
	expect(found).toHaveLength(names.length);
	return (bootstrap: Part) => {
		for (const { change } of found) change(bootstrap);
	};
};

describe("a real Envoy with", () => {
	// Such an Envoy has no listener yet: it waits for its routes.
	const waiting = "routes that never come";
	test.each(CASES.filter(({ broken, dataOnly }) => !dataOnly && broken !== waiting))(
		"$broken",
		async ({ change, expect: expected }) => {
			const answer = await findings(await start(change));
			expect(answer.findings.map(({ id }) => id)).toEqual(expected.map(([id]) => id));
			for (const [index, [, place]] of expected.entries()) expect(answer.findings[index].place).toMatch(place);
			const grave = answer.findings.some(({ severity }) => severity !== "notice");
			expect(answer.code).toBe(grave ? 4 : 0);
			expect(answer).toMatchObject({
				subject: expect.stringMatching(/^Envoy 1\.\d+\.\d+, \d listeners?$/),
				accepted: 0,
			});
		},
	);
});

test("configuration that is delivered piece by piece: listeners, clusters, routes, filters, secrets", async () => {
	const deliver = (name: string, type: string, ...resources: object[]) => {
		const typed = resources.map((resource) => ({ "@type": `type.googleapis.com/envoy.${type}`, ...resource }));
		const file = workspace.write(`${name}.json`, JSON.stringify({ version_info: "1", resources: typed }));
		return { resource_api_version: "V3", path_config_source: { path: file } };
	};
	const answer = await findings(
		await start((bootstrap) => {
			const manager = managerOf(bootstrap);
			const filter = manager.http_filters[0];
			const extension = { name: filter.name, typed_config: { ...filter.typed_config, failure_mode_allow: true } };
			filter.config_discovery = {
				config_source: deliver("ecds", "config.core.v3.TypedExtensionConfig", extension),
				type_urls: ["type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"],
			};
			delete filter.typed_config;
			const table = { ...manager.route_config, name: "table" };
			table.virtual_hosts[0].routes.unshift({
				...{ name: "open", match: { prefix: "/open" }, route: { cluster: "service" } },
				typed_per_filter_config: {
					[filter.name]: { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true },
				},
			});
			manager.rds = {
				route_config_name: "table",
				config_source: deliver("rds", "config.route.v3.RouteConfiguration", table),
			};
			delete manager.route_config;
			const common = callersTlsOf(bootstrap).common_tls_context;
			const secret = { name: "own", tls_certificate: common.tls_certificates[0] };
			const sds = deliver("sds", "extensions.transport_sockets.tls.v3.Secret", secret);
			common.tls_certificate_sds_secret_configs = [{ name: "own", sds_config: sds }];
			delete common.tls_certificates;
			const { listeners, clusters } = bootstrap.static_resources;
			bootstrap.dynamic_resources = {
				lds_config: deliver("lds", "config.listener.v3.Listener", ...listeners),
				cds_config: deliver("cds", "config.cluster.v3.Cluster", ...clusters),
			};
			delete bootstrap.static_resources;
		}),
	);
	expect(answer.findings.map(({ id, place }) => [id, place])).toEqual([
		["authorization_disabled", "listener inbound, virtual host service, route open"],
		["fail_open", "listener inbound, envoy.filters.http.ext_authz"],
	]);
});

test("nothing wrong: one line, and exit 0", async () => {
	const { code, out, err } = await doctor("--envoy", await start(() => {}));
	expect({ code, err }).toEqual({ code: 0, err: "" });
	expect(out).toMatch(/^Envoy 1\.\d+\.\d+, 1 listener: nothing is wrong\n$/);
});

test("a table for people, each cure once, and a total", async () => {
	const url = await start(broken("failure_mode_allow", "no retry", "metadata"));
	const { code, out } = await doctor("--envoy", url);
	expect(code).toBe(4);
	const lines = out.split("\n").map((line) => line.split(/ {2,}/));
	const place = "listener inbound, envoy.filters.http.ext_authz";
	expect(lines.slice(0, 4)).toMatchObject([
		["SEVERITY", "FINDING", "WHERE", "WHAT IS WRONG"],
		["danger", "fail_open", place, expect.stringContaining("pass unjudged")],
		["warning", "retry_missing", place, expect.any(String)],
		["notice", "metadata_sent", place, expect.any(String)],
	]);
	expect(lines[5]).toEqual(["FINDING", "HOW TO MEND IT"]);
	expect(lines[6]).toEqual(["fail_open", expect.stringContaining("set failure_mode_allow: false")]);
	expect(out).toMatch(/\nEnvoy 1\.\d+\.\d+, 1 listener: 1 danger, 1 warning, 1 notice\n$/);
});

test("what is accepted is left out and counted, for all listeners or for one", async () => {
	const url = await start(broken("a TCP proxy", "no retry"));
	expect(await findings(url, "--accept", "retry_missing", "tcp_unguarded@second")).toMatchObject({
		code: 0,
		findings: [],
		accepted: 2,
	});
	const other = await findings(url, "--accept", "retry_missing", "--accept", "tcp_unguarded@third");
	expect(other).toMatchObject({ code: 4, findings: [{ id: "tcp_unguarded", listener: "second" }] });
	expect((await doctor("--envoy", url, "--accept", "retry_missing", "tcp_unguarded")).out).toMatch(
		/nothing is wrong, 2 accepted\n$/,
	);
});

test.each<[string, string[], RegExp]>([
	["no URL", ["--envoy", "localhost"], /http:\/\/HOST:PORT/],
	["another protocol", ["--envoy", "ftp://127.0.0.1"], /http:\/\/HOST:PORT/],
	["credentials", ["--envoy", "http://user:hunter2@127.0.0.1"], /without credentials/],
	[
		"a finding that there is not",
		["--envoy", "http://127.0.0.1", "--accept", "x"],
		/There is no finding x; .*findings\.md/,
	],
])("wrong usage is exit 2: %s", async (_what, argv, message) => {
	const { code, err } = await doctor(...argv);
	expect(code).toBe(2);
	expect(err).toMatch(message);
});

test("nobody there is exit 7", async () => {
	const url = await start(() => {});
	await envoy?.stop();
	const { code, err } = await doctor("--envoy", url);
	expect(code).toBe(7);
	expect(err).toMatch(/^error: http:\/\/127\.0\.0\.1:\d+\/config_dump\?include_eds cannot be read: ECONNREFUSED\n$/);
});
