/** The sections of a file that is being written: frames that are packed one by one, or bytes of an older file. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Timers } from "../follow/timers.ts";
import { HEADER_BYTES, SECTIONS, type Section, type SectionName, type SnapshotHeader } from "./format.ts";

export class Sink {
	readonly #file: FileHandle;
	readonly #timers: Pick<Timers, "breathe">;
	readonly #signal: AbortSignal | undefined;
	#position = HEADER_BYTES;

	constructor(file: FileHandle, timers: Pick<Timers, "breathe">, signal: AbortSignal | undefined) {
		this.#file = file;
		this.#timers = timers;
		this.#signal = signal;
	}

	/** Packs and writes frames, giving way after each; null is only a rest. Holds no more than a chunk of them. */
	async write<Result>(frames: Generator<Buffer | null, Result>): Promise<{ section: Section; result: Result }> {
		const hash = createHash("sha256");
		const start = this.#position;
		let chunk: Buffer[] = [];
		let size = 0;
		const flush = async () => {
			await this.#append(Buffer.concat(chunk));
			chunk = [];
			size = 0;
		};
		for (;;) {
			const { done, value } = frames.next();
			if (done) {
				await flush();
				return { section: { bytes: this.#position - start, sha256: hash.digest("hex") }, result: value };
			}
			if (value !== null) {
				hash.update(value);
				chunk.push(value);
				size += value.length;
			}
			if (size >= CHUNK_BYTES) await flush();
			await this.#rest();
		}
	}

	/** Copies a section of an older file; null, and nothing written, when it is not there as its header says. */
	async copy(from: FileHandle, { sections }: SnapshotHeader, name: SectionName): Promise<Section | null> {
		const section = sections[name];
		const start = this.#position;
		const hash = createHash("sha256");
		let at = HEADER_BYTES;
		for (const before of SECTIONS.slice(0, SECTIONS.indexOf(name))) at += sections[before].bytes;
		for (let left = section.bytes; left > 0; ) {
			const { bytesRead, buffer } = await from.read(Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES)), { position: at });
			if (bytesRead === 0) break;
			const bytes = buffer.subarray(0, bytesRead);
			hash.update(bytes);
			await this.#append(bytes);
			at += bytesRead;
			left -= bytesRead;
			await this.#rest();
		}
		if (hash.digest("hex") === section.sha256) return section;
		this.#position = start;
		return null;
	}

	/** Ends the file, and puts the header before it. */
	async finish(header: Buffer): Promise<void> {
		await this.#file.truncate(this.#position);
		this.#position = 0;
		await this.#append(header);
	}

	async #append(bytes: Buffer): Promise<void> {
		for (let done = 0; done < bytes.length; ) {
			const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#position);
			done += bytesWritten;
			this.#position += bytesWritten;
		}
	}

	async #rest(): Promise<void> {
		await this.#timers.breathe();
		this.#signal?.throwIfAborted();
	}
}

const CHUNK_BYTES = 262_144;
