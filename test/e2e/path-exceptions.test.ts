/** What `path_exceptions` permit, through a real Envoy: one reading each, for one segment each. */
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import { startUpstream } from "../../demo/upstream.ts";
import type { PathException } from "../../src/core/model.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { domain, policy, segment } from "../support/policy-set.ts";
import { Proxies } from "../support/proxies.ts";
import { sendFrames } from "../support/raw-http2.ts";
import { type RawTarget, sendRaw, statusesOf } from "../support/raw-request.ts";
import { spiffe } from "../support/requests.ts";

const EXCEPTIONS: Readonly<Record<string, readonly PathException[]>> = {
	strict: [],
	slashes: ["encoded_slash"],
	semicolons: ["semicolon"],
	accents: ["utf8"],
};
const NAMES = Object.keys(EXCEPTIONS);
/** One file, in a folder that has no folders; its name is what the reading says that it is. */
const file = (name: string, destination: string, paths: readonly string[], condition: string | null = null) =>
	policy({ name: `${name}-of-${destination}`, source: "orders", destination, paths, condition });

let proxies: Proxies;
let edge: Edge;
let envoy: RunningEnvoy;
/** Requests that reached a service. */
let requests: () => number;
/** Paths that the one got which speaks HTTP/2: Node's HTTP/1.1 takes no bytes outside ASCII. */
let paths: readonly string[];
let target: Omit<RawTarget, "port">;

beforeAll(async () => {
	proxies = await Proxies.create();
	edge = await startEdge({
		rows: {
			domains: [domain({ name: "internal", flow: "mtls" })],
			segments: [
				segment({ name: "orders" }),
				...NAMES.map((name) => segment({ name, path_exceptions: EXCEPTIONS[name] as PathException[] })),
			],
			policies: [
				...NAMES.map((name) => file("plain", name, ["/files/plain"])),
				file("slash", "slashes", ["/files/{name}"], 'params.name == "a/b"'),
				file("parameter", "semicolons", ["/files/{name}"], 'params.name == "a;v=1"'),
				file("accent", "accents", ["/files/%C3%A9"]),
			],
		},
	});
	proxies.defer(edge.stop);
	const upstream = await startUpstream("files");
	proxies.defer(upstream.stop);
	const second = await startHttp2();
	proxies.defer(second.stop);
	paths = second.paths;
	requests = () => upstream.requests() + second.paths.length;
	const sidecars = NAMES.map(async (name) => ({
		name,
		files: (await proxies.certify(name, { uris: [spiffe(name)] })).files,
		...(name === "accents"
			? { upstreamPort: second.port, upstreamProtocol: "h2" as const }
			: { upstreamPort: upstream.port }),
	}));
	envoy = await proxies.start({ sidecars: await Promise.all(sidecars), firebreak: { port: edge.port } });
	const certificate = await proxies.certify("orders", { uris: [spiffe("orders")] });
	target = { authority: proxies.authority.certificate, certificate };
});
afterAll(async () => {
	await proxies?.stop();
});

