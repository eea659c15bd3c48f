/**
 * A snapshot file: a header of fixed size, then three sections of frames.
 *
 *     firebreak-snapshot 1        what it is, and the version of its format
 *     <64 hex digits>             SHA-256 of all that follows within the header
 *     {"epoch": ...}              JSON, filled up with blanks to 4096 bytes; the SHA-256 and length of each section
 *     <objects> <policies> <lane> see frames.ts
 *
 * So every byte is covered by a checksum, what stands in the file is known from its first bytes (`head -n 3`), and a section
 * that did not change can be copied as it is. The checksums find damage; they keep nobody out who may write the file.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { FirebreakError } from "../../core/errors.ts";
import type { Head } from "../head.ts";

export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 4_096;
export const SECTIONS = ["objects", "policies", "lane"] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface Section {
	readonly bytes: number;
	/** Hexadecimal. */
	readonly sha256: string;
}

/** Times are milliseconds since the epoch. */
export interface SnapshotHeader extends Head {
	/** Version of the program that wrote it. */
	readonly writtenBy: string;
	readonly writtenAt: number;
	/** When each lane was last known to be the newest. */
	readonly policyConfirmedAt: number;
	readonly laneConfirmedAt: number;
	/** Rows of each kind; `revocations` are those in force. */
	readonly counts: Counts;
	readonly sections: Readonly<Record<SectionName, Section>>;
}

export const COUNTED = [
	"domains",
	"issuers",
	"segments",
	"crossings",
	"rate_limits",
	"policies",
	"revocations",
] as const;
export type Counts = Readonly<Record<(typeof COUNTED)[number], number>>;

const MAGIC = "firebreak-snapshot ";
const FIRST_LINE = `${MAGIC}${FORMAT_VERSION}\n`;
const HASH_END = FIRST_LINE.length + 65;

const count = z.int().nonnegative();
const instant = z.iso.datetime({ precision: 3 }).transform(Date.parse);
const section = z.object({ bytes: count, sha256: z.hash("sha256") });
const SCHEMA = z.object({
	written_by: z.string(),
	written_at: instant,
	epoch: z.string(),
	revision: count,
	seq: count,
	policy_confirmed_at: instant,
	revocations_confirmed_at: instant,
	counts: z.record(z.enum(COUNTED), count),
	sections: z.record(z.enum(SECTIONS), section),
});

/** @throws RangeError when it does not fit, which takes an epoch of thousands of characters. */
export function encodeHeader(header: SnapshotHeader): Buffer {
	const time = (at: number) => new Date(at).toISOString();
	const text = JSON.stringify({
		written_by: header.writtenBy,
		written_at: time(header.writtenAt),
		epoch: header.epoch,
		revision: header.revision,
		seq: header.seq,
		policy_confirmed_at: time(header.policyConfirmedAt),
		revocations_confirmed_at: time(header.laneConfirmedAt),
		counts: header.counts,
		sections: header.sections,
	} satisfies z.input<typeof SCHEMA>);
	const room = HEADER_BYTES - HASH_END - 1 - Buffer.byteLength(text);
	if (room < 0) throw new RangeError("the header does not fit");
	const rest = `${text}${" ".repeat(room)}\n`;
	return Buffer.from(`${FIRST_LINE}${sha256(rest)}\n${rest}`);
}

/**
 * @param bytes the first HEADER_BYTES of the file, or all of it when it is shorter.
 * @throws FirebreakError snapshot_invalid
 */
export function decodeHeader(bytes: Buffer, path: string): SnapshotHeader {
	if (bytes.length === 0) throw refusal(path, "it is empty");
	const start = bytes.toString("latin1", 0, HASH_END);
	if (!start.startsWith(MAGIC)) throw refusal(path, "it is no snapshot of Firebreak's", FOREIGN_CURE);
	const version = /^(\d{1,9})\n/.exec(start.slice(MAGIC.length))?.[1];
	if (version !== undefined && version !== String(FORMAT_VERSION)) {
		const message = `its format has version ${version}, and this program reads version ${FORMAT_VERSION}`;
		throw refusal(path, message, `start the Firebreak that wrote it, or ${CURE}`);
	}
	if (bytes.length < HEADER_BYTES) throw refusal(path, "it ends within its header");
	if (start !== `${FIRST_LINE}${sha256(bytes.subarray(HASH_END))}\n`) {
		throw refusal(path, "its header was altered or damaged: the checksum differs");
	}
	const parsed = SCHEMA.safeParse(parseJson(bytes.toString("utf8", HASH_END)));
	if (!parsed.success) throw refusal(path, "its header is not what this program writes");
	const { written_by, written_at, policy_confirmed_at, revocations_confirmed_at, ...same } = parsed.data;
	return {
		...same,
		writtenBy: written_by,
		writtenAt: written_at,
		policyConfirmedAt: policy_confirmed_at,
		laneConfirmedAt: revocations_confirmed_at,
	};
}

/** Why a file is not used, with the cure. */
export function refusal(path: string, message: string, cure = CURE, cause?: unknown): FirebreakError {
	return new FirebreakError("snapshot_invalid", `the snapshot file ${path} is refused: ${message}`, {
		problems: [{ object: `snapshot ${path}`, message, cure }],
		cause,
	});
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const CURE = "delete it: a server that reaches Postgres writes a new one";
const FOREIGN_CURE = "name another path in FIREBREAK_SNAPSHOT_PATH, or delete the file";
