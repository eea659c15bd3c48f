/** What a call leaves behind: its streams live until the next major collection, and nothing else of it should. */

import type { ServerHttp2Stream } from "node:http2";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { expect, test } from "@jest/globals";
import { begin } from "../../src/extauthz/calls.ts";
import { guard } from "../../src/extauthz/http2-guard.ts";
import { bind } from "../../src/extauthz/listen.ts";
import { AUTHORIZATION, CHECK_PATH } from "../../src/extauthz/proto.ts";
import { checkRequest } from "../support/check-requests.ts";
import { connect } from "./client.ts";
import { ALLOWED, LOOPBACK, until } from "./harness.ts";

interface Handled {
	readonly request: unknown;
	readonly metadata: unknown;
	readonly call: { readonly stream: ServerHttp2Stream } | null;
}

test("a call that is over lets go of its request, whoever still holds its stream", async () => {
	const server = new Server({ "grpc.enable_channelz": 0 });
	const ended: boolean[] = [];
	const guarded = guard(server, {
		path: CHECK_PATH,
		endless: "",
		admit: () => null,
		ended: (begun) => ended.push(begun),
		stopwatch: () => 7,
		onDrop: () => {},
	});
	const calls: { call: Handled; stream: ServerHttp2Stream; arrivedAt: number | undefined }[] = [];
	server.addService(AUTHORIZATION, {
		Check: (call: Handled, respond: (error: null, answer: unknown) => void) => {
			expect(call.request).not.toBeNull();
			calls.push({ call, stream: call.call!.stream, arrivedAt: begin(call) });
			respond(null, ALLOWED);
		},
	} as unknown as UntypedServiceImplementation);
	const client = connect(await bind(server, LOOPBACK, ServerCredentials.createInsecure()));
	try {
		expect((await client.check(checkRequest())).deniedResponse).toBeUndefined();
		await until(() => ended.length === 1);
		expect(ended).toEqual([true]);
		const [{ call, stream, arrivedAt }] = calls as [(typeof calls)[0]];
		expect(arrivedAt).toBe(7);
		expect([call.request, call.metadata, call.call]).toEqual([null, null, null]);
		// An error without a listener would end the process.
		expect(stream.eventNames()).toEqual(["error"]);
		expect(() => stream.emit("error", new Error("late"))).not.toThrow();
	} finally {
		client.close();
		guarded.stop();
		server.forceShutdown();
	}
});
