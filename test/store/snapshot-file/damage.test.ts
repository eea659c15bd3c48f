/** Whatever happens to a file, it is used as it was written or not at all. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePolicySet } from "../../../src/core/compile/compile.ts";
import { runToEnd } from "../../../src/core/compile/generator.ts";
import { encodeHeader, HEADER_BYTES, SECTIONS, type SnapshotHeader } from "../../../src/store/snapshot-file/format.ts";
import { packFrame } from "../../../src/store/snapshot-file/frames.ts";
import { readSnapshotFile } from "../../../src/store/snapshot-file/reader.ts";
import { checkpointOf, laneOf, people, read, TIMERS, testFolder, write } from "../support/checkpoints.ts";
import { refusal } from "../support/workbench.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const good = folder.path("good.snapshot");
const bad = folder.path("bad.snapshot");
let bytes: Buffer;
let header: SnapshotHeader;

beforeAll(async () => {
	const names = Array.from({ length: 600 }, (_, index) => `policy-${index}`);
	({ header } = await write(good, checkpointOf(people(3, ...names), laneOf("t1", "t2", "t3"))));
	bytes = readFileSync(good);
});

/** The refusal of a file with these bytes. */
async function refused(content: Buffer | string): Promise<string> {
	writeFileSync(bad, content);
	const error = await refusal(read(bad));
	expect(error.code).toBe("snapshot_invalid");
	expect(error.message).toBe(`the snapshot file ${bad} is refused: ${error.problems[0]?.message}`);
	expect(error.problems).toHaveLength(1);
	expect(error.problems[0]).toMatchObject({ object: `snapshot ${bad}`, cure: expect.stringMatching(/\w/) });
	return error.message.replace(/^.* is refused: /, "");
}

describe("a file that was cut off", () => {
	test("anywhere, is refused", async () => {
		const ends = [HEADER_BYTES];
		for (const name of SECTIONS) ends.push(ends.at(-1)! + header.sections[name].bytes);
		const lengths = new Set([1, 18, 19, 20, 83, 84, 85, 200, 4_000]);
		for (const end of ends) for (const off of [-2, -1, 0, 1, 2, 5]) lengths.add(end + off);
		for (let length = 0; length < bytes.length; length += 97) lengths.add(length);
		for (const length of lengths) if (length < bytes.length) await refused(bytes.subarray(0, length));
	});

	test.each<[number, string]>([
		[0, "it is empty"],
		[10, "it is no snapshot of Firebreak's"],
		[1_000, "it ends within its header"],
		[HEADER_BYTES, `it was cut off: ${HEADER_BYTES} of`],
	])("after %d bytes says so", async (length, message) => {
		expect(await refused(bytes.subarray(0, length))).toContain(message);
	});
});

describe("a file that was altered", () => {
	test("in any of its bytes, is refused", async () => {
		const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }));
		await fc.assert(
			fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
				const altered = Buffer.from(bytes);
				for (const [at, by] of changes) altered[at] = bytes[at]! ^ by;
				await refused(altered);
			}),
			{ numRuns: 500 },
		);
	});

	test("in each byte of its first lines, and of the header's last, is refused", async () => {
		const places = [...Array.from({ length: 120 }, (_, index) => index), HEADER_BYTES - 2, HEADER_BYTES - 1];
		for (const at of places) {
			const altered = Buffer.from(bytes);
			altered[at]! ^= 0x20;
			await refused(altered);
		}
	});

	test.each(SECTIONS)("in its %s says so", async (name) => {
		let at = HEADER_BYTES;
		for (const before of SECTIONS.slice(0, SECTIONS.indexOf(name))) at += header.sections[before].bytes;
		const altered = Buffer.from(bytes);
		altered[at + 10]! ^= 1;
		expect(await refused(altered)).toBe(`its section ${name} was altered or damaged: the checksum differs`);
	});

	test("by adding to it, is refused", async () => {
		expect(await refused(Buffer.concat([bytes, Buffer.from("\n")]))).toContain("something was added to it");
	});

	test("by putting sections of two files together, is refused", async () => {
		const other = folder.path("other.snapshot");
		await write(other, checkpointOf(people(4, "p"), laneOf("t1")));
		const mixed = Buffer.concat([readFileSync(other).subarray(0, HEADER_BYTES), bytes.subarray(HEADER_BYTES)]);
		await refused(mixed);
	});
});

describe("a file of another kind", () => {
	test.each<[string, string | Buffer]>([
		["text", "hello"],
		["JSON", '{"epoch": "test"}'],
		["zeros", Buffer.alloc(10_000)],
		["a long line", `firebreak-snapshot ${"9".repeat(100_000)}`],
		["a huge header", `firebreak-snapshot 1\n${"0".repeat(64)}\n{${" ".repeat(5_000_000)}}`],
	])("%s, is refused", async (_title, content) => {
		await refused(content);
	});

	test("one of a later format says which, and who reads it", async () => {
		const later = Buffer.from(`firebreak-snapshot 2\n${bytes.toString("latin1", 21)}`, "latin1");
		writeFileSync(bad, later);
		expect((await refusal(read(bad))).problems).toEqual([
			{
				object: `snapshot ${bad}`,
				message: "its format has version 2, and this program reads version 1",
				cure: expect.stringContaining("start the Firebreak that wrote it"),
			},
		]);
	});

	test("a folder is refused, a missing file is told apart", async () => {
		mkdirSync(folder.path("folder"));
		expect((await refusal(read(folder.path("folder")))).message).toMatch(/it is no file|cannot be read \(EISDIR\)/);
		expect((await refusal(read(folder.path("missing")))).code).toBe("not_found");
	});

	test("one that cannot be opened says why", async () => {
		const error = await refusal(read(`${good}/within`));
		expect([error.code, error.problems[0]?.message]).toEqual(["snapshot_invalid", "it cannot be read (ENOTDIR)"]);
	});
});

