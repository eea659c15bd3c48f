/** HTTP/2 frames as an attacker or a load generator writes them (RFC 9113), with headers that need no Huffman (RFC 7541). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FRAME = {
	DATA: 0,
	HEADERS: 1,
	RST_STREAM: 3,
	SETTINGS: 4,
	PING: 6,
	GOAWAY: 7,
	WINDOW_UPDATE: 8,
	CONTINUATION: 9,
} as const;
export const FLAG = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4 } as const;
export const SETTING = { ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4 } as const;

export const FRAME_HEADER_BYTES = 9;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
	const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
	bytes.writeUIntBE(payload.length, 0, 3);
	bytes[3] = type;
	bytes[4] = flags;
	bytes.writeUInt32BE(stream, 5);
	bytes.set(payload, FRAME_HEADER_BYTES);
	return bytes;
}

export function settings(values: readonly (readonly [id: number, value: number])[] = []): Buffer {
	const payload = Buffer.alloc(values.length * 6);
	for (const [index, [id, value]] of values.entries()) {
		payload.writeUInt16BE(id, index * 6);
		payload.writeUInt32BE(value, index * 6 + 2);
	}
	return frame(FRAME.SETTINGS, 0, 0, payload);
}

export function uint32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
}

export const windowUpdate = (stream: number, increment: number) =>
	frame(FRAME.WINDOW_UPDATE, 0, stream, uint32(increment));
export const reset = (stream: number, code: number) => frame(FRAME.RST_STREAM, 0, stream, uint32(code));

/** A gRPC message with its prefix. */
export function grpcMessage(message: Uint8Array): Buffer {
	const bytes = Buffer.alloc(5 + message.length);
	bytes.writeUInt32BE(message.length, 1);
	bytes.set(message, 5);
	return bytes;
}

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** A header block without any reference to a table: the same for each stream of each connection. */
export function headerBlock(headers: HeaderList, firstByte = 0x00): Buffer {
	return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([firstByte]), text(name), text(value)]));
}

function text(value: string): Buffer {
	const bytes = Buffer.from(value, "latin1");
	return Buffer.concat([prefixedInteger(bytes.length), bytes]);
}

/** An integer with a prefix of 7 bits (RFC 7541, 5.1). */
function prefixedInteger(value: number): Buffer {
	if (value < 127) return Buffer.from([value]);
	const bytes = [127];
	let rest = value - 127;
	for (; rest > 127; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
	return Buffer.from([...bytes, rest]);
}

/**
 * Header blocks as a proxy sends them: the first on a connection puts every header into the table, the others refer to it.
 * At most some 40 short headers, all of which stay in the table (4,096 bytes).
 */
export function indexedHeaderBlocks(headers: HeaderList): { readonly first: Buffer; readonly next: Buffer } {
	const STATIC_ENTRIES = 61;
	const next = Buffer.from(headers.map((_, index) => 0x80 | (STATIC_ENTRIES + headers.length - index)));
	return { first: headerBlock(headers, 0x40), next };
}

/** What a proxy sends with each Check. */
export const checkHeaders = (more: HeaderList = []): HeaderList => [
	[":method", "POST"],
	[":scheme", "http"],
	[":path", "/envoy.service.auth.v3.Authorization/Check"],
	[":authority", "firebreak"],
	["content-type", "application/grpc"],
	["te", "trailers"],
	...more,
];

export interface Frame {
	readonly type: number;
	readonly flags: number;
	readonly stream: number;
	readonly payload: Buffer;
}

/** Cuts what comes over a connection into frames. */
export class FrameReader {
	#rest: Buffer = Buffer.alloc(0);

	*read(chunk: Buffer): Generator<Frame> {
		let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
		while (bytes.length >= FRAME_HEADER_BYTES) {
			const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
			if (bytes.length < end) break;
			yield {
				type: bytes[3]!,
				flags: bytes[4]!,
				stream: bytes.readUInt32BE(5) & 0x7fff_ffff,
				payload: bytes.subarray(FRAME_HEADER_BYTES, end),
			};
			bytes = bytes.subarray(end);
		}
		this.#rest = bytes;
	}
}
