/** The public listener by itself: what it answers without certificates, when they change, and to floods. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Authority, createAuthority } from "../../demo/pki.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { generateSigningKey, publicHalf } from "../../src/issuing/keys/signing-key.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { readForm } from "../../src/public/form.ts";
import { type PublicOptions, type PublicServer, startPublicServer } from "../../src/public/server.ts";
import { snapshotOf } from "../support/policy-set.ts";
import { until } from "../support/wait.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const ORDERS = "spiffe://prod.example.org/orders";

let folder: string;
let lane: Lane;
const servers: PublicServer[] = [];
const refused: string[] = [];
const failed: unknown[] = [];
const reloads: unknown[] = [];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "firebreak-public-"));
	lane = new Lane();
	for (const list of [refused, failed, reloads]) list.length = 0;
});
afterEach(async () => {
	for (const server of servers.splice(0)) await server.stop();
	rmSync(folder, { recursive: true, force: true });
});

async function start(changes: Partial<PublicOptions> = {}): Promise<PublicServer> {
	const never = async () => {
		throw new Error("not asked for here");
	};
	const server = await startPublicServer({
		address: { kind: "tcp", host: "127.0.0.1", port: 0 },
		tls: null,
		view: () => ({ snapshot: snapshotOf({}), lane, policyConfirmedAt: NOW, laneConfirmedAt: NOW }),
		ages: { maxPolicyAge: 1_000, maxRevocationAge: 1_000 },
		authenticator: { authenticate: never },
		limiter: { take: () => null },
		sign: never,
		register: never,
		newId: () => "x-1",
		clock: () => NOW,
		events: {
			exchanged() {},
			refused: (code, detail) => refused.push(`${code} ${detail}`),
			failed: (error) => failed.push(error),
			tlsReloaded: (error) => reloads.push(error),
		},
		...changes,
	});
	servers.push(server);
	return server;
}

const portOf = ({ address }: PublicServer): number => (address as { port: number }).port;

async function send(request: ReturnType<typeof httpRequest>, body?: string) {
	return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
		request
			.on("response", async (response) => {
				resolve({ status: response.statusCode ?? 0, text: await text(response), headers: response.headers });
			})
			.on("error", reject)
			.end(body);
	});
}

const plain = (server: PublicServer, path: string, method = "GET", body?: string) =>
	send(httpRequest({ host: "127.0.0.1", port: portOf(server), path, method, agent: false, headers: FORM }), body);
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const EXCHANGE = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=a.b.c&audience=payments";

async function publish(domain: string, until: number | null = null): Promise<string> {
	const { kid, jwk } = publicHalf(await generateSigningKey("ES256"));
	lane.restore({ kind: "domain_key", payload: { domain, kid, jwk, from: 0 }, until });
	return kid;
}

describe("without certificates, on loopback or a socket", () => {
	test("keys are published: those that verify, and none in quarantine", async () => {
		const server = await start();
		const [a, b, over] = [await publish("internal"), await publish("partner"), await publish("partner", NOW)];
		const kids = async (query = "x=1") => {
			const { keys } = JSON.parse((await plain(server, `/.well-known/jwks.json?${query}`)).text);
			return (keys as { kid: string }[]).map(({ kid }) => kid);
		};
		expect([await kids("domain=internal"), await kids("domain=partner")]).toEqual([[a], [b]]);
		expect([await kids("domain=inter%6eal"), await kids("domain=nowhere"), await kids("domain=")]).toEqual([
			[a],
			[],
			[],
		]);
		expect((await plain(server, "/.well-known/jwks.json?domain=internal&domain=partner")).status).toBe(400);
		expect(await kids()).toEqual([a, b].toSorted());
		expect(await kids()).not.toContain(over);
		lane.restore({ kind: "quarantine", payload: { kind: "key", name: a }, until: null });
		expect(await kids()).toEqual([b]);
	});

	test("no token is exchanged: a certificate is needed", async () => {
		const server = await start();
		expect(await plain(server, "/oauth/token", "POST", EXCHANGE)).toMatchObject({
			status: 401,
			text: expect.stringContaining("invalid_client"),
		});
		expect(refused).toEqual(["invalid_client no_certificate"]);
		const path = join(folder, "public.sock");
		const socket = await start({ address: { kind: "unix", path } });
		expect(socket.address).toEqual({ kind: "unix", path });
		const answer = await send(
			httpRequest({ socketPath: path, path: "/oauth/token", method: "POST", headers: FORM }),
			EXCHANGE,
		);
		expect(answer.status).toBe(401);
	});

	test.each([
		"/",
		"/oauth",
		"/oauth/token/",
		"/OAUTH/token",
		"/%6fauth/token",
		"//oauth/token",
		"/.well-known/jwks.json/",
	])("%s is nothing", async (path) => {
		expect((await plain(await start(), path, "POST", EXCHANGE)).status).toBe(404);
	});

	test("what is no HTTP is closed, and nothing falls over", async () => {
		const server = await start();
		await new Promise((resolve) => {
			const socket = connect(portOf(server), "127.0.0.1", () => socket.write("\u0016\u0003\u0001 planted\r\n\r\n"));
			socket
				.on("close", resolve)
				.on("error", () => {})
				.resume();
		});
		expect((await plain(server, "/.well-known/jwks.json")).status).toBe(200);
	});

	test("an address that is taken, or a folder that is not there, keeps it from starting", async () => {
		const taken = portOf(await start());
		await expect(start({ address: { kind: "tcp", host: "127.0.0.1", port: taken } })).rejects.toMatchObject({
			code: "config_invalid",
			problems: [{ object: "FIREBREAK_PUBLIC_ADDR" }],
		});
		const tls = { cert: join(folder, "none"), key: join(folder, "none"), clientCa: join(folder, "none") };
		await expect(start({ tls })).rejects.toMatchObject({ problems: [{ object: "FIREBREAK_PUBLIC_TLS_CERT" }] });
	});
});

describe("with certificates", () => {
	const files = () => ({ cert: join(folder, "cert"), key: join(folder, "key"), clientCa: join(folder, "ca") });
	const write = async (authority: Authority) => {
		const leaf = await authority.issue({ dns: ["firebreak"] });
		const { cert, key, clientCa } = files();
		for (const [path, content] of [
			[cert, leaf.certificate],
			[key, leaf.key],
			[clientCa, authority.certificate],
		] as const) {
			writeFileSync(`${path}.new`, content);
			renameSync(`${path}.new`, path);
		}
	};
	const secure = async (server: PublicServer, authority: Authority, path: string, method = "GET", by = authority) => {
		const { certificate: cert, key } = await by.issue({ uris: [ORDERS] });
		const place = { host: "127.0.0.1", port: portOf(server), path, method, agent: false, headers: FORM };
		const tls = { ca: authority.certificate, servername: "firebreak", cert, key };
		return send(httpsRequest({ ...place, ...tls }), method === "POST" ? EXCHANGE : undefined);
	};

	test("new ones are taken while it runs; those of the old authority count no more, and broken ones change nothing", async () => {
		const [old, fresh] = [await createAuthority("old"), await createAuthority("fresh")];
		await write(old);
		const server = await start({ tls: files(), tlsReloadMs: 20 });
		// The policy knows no such workload: its certificate was taken.
		expect((await secure(server, old, "/oauth/token", "POST")).status).toBe(400);
		await write(fresh);
		await until("they are taken", () => reloads.includes(null));
		expect((await secure(server, fresh, "/oauth/token", "POST")).status).toBe(400);
		refused.length = 0;
		expect((await secure(server, fresh, "/oauth/token", "POST", old)).status).toBe(401);
		expect(refused).toEqual(["invalid_client no_certificate"]);
		writeFileSync(files().key, "broken");
		await until("it is told", () => reloads.some((told) => told instanceof Error));
		expect((await secure(server, fresh, "/.well-known/jwks.json")).status).toBe(200);
		await expect(secure(server, old, "/.well-known/jwks.json")).rejects.toThrow();
	});

	test("one workload's flood spends its own budget", async () => {
		const authority = await createAuthority();
		await write(authority);
		const limiter = new MemoryLimiter({ stopwatch: () => 0, liveServers: () => 1 });
		const server = await start({ tls: files(), limiter });
		const statuses: number[] = [];
		const leaf = await authority.issue({ uris: [ORDERS] });
		const other = await authority.issue({ uris: ["spiffe://prod.example.org/other"] });
		const ask = (by: typeof leaf) =>
			send(
				httpsRequest({
					host: "127.0.0.1",
					port: portOf(server),
					path: "/oauth/token",
					method: "POST",
					agent: false,
					headers: FORM,
					ca: authority.certificate,
					servername: "firebreak",
					cert: by.certificate,
					key: by.key,
				}),
				"grant_type=x",
			);
		for (let asked = 0; asked <= LIMITS.exchangesBurst; asked++) statuses.push((await ask(leaf)).status);
		expect(statuses.slice(0, -1).every((status) => status === 400)).toBe(true);
		expect(statuses.at(-1)).toBe(429);
		expect((await ask(leaf)).headers["retry-after"]).toBe("1");
		expect((await ask(other)).status).toBe(400);
	});
});

describe("a form", () => {
	const read = (body: string, type = FORM["content-type"]) => {
		const form = readForm(type, Buffer.from(body));
		return form && Object.fromEntries(form);
	};

	test.each([
		["a=b&c=d", { a: "b", c: "d" }],
		["", {}],
		["a=", { a: "" }],
		["a=%20+%C3%A9", { a: "  é" }],
		["a=b=c", { a: "b=c" }],
	])("%j is %j", (body, fields) => {
		expect(read(body)).toEqual(fields);
		expect(read(body, "Application/X-WWW-Form-Urlencoded; charset=UTF-8")).toEqual(fields);
	});

	test.each([
		"a=b&a=b",
		"a=b&%61=c",
		"a",
		"&",
		"a=b&",
		"=b",
		"a=%",
		"a=%f",
		"a=%ff",
		"a=%0a",
		"a=\u0000",
		"a=é",
		"a b=c",
	])("%j is none", (body) => {
		expect(read(body)).toBeNull();
	});

	test.each([
		undefined,
		"",
		"application/json",
		"application/x-www-form-urlencoded; charset=utf-16",
		"multipart/form-data",
	])("of type %j is none", (type) => {
		expect(readForm(type, Buffer.from("a=b"))).toBeNull();
	});

	test("has few fields", () => {
		const body = (count: number) => Array.from({ length: count }, (_, index) => `f${index}=x`).join("&");
		expect(Object.keys(read(body(32)) ?? {})).toHaveLength(32);
		expect(read(body(33))).toBeNull();
	});

	test("is read as others write it, and never throws", () => {
		const word = fc.string({
			unit: fc.constantFrom("a", "é", " ", "&", "=", "+", "%", "/"),
			minLength: 1,
			maxLength: 8,
		});
		fc.assert(
			fc.property(fc.dictionary(word, word, { maxKeys: 8 }), (fields) => {
				expect(read(new URLSearchParams(fields).toString())).toEqual({ ...fields });
			}),
		);
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void readForm(FORM["content-type"], Buffer.from(bytes))),
		);
	});
});