describe("a file whose checksums are right, though no Firebreak wrote it", () => {
	/** Checksums and lengths that fit these sections. */
	function forge(sections: Partial<Record<(typeof SECTIONS)[number], Buffer>>, head: Partial<SnapshotHeader> = {}) {
		let at = HEADER_BYTES;
		const parts = SECTIONS.map((name) => {
			const from = at;
			at += header.sections[name].bytes;
			return [name, sections[name] ?? bytes.subarray(from, at)] as const;
		});
		const told = parts.map(([name, part]) => {
			return [name, { bytes: part.length, sha256: createHash("sha256").update(part).digest("hex") }];
		});
		const front = encodeHeader({ ...header, sections: Object.fromEntries(told), ...head });
		writeFileSync(bad, Buffer.concat([front, ...parts.map(([, part]) => part)]));
	}

	/** Everything that a start does with a file. */
	async function use(): Promise<void> {
		const { set, lane } = await read(bad);
		const result = runToEnd(compilePolicySet(set));
		runToEnd(lane());
		if (!result.ok) throw new Error("it does not compile");
	}

	test("is used when only its numbers are others", async () => {
		forge({}, { revision: 99 });
		await use();
		expect((await read(bad)).header.revision).toBe(99);
	});

	const frame = (value: unknown) => packFrame(JSON.stringify(value));
	test.each<[string, Parameters<typeof forge>[0]]>([
		["frames beyond the end", { policies: Buffer.from([255, 255, 255, 127, 0]) }],
		["half a length", { lane: Buffer.from([1, 0]) }],
		["what is not deflated", { policies: Buffer.from([2, 0, 0, 0, 65, 65]) }],
		["what is no JSON", { objects: packFrame("nonsense") }],
		["objects of an unknown kind", { objects: frame({ kind: "__proto__", rows: [1] }) }],
		["policies of nothing", { policies: frame({}) }],
		[
			"columns of other lengths",
			{ policies: frame({ name: ["p"], source: [], destination: [], owner: [], shape: [] }) },
		],
		[
			"policies that name what is not there",
			{
				policies: frame({
					name: ["p"],
					source: [0],
					destination: [0],
					owner: [0],
					shape: [0],
					texts: [],
					lists: [],
					shapes: [["allow", "enforce", 0, 0, 0, 0, 0, 0]],
					rare: {},
				}),
			},
		],
		["revocations that are none", { lane: frame([7]) }],
	])("with %s is refused", async (_title, sections) => {
		forge(sections);
		const error = await refusal(use());
		expect(error.code).toBe("snapshot_invalid");
		expect(error.message).toContain("its checksums are right, but no Firebreak wrote what stands in it");
	});

	test("with a frame that grows without end is refused before it does", async () => {
		const body = deflateRawSync(Buffer.alloc(80_000_000, " "));
		const length = Buffer.alloc(4);
		length.writeUInt32LE(body.length);
		forge({ lane: Buffer.concat([length, body]) });
		expect((await refusal(use())).code).toBe("snapshot_invalid");
	});

	test("with policies that do not compile is not served", async () => {
		const names = { texts: ["a", "b", "nobody"], lists: [["GET"], ["/**"], []] };
		const columns = { name: ["p"], source: [0], destination: [1], owner: [2], shape: [0], rare: {} };
		forge({ policies: frame({ ...names, ...columns, shapes: [["allow", "enforce", 0, 1, 2, 2, 2, 2]] }) });
		const result = runToEnd(compilePolicySet((await read(bad)).set));
		expect(result).toMatchObject({ ok: false, problems: [{ object: "policy p", field: "owner" }] });
	});

	test("longer than any file may be is refused by its header alone", async () => {
		const huge = { bytes: 2 ** 40, sha256: "0".repeat(64) };
		forge({}, { sections: { objects: huge, policies: huge, lane: huge } });
		expect((await refusal(read(bad))).message).toContain("it is longer than");
	});
});

test("reading ends when it is told to, and at what its header is refused for", async () => {
	const ended = AbortSignal.abort(new Error("enough"));
	await expect(readSnapshotFile(good, { timers: TIMERS, signal: ended })).rejects.toThrow("enough");
	const onHeader = () => {
		throw new Error("not this one");
	};
	await expect(readSnapshotFile(good, { timers: TIMERS, onHeader })).rejects.toThrow("not this one");
	expect(statSync(good).size).toBe(bytes.length);
});