/** What the segment's sidecar was told, over one version of HTTP; `envoy` when it did not ask. */
async function outcome(name: string, path: string, http: 1 | 2): Promise<string> {
	const [asked, reached] = [edge.judged.length, requests()];
	const at = { ...target, port: envoy.port(name) };
	let statuses: readonly (number | null)[];
	if (http === 1) {
		const text = await sendRaw(
			at,
			Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, "latin1"),
		);
		statuses = statusesOf(text);
		// The service gets what was sent, byte for byte.
		if (statuses[0] === 200 && name !== "accents") expect(text).toContain(`"path":"${path}"`);
	} else {
		const pseudo = [
			[":method", "GET"],
			[":scheme", "https"],
			[":path", path],
			[":authority", "x"],
		] as const;
		statuses = [await sendFrames(at, pseudo)];
	}
	const judged = edge.judged.slice(asked);
	const [only] = judged;
	expect(requests() - reached).toBe(only?.decision.allow ? 1 : 0);
	expect(statuses[0]).toBe(
		only?.decision.allow ? 200 : only?.decision.reason === "ambiguous_request" || !only ? 400 : 403,
	);
	return only ? wordsOf(only.decision) : "envoy";
}

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** A path, what the one segment that needs it says, and what all others say. Over HTTP/1.1 Envoy refuses bytes outside ASCII. */
const CASES: readonly (readonly [segment: string, path: string, permitted: string, elsewhere: string])[] = [
	["slashes", "/files/a%2Fb", "allowed", "ambiguous_request encoded_slash"],
	["slashes", "/files/a%2fb", "allowed", "ambiguous_request encoded_slash"],
	// A slash separates, an escaped one does not.
	["slashes", "/files/a/b", "no_policy", "no_policy"],
	["slashes", "/files%2Fplain", "no_policy", "ambiguous_request encoded_slash"],
	["slashes", "/files/a%2F..%2Fb", "ambiguous_request dot_segment", "ambiguous_request encoded_slash"],
	["slashes", "/files/a%2F%2Fb", "ambiguous_request double_slash", "ambiguous_request encoded_slash"],
	["slashes", "/files/a%5Cb", "ambiguous_request encoded_backslash", "ambiguous_request encoded_backslash"],
	["slashes", "/files/a%252Fb", "ambiguous_request encoded_percent", "ambiguous_request encoded_percent"],
	["semicolons", "/files/a;v=1", "allowed", "ambiguous_request semicolon"],
	// Nothing is cut off: the path without it is another.
	["semicolons", "/files/plain;v=1", "no_policy", "ambiguous_request semicolon"],
	["semicolons", "/files;v=1/plain", "no_policy", "ambiguous_request semicolon"],
	["semicolons", "/files/;v=1", "ambiguous_request semicolon", "ambiguous_request semicolon"],
	["semicolons", "/files/..;/plain", "ambiguous_request dot_segment", "ambiguous_request semicolon"],
	["semicolons", "/files/a%3Bv=1", "ambiguous_request encoded_semicolon", "ambiguous_request encoded_semicolon"],
	["accents", "/files/%c3%a9", "allowed", "no_policy"],
	["accents", "/files/%c0%af", "ambiguous_request escape_not_utf8", "ambiguous_request escape_not_utf8"],
];

describe.each(CASES)("for %s, %s", (needing, path, permitted, elsewhere) => {
	test.each(NAMES.flatMap((name) => [[name, 1] as const, [name, 2] as const]))("at %s, HTTP/%d", async (name, http) => {
		expect(await outcome(name, path, http)).toBe(name === needing ? permitted : elsewhere);
	});
});

describe("characters outside ASCII, as bytes", () => {
	test.each(NAMES)("at %s", async (name) => {
		expect(await outcome(name, bytes("/files/é"), 1)).toBe("envoy");
		expect(await outcome(name, bytes("/files/é"), 2)).toBe(
			name === "accents" ? "allowed" : "ambiguous_request non_ascii",
		);
		if (name === "accents") expect(paths.at(-1)).toBe(bytes("/files/é"));
	});

	test.each([
		["Latin-1", "/files/\xe9"],
		["overlong", "/files/\xc0\xaf"],
	])("that are no UTF-8 are refused all the same: %s", async (_what, path) => {
		expect(await outcome("accents", path, 2)).toBe("ambiguous_request pseudo_header_mismatch");
	});
});

/** A service that speaks HTTP/2 without TLS and keeps the paths that it was asked for. */
async function startHttp2() {
	const paths: string[] = [];
	const server = createServer();
	server.on("stream", (stream, headers) => {
		paths.push(headers[":path"] as string);
		stream.respond({ ":status": 200 }, { endStream: true });
	});
	const sessions = new Set<ServerHttp2Session>();
	server.on("session", (session) => sessions.add(session));
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		paths,
		port: (server.address() as AddressInfo).port,
		async stop() {
			for (const session of sessions) session.destroy();
			server.close();
			await once(server, "close");
		},
	};
}
