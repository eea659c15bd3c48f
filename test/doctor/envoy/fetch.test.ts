/** Reading what claims to be an Envoy: its time, its size, and answers that are none. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type FetchLimits, fetchEnvoy } from "../../../src/doctor/envoy/fetch.ts";
import { certsOf, dumpOf, PAYMENTS, soundBootstrap } from "./bootstraps.ts";

let server: Server | undefined;
afterEach(async () => {
	server?.closeAllConnections();
	server?.close();
	server = undefined;
});

async function listen(answer: RequestListener): Promise<URL> {
	server = createServer(answer).listen(0, "127.0.0.1");
	await once(server, "listening");
	return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const PAGES: Readonly<Record<string, unknown>> = {
	"/config_dump?include_eds": dumpOf(soundBootstrap()),
	"/certs": certsOf({ "/certificates/service.pem": [PAYMENTS] }),
	"/server_info": { version: "9e55809/1.40.0/Clean/RELEASE/BoringSSL" },
};

test("an Envoy, also below a path", async () => {
	const url = await listen(({ url = "" }, response) => {
		response.end(JSON.stringify(PAGES[url.replace("/sidecar", "")]));
	});
	for (const path of ["", "/", "/sidecar", "/sidecar/"]) {
		const envoy = await fetchEnvoy(new URL(path, url));
		expect(envoy.version).toBe("1.40.0");
		expect(envoy.certificates.get("/certificates/service.pem")).toEqual([PAYMENTS]);
		expect(envoy.dump.listeners).toHaveLength(1);
	}
});

describe("is unreachable, and why is said", () => {
	test.each<[string, FetchLimits, RequestListener, RegExp]>([
		["an error", {}, (_, response) => response.writeHead(404).end("no"), /config_dump\?include_eds answers 404$/],
		["a page", {}, (_, response) => response.end("<html>"), /answers, but not as Envoy's admin side does$/],
		["another document", {}, (_, response) => response.end("{}"), /answers, but not as Envoy's admin side does$/],
		[
			"somewhere else",
			{},
			(_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
			/cannot be read: unexpected redirect$/,
		],
		["silence", { answerMs: 50 }, () => {}, /no whole answer within 50 ms$/],
		["half an answer", { answerMs: 50 }, (_, response) => response.write("{"), /no whole answer within 50 ms$/],
		[
			"an answer without end",
			{ answerBytes: 100_000 },
			(_, response) => {
				const more = () => response.write("x".repeat(1_000), more);
				more();
			},
			/answers with more than 100000 bytes$/,
		],
		["a broken connection", {}, (request) => request.socket.destroy(), /cannot be read: /],
	])("%s", async (_what, limits, answer, message) => {
		const error = await fetchEnvoy(await listen(answer), limits).catch((thrown: unknown) => thrown);
		expect(error).toMatchObject({ code: "dependency_unreachable", message: expect.stringMatching(message) });
	});

	test("nobody there", async () => {
		const url = await listen(() => {});
		server?.close();
		await expect(fetchEnvoy(url)).rejects.toThrow(/cannot be read: ECONNREFUSED$/);
	});
});
