/** gRPC callers, through a real Envoy: a denial has its gRPC status, whatever the kind of call. */
import { promisify } from "node:util";
import { ChannelCredentials, Client, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunningEnvoy } from "../../demo/envoy.ts";
import { type Edge, startEdge, wordsOf } from "../support/edge.ts";
import { domain, policy, segment } from "../support/policy-set.ts";
import { type Certified, Proxies } from "../support/proxies.ts";
import { spiffe } from "../support/requests.ts";

let proxies: Proxies;
let edge: Edge;
let envoy: RunningEnvoy;
/** The same, and no stream of its lives longer than five seconds: enough for a slow machine to open one. */
let hasty: RunningEnvoy;
let orders: Certified;

beforeAll(async () => {
	proxies = await Proxies.create();
	orders = await proxies.certify("orders", { uris: [spiffe("orders")] });
	edge = await startEdge({
		rows: {
			domains: [domain({ name: "internal", flow: "mtls" }), domain({ name: "secret", flow: "mtls", hidden: true })],
			segments: [segment({ name: "orders" }), segment({ name: "rpc" }), segment({ name: "vault", domain: "secret" })],
			policies: [
				policy({ name: "calls", source: "orders", destination: "rpc", grpc: ["demo.Echo/Say", "demo.Echo/Watch"] }),
			],
		},
	});
	proxies.defer(edge.stop);
	const rpc = await startRpc();
	proxies.defer(rpc.stop);
	const sidecars = await Promise.all(
		["rpc", "vault"].map(async (name) => ({
			name,
			files: (await proxies.certify(name, { uris: [spiffe(name)], dns: ["localhost"] })).files,
			upstreamPort: rpc.port,
			upstreamProtocol: "h2" as const,
		})),
	);
	const setting = { sidecars, firebreak: { port: edge.port } };
	envoy = await proxies.start(setting);
	hasty = await proxies.start({ ...setting, maxStreamDurationMs: 5_000 });
});
afterAll(async () => {
	await proxies?.stop();
});

const lastAnswer = () => wordsOf((edge.judged.at(-1) as Edge["judged"][number]).decision);

const same = (bytes: Buffer) => bytes;

async function withClient<Result>(
	port: number,
	certificate: Certified | null,
	use: (client: Client) => Promise<Result>,
) {
	const root = Buffer.from(proxies.authority.certificate);
	const credentials = certificate
		? ChannelCredentials.createSsl(root, Buffer.from(certificate.key), Buffer.from(certificate.certificate))
		: ChannelCredentials.createSsl(root);
	const client = new Client(`127.0.0.1:${port}`, credentials, {
		"grpc.ssl_target_name_override": "localhost",
	});
	try {
		return await use(client);
	} finally {
		client.close();
	}
}

type Ended = { readonly code: string; readonly details: string; readonly messages: number };
const ended = (error: ServiceError | null, messages: number): Ended => ({
	code: status[error?.code ?? 0] as string,
	details: error?.details ?? "",
	messages,
});

/** By each kind of call that there is. */
const CALLS: Readonly<Record<string, (client: Client, path: string) => Promise<Ended>>> = {
	unary: (client, path) =>
		new Promise((resolve) => {
			client.makeUnaryRequest(path, same, same, Buffer.from("x"), (error, reply) =>
				resolve(ended(error, reply ? 1 : 0)),
			);
		}),
	"server streaming": (client, path) => streamed(client.makeServerStreamRequest(path, same, same, Buffer.from("x"))),
	"client streaming": (client, path) =>
		new Promise((resolve) => {
			const call = client.makeClientStreamRequest(path, same, same, (error, reply) =>
				resolve(ended(error, reply ? 1 : 0)),
			);
			call.on("error", () => {});
			call.write(Buffer.from("x"));
		}),
	"bidirectional streaming": (client, path) => {
		const call = client.makeBidiStreamRequest(path, same, same);
		call.write(Buffer.from("x"));
		return streamed(call);
	},
};

function streamed(call: NodeJS.ReadableStream): Promise<Ended> {
	let messages = 0;
	return new Promise((resolve) => {
		call.on("data", () => messages++);
		call.on("error", (error) => resolve(ended(error as ServiceError, messages)));
		call.on("end", () => setImmediate(() => resolve(ended(null, messages))));
	});
}

test("that are allowed get their answers", async () => {
	const [one, many] = await withClient(hasty.port("rpc"), orders, async (client) => [
		await CALLS.unary?.(client, "/demo.Echo/Say"),
		await CALLS["server streaming"]?.(client, "/demo.Echo/Watch"),
	]);
	expect(one).toEqual({ code: "OK", details: "", messages: 1 });
	// Until max_stream_duration cut it off.
	expect(many).toMatchObject({ code: "INTERNAL", details: expect.stringContaining("RST_STREAM") });
	expect(many?.messages).toBeGreaterThan(0);
});

describe.each(Object.keys(CALLS))("%s", (kind) => {
	const refused = (name: string, certificate: Certified | null, path: string) =>
		withClient(envoy.port(name), certificate, (client) => (CALLS[kind] as (typeof CALLS)[string])(client, path));

	test.each([
		["by policy", "rpc", true, "/demo.Echo/Erase", "no_policy", "PERMISSION_DENIED"],
		["for want of a certificate", "rpc", false, "/demo.Echo/Say", "identity_missing", "UNAUTHENTICATED"],
		["since they must not even know", "vault", true, "/demo.Echo/Say", "crossing_missing", "UNIMPLEMENTED"],
		["as ambiguous", "rpc", true, "/demo.Echo//Say", "ambiguous_request double_slash", "INTERNAL"],
	] as const)("refused %s", async (_why, name, certified, path, answer, code) => {
		const { details, ...rest } = await refused(name, certified ? orders : null, path);
		expect([rest, lastAnswer()]).toMatchObject([{ code, messages: 0 }, expect.stringContaining(answer)]);
		// The problem document, which tells nothing of policies.
		expect(JSON.parse(details)).toEqual({
			type: expect.any(String),
			title: expect.any(String),
			status: expect.any(Number),
			decision: expect.any(String),
		});
	});
});

/** Say answers once, Watch until it is cancelled. */
async function startRpc() {
	const same = (bytes: Buffer) => bytes;
	const method = (path: string, responseStream: boolean) => ({
		...{ path, requestStream: false, responseStream },
		...{ requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same },
	});
	const server = new Server();
	server.addService(
		{ Say: method("/demo.Echo/Say", false), Watch: method("/demo.Echo/Watch", true) },
		{
			Say: (call: { request: Buffer }, reply: (error: null, bytes: Buffer) => void) => reply(null, call.request),
			Watch: (call: NodeJS.EventEmitter & { request: Buffer; write(bytes: Buffer): void }) => {
				call.write(call.request);
				const timer = setInterval(() => call.write(call.request), 50);
				call.on("cancelled", () => clearInterval(timer));
			},
		},
	);
	const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", ServerCredentials.createInsecure());
	return { port, stop: () => server.forceShutdown() };
}
