/** A stand-in for SPIRE's agent: secrets over its socket, as Envoy asks for them (SDS), and new ones while it runs. */
import path from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Leaf } from "../../demo/pki.ts";

/** A certificate with its key, or an authority's certificate; PEM. */
export type Secret = Pick<Leaf, "certificate" | "key"> | { readonly authority: string };

/** What SPIRE knows: the workload's own certificate by its SPIFFE ID, the authority's by the trust domain. */
export type Secrets = ReadonlyMap<string, Secret>;

export interface SecretServer {
	/** Tells every proxy that listens. */
	renew(secrets: Secrets): void;
	/** Names that were asked for. */
	asked(): ReadonlySet<string>;
	stop(): void;
}

const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

interface Request {
	readonly resourceNames: readonly string[];
	/** Of the answer that this acknowledges; empty for a first question. */
	readonly responseNonce: string;
}

type Stream = ServerDuplexStream<Request, object>;

export async function startSecretServer(socketFile: string, secrets: Secrets): Promise<SecretServer> {
	const root = protobuf.loadSync(path.join(import.meta.dirname, "sds.proto"));
	const [request, response, secret] = ["DiscoveryRequest", "DiscoveryResponse", "Secret"].map((name) =>
		root.lookupType(`sds.${name}`),
	) as [protobuf.Type, protobuf.Type, protobuf.Type];
	const encode = (type: protobuf.Type, value: object) => Buffer.from(type.encode(type.fromObject(value)).finish());
	const listening = new Map<Stream, readonly string[]>();
	const asked = new Set<string>();
	let known = secrets;
	let version = 1;

	function answer(stream: Stream, names: readonly string[]): void {
		const resources = names.flatMap((name) => {
			const found = known.get(name);
			if (!found) return [];
			return [{ typeUrl: SECRET, value: encode(secret, { name, ...contentOf(found) }) }];
		});
		const text = String(version);
		stream.write({ versionInfo: text, resources, typeUrl: SECRET, nonce: text });
	}

	const server = new Server();
	server.addService(
		{
			StreamSecrets: {
				path: "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
				requestStream: true,
				responseStream: true,
				requestDeserialize: (bytes: Buffer) => request.toObject(request.decode(bytes), { defaults: true }) as Request,
				requestSerialize: (value: object) => encode(request, value),
				responseSerialize: (value: object) => encode(response, value),
				responseDeserialize: (bytes: Buffer) => response.decode(bytes),
			},
		},
		{
			StreamSecrets(stream: Stream) {
				stream.on("data", ({ resourceNames, responseNonce }: Request) => {
					for (const name of resourceNames) asked.add(name);
					listening.set(stream, resourceNames);
					if (responseNonce === "") answer(stream, resourceNames);
				});
				stream.on("end", () => {
					listening.delete(stream);
					stream.end();
				});
				stream.on("error", () => listening.delete(stream));
			},
		},
	);
	await promisify(server.bindAsync.bind(server))(`unix:${socketFile}`, ServerCredentials.createInsecure());
	return {
		renew(next) {
			known = next;
			version++;
			for (const [stream, names] of listening) answer(stream, names);
		},
		asked: () => asked,
		stop: () => server.forceShutdown(),
	};
}

const inline = (text: string) => ({ inlineBytes: Buffer.from(text) });

function contentOf(found: Secret): object {
	if ("authority" in found) return { validationContext: { trustedCa: inline(found.authority) } };
	return { tlsCertificate: { certificateChain: inline(found.certificate), privateKey: inline(found.key) } };
}
