/** A real gRPC client of the server under test. */
import { ChannelCredentials, Client, type ClientOptions, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type ListenAddress, targetOf } from "../../src/extauthz/listen.ts";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";

interface Method {
	readonly path: string;
	readonly requestSerialize: (message: unknown) => Buffer;
	readonly responseDeserialize: (bytes: Buffer) => unknown;
}
const methodsOf = (service: string) => PACKAGE_DEFINITION[service] as unknown as Readonly<Record<string, Method>>;
const CHECK = methodsOf("envoy.service.auth.v3.Authorization").Check as Method;
const HEALTH = methodsOf("grpc.health.v1.Health");
const HEALTH_CHECK = HEALTH.Check as Method;
const WATCH = HEALTH.Watch as Method;

/** A CheckResponse as a proxy decodes it. */
export interface Answer {
	readonly status?: { readonly code?: number };
	readonly okResponse?: unknown;
	readonly deniedResponse?: { readonly status?: { readonly code?: number }; readonly body?: string };
}

export interface TestClient {
	check(message: unknown, metadata?: Readonly<Record<string, string>>): Promise<Answer>;
	/** Sends bytes in place of a CheckRequest. */
	send(bytes: Uint8Array): Promise<Answer>;
	call(path: string): Promise<unknown>;
	/** A number of grpc.health.v1, or the name of the error's code. */
	health(service?: string): Promise<number | string>;
	/** Statuses as they come, until the stream ends. */
	watch(service?: string): { readonly seen: number[]; readonly ended: Promise<void>; cancel(): void };
	close(): void;
}

export const codeName = (error: unknown): string => status[(error as ServiceError).code] ?? String(error);

const TIMEOUT_MS = 60_000;

export function connect(
	address: ListenAddress,
	credentials: ChannelCredentials = ChannelCredentials.createInsecure(),
	options: ClientOptions = {},
): TestClient {
	const client = new Client(targetOf(address), credentials, { "grpc.use_local_subchannel_pool": 1, ...options });
	const unary = (path: string, bytes: Buffer, read: (bytes: Buffer) => unknown, metadata = new Metadata()) =>
		new Promise<unknown>((resolve, reject) => {
			const deadline = Date.now() + TIMEOUT_MS;
			const done = (error: ServiceError | null, value?: unknown) => (error ? reject(error) : resolve(value));
			client.makeUnaryRequest(path, (same: Buffer) => same, read, bytes, metadata, { deadline }, done);
		});
	return {
		check: (message, entries = {}) => {
			const metadata = new Metadata();
			for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
			const bytes = CHECK.requestSerialize(message);
			return unary(CHECK.path, bytes, CHECK.responseDeserialize, metadata) as Promise<Answer>;
		},
		send: (bytes) => unary(CHECK.path, Buffer.from(bytes), CHECK.responseDeserialize) as Promise<Answer>,
		call: (path) => unary(path, Buffer.alloc(0), (bytes) => bytes),
		health: async (service = "") => {
			try {
				const bytes = HEALTH_CHECK.requestSerialize({ service });
				return ((await unary(HEALTH_CHECK.path, bytes, HEALTH_CHECK.responseDeserialize)) as { status: number }).status;
			} catch (error) {
				return codeName(error);
			}
		},
		watch: (service = "") => {
			const seen: number[] = [];
			const stream = client.makeServerStreamRequest(
				WATCH.path,
				WATCH.requestSerialize,
				(bytes) => WATCH.responseDeserialize(bytes) as { status: number },
				{ service },
			);
			stream.on("data", (answer: { status: number }) => seen.push(answer.status));
			const ended = new Promise<void>((resolve) => {
				stream.once("end", resolve);
				stream.once("error", () => resolve());
			});
			return { seen, ended, cancel: () => stream.cancel() };
		},
		close: () => client.close(),
	};
}
