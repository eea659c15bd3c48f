/**
 * The baseline: a grpc-js server on the same proto that answers OK and does nothing else. `plain` is what anybody writes
 * first (proto-loader's own codec, channelz as it comes); `lean` has our server's options and codec.
 */
import {
	type GrpcObject,
	loadPackageDefinition,
	Server,
	ServerCredentials,
	type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { AUTHORIZATION, AUTHORIZATION_SERVICE, PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";

const [kind, port] = process.argv.slice(2);
const lean = kind === "lean";
const server = new Server(lean ? { "grpc.enable_channelz": 0 } : {});
const found = AUTHORIZATION_SERVICE.split(".").reduce<unknown>(
	(scope, name) => (scope as GrpcObject)[name],
	loadPackageDefinition(PACKAGE_DEFINITION),
) as ServiceClientConstructor;
const answer = lean
	? { allowed: true, headers: [], headersToRemove: [], metadata: {} }
	: { status: { code: 0 }, okResponse: {} };
server.addService(lean ? AUTHORIZATION : found.service, {
	Check: (_call: unknown, respond: (error: null, response: unknown) => void) => respond(null, answer),
});
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
	if (error) throw error;
	process.stdout.write("ready\n");
});
process.on("SIGTERM", () => process.exit(0));
