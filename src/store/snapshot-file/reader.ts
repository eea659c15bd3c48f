/** Reads snapshot files. Nothing of a file is handed out before all of it was held against its checksums. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { FirebreakError } from "../../core/errors.ts";
import type { Lane } from "../../core/lane/lane.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PolicySet } from "../../core/model.ts";
import type { Timers } from "../follow/timers.ts";
import { decodeHeader, HEADER_BYTES, refusal, SECTIONS, type SectionName, type SnapshotHeader } from "./format.ts";
import { readLane, readObjects, readPolicies } from "./sections.ts";

export interface ReadOptions {
	readonly timers: Pick<Timers, "breathe">;
	/** Called when the header is known; what it throws ends the reading. */
	readonly onHeader?: (header: SnapshotHeader) => void;
	/** Called with the number of policies handed out so far, once a frame. */
	readonly progress?: (policies: number) => void;
	readonly signal?: AbortSignal;
}

export interface SnapshotFile {
	readonly header: SnapshotHeader;
	readonly bytes: number;
	/** Policies are unpacked as they are asked for. The checksum was right, but whether rows are sound the compiler says. */
	readonly set: PolicySet;
	/** Builds the lane, giving way now and then. */
	readonly lane: () => Generator<void, Lane>;
}

/**
 * @throws FirebreakError not_found when there is no such file; snapshot_invalid when it is damaged, of another format or
 *   cannot be read. The iterators of the answer throw that, too, when sections hold what no Firebreak writes.
 */
export async function readSnapshotFile(path: string, options: ReadOptions): Promise<SnapshotFile> {
	const file = await openFile(path);
	try {
		const { size } = await file.stat();
		const header = decodeHeader(await readBytes(file, 0, Math.min(size, HEADER_BYTES), options), path);
		options.onHeader?.(header);
		checkSize(size, header, path);
		const sections: Partial<Record<SectionName, Buffer>> = {};
		let at = HEADER_BYTES;
		for (const name of SECTIONS) {
			const { bytes, sha256 } = header.sections[name];
			const hash = createHash("sha256");
			const section = await readBytes(file, at, bytes, options, (chunk) => hash.update(chunk));
			if (section.length < bytes || hash.digest("hex") !== sha256) {
				throw refusal(path, `its section ${name} was altered or damaged: the checksum differs`);
			}
			sections[name] = section;
			at += bytes;
		}
		return await assemble(path, header, sections as Record<SectionName, Buffer>, options);
	} catch (error) {
		throw isSystemError(error) ? unreadable(path, error) : error;
	} finally {
		await file.close();
	}
}

async function assemble(
	path: string,
	header: SnapshotHeader,
	{ objects, policies, lane }: Record<SectionName, Buffer>,
	{ timers, progress, signal }: ReadOptions,
): Promise<SnapshotFile> {
	const reading = sound(path, readObjects(objects));
	let step = reading.next();
	for (; !step.done; step = reading.next()) {
		await timers.breathe();
		signal?.throwIfAborted();
	}
	return {
		header,
		bytes: HEADER_BYTES + SECTIONS.reduce((sum, name) => sum + header.sections[name].bytes, 0),
		set: {
			epoch: header.epoch,
			revision: header.revision,
			owners: [],
			...step.value,
			policies: { [Symbol.iterator]: () => sound(path, readPolicies(policies, progress)) },
		},
		lane: () => sound(path, readLane(lane, header.seq)),
	};
}

/** Whoever writes such a file makes its checksums right, too; so its content gets the same answer as damage. */
function* sound<T, Result>(path: string, rows: Generator<T, Result>): Generator<T, Result> {
	try {
		return yield* rows;
	} catch (cause) {
		throw refusal(path, "its checksums are right, but no Firebreak wrote what stands in it", undefined, cause);
	}
}

function checkSize(size: number, { sections }: SnapshotHeader, path: string): void {
	const expected = SECTIONS.reduce((sum, name) => sum + sections[name].bytes, HEADER_BYTES);
	if (expected > LIMITS.snapshotFileBytes) throw refusal(path, `it is longer than ${LIMITS.snapshotFileBytes} bytes`);
	if (size < expected) throw refusal(path, `it was cut off: ${size} of ${expected} bytes are there`);
	if (size > expected) throw refusal(path, `something was added to it: ${size} bytes in place of ${expected}`);
}

async function openFile(path: string): Promise<FileHandle> {
	try {
		// A pipe would be waited for.
		const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
		if ((await file.stat()).isFile()) return file;
		await file.close();
	} catch (error) {
		throw isSystemError(error) ? unreadable(path, error) : error;
	}
	throw refusal(path, "it is no file", "name a file");
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
	(error as NodeJS.ErrnoException).syscall !== undefined;

function unreadable(path: string, error: NodeJS.ErrnoException): FirebreakError {
	const { code } = error;
	if (code === "ENOENT") return new FirebreakError("not_found", `there is no snapshot file ${path}`);
	return refusal(path, `it cannot be read (${code})`, "let this user read it", error);
}

/** Fewer bytes come when the file is shorter. */
async function readBytes(
	file: FileHandle,
	from: number,
	length: number,
	{ timers, signal }: ReadOptions,
	onChunk: (chunk: Buffer) => void = () => undefined,
): Promise<Buffer> {
	const bytes = Buffer.allocUnsafe(length);
	let done = 0;
	while (done < length) {
		signal?.throwIfAborted();
		const { bytesRead } = await file.read(bytes, done, Math.min(length - done, CHUNK_BYTES), from + done);
		if (bytesRead === 0) break;
		onChunk(bytes.subarray(done, done + bytesRead));
		done += bytesRead;
		await timers.breathe();
	}
	return bytes.subarray(0, done);
}

const CHUNK_BYTES = 262_144;
