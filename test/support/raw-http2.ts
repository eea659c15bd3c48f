/** HTTP/2 requests as an attacker writes them, frame by frame, on a connection of their own. */
import { once } from "node:events";
import { connect } from "node:tls";
import {
	FLAG,
	FRAME,
	type Frame,
	FrameReader,
	frame,
	type HeaderList,
	headerBlock,
	PREFACE,
	settings,
} from "./http2-frames.ts";
import type { RawTarget } from "./raw-request.ts";

/** Sends one request, pseudo-headers included in `headers`; gives the status of the answer, null when it was reset or cut off. */
export async function sendFrames(
	target: RawTarget,
	headers: HeaderList,
	body = "",
	withinMs = 60_000,
): Promise<number | null> {
	const socket = connect({
		host: "127.0.0.1",
		port: target.port,
		ca: target.authority,
		...(target.certificate && { cert: target.certificate.certificate, key: target.certificate.key }),
		ALPNProtocols: ["h2"],
		checkServerIdentity: () => undefined,
	});
	let status: number | null = null;
	const timer = setTimeout(() => socket.destroy(new Error("no answer, and the connection stays open")), withinMs);
	try {
		await once(socket, "secureConnect");
		const last = body === "" ? FLAG.END_STREAM : 0;
		const head = frame(FRAME.HEADERS, FLAG.END_HEADERS | last, 1, headerBlock(headers));
		const data = body === "" ? [] : [frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from(body, "latin1"))];
		socket.write(Buffer.concat([PREFACE, settings(), head, ...data]));
		const reader = new FrameReader();
		for await (const chunk of socket) {
			for (const answer of reader.read(chunk as Buffer)) {
				if (answer.stream === 1 && answer.type === FRAME.HEADERS) status ??= statusOf(answer.payload);
				if (isEnd(answer)) return status;
			}
		}
	} catch (error) {
		// A peer that resets the connection has refused, which is an answer.
		if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
	} finally {
		clearTimeout(timer);
		socket.destroy();
	}
	return status;
}

const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** `:status`, which comes first: from the static table, or three digits under its name (RFC 7541, appendix A). */
function statusOf(block: Buffer): number {
	const [first = 0, length = 0] = block;
	if (first >= 0x80) return STATIC_STATUSES[(first & 0x7f) - 8] ?? Number.NaN;
	const text = block.subarray(2, 2 + (length & 0x7f));
	return Number(length < 0x80 ? text.toString("latin1") : huffmanDigits(text));
}

/** Three digits: 0 to 2 are 5 bits of their value, the others 6 bits from 011001 on (RFC 7541, appendix B). */
function huffmanDigits(bytes: Buffer): string {
	let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
	let digits = "";
	while (digits.length < 3) {
		const short = bits.startsWith("000");
		digits += Number.parseInt(bits.slice(0, short ? 5 : 6), 2) - (short ? 0 : 0b011001 - 3);
		bits = bits.slice(short ? 5 : 6);
	}
	return digits;
}

function isEnd({ type, flags, stream }: Frame): boolean {
	if (type === FRAME.GOAWAY) return true;
	if (stream !== 1) return false;
	return (
		type === FRAME.RST_STREAM || ((type === FRAME.HEADERS || type === FRAME.DATA) && (flags & FLAG.END_STREAM) !== 0)
	);
}
