/** The service definitions, loaded once from proto/. */
import { join } from "node:path";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { LIMITS } from "../core/limits.ts";
import { encodeCheckResponse } from "./encode.ts";
import type { CheckRequest, CheckResponse } from "./wire.ts";

/** The same from src/ and from dist/. */
const PROTO_DIR = join(import.meta.dirname, "../../proto/");

const FILES = ["envoy/service/auth/v3/external_auth.proto", "grpc/health/v1/health.proto"];
export const AUTHORIZATION_SERVICE = "envoy.service.auth.v3.Authorization";
/** The one call of it. */
export const CHECK_PATH = `/${AUTHORIZATION_SERVICE}/Check`;

function loadRoot(): protobuf.Root {
	const root = new protobuf.Root();
	root.resolvePath = (_origin, target) => (target.startsWith("google/protobuf/") ? target : `${PROTO_DIR}${target}`);
	return root.loadSync(FILES);
}

const root = loadRoot();
/** Everything in proto/, as clients load it: camel case, 64-bit numbers as numbers, unset fields absent. */
export const PACKAGE_DEFINITION = fromJSON(root.toJSON(), { longs: Number });

// On the wire the two types are the same. Read as text, a raw header needs no Buffer of its own.
(root.lookupType("envoy.config.core.v3.HeaderValue").fields.rawValue as protobuf.Field).type = "string";
const requestType = root.resolveAll().lookupType("envoy.service.auth.v3.CheckRequest");

/**
 * protobufjs's own takes a text that claims more bytes than its message has for one that ends there, and reads a million header
 * names as patiently as ten, which takes a second.
 */
class StrictReader extends protobuf.BufferReader {
	#texts = 0;

	override string(): string {
		if (++this.#texts > LIMITS.messageTexts) throw new RangeError("too many texts");
		const length = this.uint32();
		const start = this.pos;
		if (start + length > this.len) throw new RangeError("a text beyond the end of its message");
		this.pos = start + length;
		return (this.buf as unknown as Utf8Bytes).utf8Slice(start, this.pos);
	}
}
/** Of Node's Buffer; `toString` takes half as long again. */
interface Utf8Bytes {
	utf8Slice(start: number, end: number): string;
}

const MALFORMED: CheckRequest = Object.freeze({ malformed: true });

/**
 * Decodes a CheckRequest. Bytes that are none give `malformed`, not an error: an error would end the call, and it is
 * the proxy's failure mode, not policy, that answers a call which failed.
 */
export function decodeCheckRequest(bytes: Buffer): CheckRequest {
	try {
		return requestType.decode(new StrictReader(bytes)) as CheckRequest;
	} catch {
		return MALFORMED;
	}
}

/**
 * Authorization as the server serves it. proto-loader's own conversion copies every message once more, which takes about
 * as long as decoding it; encoding by reflection takes several times as long as encode.ts.
 */
export const AUTHORIZATION: ServiceDefinition = {
	Check: {
		...(PACKAGE_DEFINITION[AUTHORIZATION_SERVICE] as ServiceDefinition).Check,
		requestDeserialize: decodeCheckRequest,
		responseSerialize: encodeCheckResponse,
	} as MethodDefinition<CheckRequest, CheckResponse>,
};

export const HEALTH_WATCH_PATH = "/grpc.health.v1.Health/Watch";
export const HEALTH = PACKAGE_DEFINITION["grpc.health.v1.Health"] as ServiceDefinition;
