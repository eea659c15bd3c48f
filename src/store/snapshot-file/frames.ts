/**
 * Sections are made of frames: the length of what follows (32 bits, little endian), and a JSON text, deflated (RFC 1951).
 * Frames are small, so that one is packed or unpacked in a time that no request notices, without a thread of its own.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { LIMITS } from "../../core/limits.ts";

export function packFrame(text: string): Buffer {
	const body = deflateRawSync(text, FAST);
	const length = Buffer.alloc(LENGTH_BYTES);
	length.writeUInt32LE(body.length);
	return Buffer.concat([length, body]);
}

/** The values of a section's frames, unpacked one by one. @throws RangeError, SyntaxError, Error of zlib's */
export function* unpackFrames(section: Buffer): Generator<unknown, void> {
	for (let at = 0; at < section.length; ) {
		const from = at + LENGTH_BYTES;
		at = from + section.readUInt32LE(at);
		if (at > section.length) throw new RangeError("a frame is longer than its section");
		yield JSON.parse(inflateRawSync(section.subarray(from, at), BOUNDED).toString());
	}
}

/** Puts texts together, parted by commas, until they make a frame. */
export class Gatherer {
	#texts: string[] = [];
	#chars = 0;

	/** @returns the texts that are enough for a frame, or null. */
	add(text: string): string | null {
		this.#texts.push(text);
		this.#chars += text.length;
		return this.#chars < FRAME_CHARS ? null : this.take();
	}

	/** What is left; null when nothing is. */
	take(): string | null {
		if (this.#texts.length === 0) return null;
		const text = this.#texts.join(",");
		this.#texts = [];
		this.#chars = 0;
		return text;
	}
}

const LENGTH_BYTES = 4;
const FRAME_CHARS = 32_768;
/** Twice as fast as the default, for a tenth more bytes. */
const FAST = { level: 1 };
/** A buffer that most frames fit into whole. */
const BOUNDED = { maxOutputLength: LIMITS.snapshotFrameBytes, chunkSize: 131_072 };
