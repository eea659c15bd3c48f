/** A stand-in for Firebreak: a gRPC server of Envoy's authorization API that answers as the test says and keeps what it was asked. */
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
	loadPackageDefinition,
	Server,
	ServerCredentials,
	type ServerUnaryCall,
	type ServiceClientConstructor,
	type sendUnaryData,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Authority, Leaf } from "../../demo/pki.ts";

interface WirePeer {
	readonly principal: string;
	readonly certificate: string;
	readonly address: { readonly socketAddress?: { readonly address: string; readonly portValue: number } } | null;
}

/** What tests read of a CheckRequest. */
export interface WireCheck {
	readonly source: WirePeer;
	readonly destination: WirePeer;
	readonly contextExtensions: Readonly<Record<string, string>>;
	readonly tlsSession: { readonly sni: string } | null;
	readonly request: {
		readonly http: {
			readonly method: string;
			readonly path: string;
			readonly host: string;
			readonly headers: Readonly<Record<string, string>>;
			readonly headerMap: { readonly headers: readonly { readonly key: string; readonly rawValue: Buffer }[] } | null;
		};
	};
}

export interface Asked {
	readonly check: WireCheck;
	/** The call's own gRPC metadata: Envoy's trace context, not the caller's. */
	readonly metadata: Readonly<Record<string, unknown>>;
	/** Subject alternative names of who asked; empty without TLS. */
	readonly enforcer: string;
}

/** A CheckResponse, in proto-loader's names. */
export type Answer = Readonly<Record<string, unknown>>;

export interface Authorizer {
	readonly port: number;
	readonly asked: readonly Asked[];
	/** What it answers from now on; at first it allows everything. */
	answerWith(answer: Answer | ((asked: Asked) => Answer)): void;
	stop(): Promise<void>;
}

export const ALLOW: Answer = { status: { code: 0 }, okResponse: {} };

const PROTO = fileURLToPath(new URL("../../proto/", import.meta.url));

/** Starts one on a free port, with mutual TLS when a certificate is given. */
export async function startAuthorizer(tls?: { certificate: Leaf; authority: Authority }): Promise<Authorizer> {
	const definition = loadSync("envoy/service/auth/v3/external_auth.proto", {
		includeDirs: [PROTO],
		longs: String,
		enums: String,
		defaults: true,
		oneofs: true,
	});
	const loaded = loadPackageDefinition(definition) as never as {
		envoy: { service: { auth: { v3: { Authorization: ServiceClientConstructor } } } };
	};
	const asked: Asked[] = [];
	let answer: Answer | ((asked: Asked) => Answer) = ALLOW;
	const server = new Server();
	server.addService(loaded.envoy.service.auth.v3.Authorization.service, {
		Check(call: ServerUnaryCall<{ attributes: WireCheck }, Answer>, callback: sendUnaryData<Answer>) {
			const question: Asked = {
				check: call.request.attributes,
				metadata: call.metadata.getMap(),
				enforcer: call.getAuthContext().sslPeerCertificate?.subjectaltname ?? "",
			};
			asked.push(question);
			callback(null, typeof answer === "function" ? answer(question) : answer);
		},
	});
	const credentials = tls
		? ServerCredentials.createSsl(
				Buffer.from(tls.authority.certificate),
				[{ cert_chain: Buffer.from(tls.certificate.certificate), private_key: Buffer.from(tls.certificate.key) }],
				true,
			)
		: ServerCredentials.createInsecure();
	const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", credentials);
	return {
		port,
		asked,
		answerWith(next) {
			answer = next;
		},
		async stop() {
			server.forceShutdown();
		},
	};
}
