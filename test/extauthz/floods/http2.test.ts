/**
 * Floods of HTTP/2 frames, written by hand, into a server in a process of its own: each is bounded, and a proper proxy is
 * answered all the while and afterwards.
 */

import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { CHECK_PATH, HEALTH_WATCH_PATH } from "../../../src/extauthz/proto.ts";
import {
	checkHeaders,
	FLAG,
	FRAME,
	frame,
	grpcMessage,
	headerBlock,
	reset,
	SETTING,
	settings,
	uint32,
	windowUpdate,
} from "../../support/http2-frames.ts";
import { until } from "../../support/wait.ts";
import { connect, type TestClient } from "../client.ts";
import { checkOf } from "../fixtures.ts";
import { Attacker, startVictim, type Victim } from "./victim.ts";

const MEBIBYTE = 2 ** 20;
/** What a flood may cost for a while; a server that keeps what it is sent needs many times as much. */
const MOST_MEMORY = 300 * MEBIBYTE;
const BLOCK = headerBlock(checkHeaders());
const headers = (stream: number, flags: number = FLAG.END_HEADERS) => frame(FRAME.HEADERS, flags, stream, BLOCK);
const message = (stream: number) => frame(FRAME.DATA, FLAG.END_STREAM, stream, grpcMessage(Buffer.alloc(0)));
/** So many frames in one write. */
const many = (count: number, make: (index: number) => Buffer) =>
	Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

let victim: Victim;
let proxy: TestClient;
const attackers: Attacker[] = [];

function attack(initial?: Buffer): Attacker {
	const attacker = new Attacker(victim.port, initial);
	attackers.push(attacker);
	return attacker;
}
const answers = async () => expect(await proxy.check(checkOf())).toMatchObject({ okResponse: {} });

/** Whatever was done: it answers, nothing broke, and nothing was kept. */
async function expectSound(before: number): Promise<void> {
	// On a machine with other work a flood is overload for a moment.
	await until("it answers", async () => (await proxy.check(checkOf())).okResponse !== undefined);
	expect(await proxy.health()).toBe(1);
	expect(victim.errors()).toEqual([]);
	expect(victim.memory() - before).toBeLessThan(MOST_MEMORY);
}

async function begin(limits: Parameters<typeof startVictim>[0] = {}): Promise<void> {
	victim = await startVictim(limits);
	proxy = connect({ kind: "tcp", host: "127.0.0.1", port: victim.port });
	await answers();
}
async function end(): Promise<void> {
	proxy?.close();
	await victim?.process.stop();
}
afterEach(() => {
	for (const attacker of attackers.splice(0)) attacker.end();
});

describe("one connection that floods is closed", () => {
	beforeAll(() => begin({ shedDelayMs: 600_000 }));
	afterAll(end);

	const ping = frame(FRAME.PING, 0, 0, Buffer.alloc(8));
	const empty = frame(FRAME.DATA, 0, 1);
	const FLOODS: readonly (readonly [name: string, first: Buffer, bytes: (turn: number) => Buffer])[] = [
		[
			"rapid reset (CVE-2023-44487)",
			Buffer.alloc(0),
			(turn) =>
				many(100, (i) => Buffer.concat([headers((turn * 100 + i) * 2 + 1), reset((turn * 100 + i) * 2 + 1, 8)])),
		],
		["pings (CVE-2019-9512)", Buffer.alloc(0), () => many(1_000, () => ping)],
		[
			"SETTINGS (CVE-2019-9515)",
			Buffer.alloc(0),
			() => many(1_000, () => settings([[SETTING.INITIAL_WINDOW_SIZE, 65_535]])),
		],
		[
			"a SETTINGS frame of many entries",
			Buffer.alloc(0),
			() => settings(Array.from({ length: 1_000 }, () => [SETTING.INITIAL_WINDOW_SIZE, 1])),
		],
		[
			"CONTINUATION without an end (CVE-2024-27983)",
			headers(1, 0),
			() => many(100, () => frame(FRAME.CONTINUATION, 0, 1, headerBlock([["x-flood", "a".repeat(64)]]))),
		],
		["empty CONTINUATION", headers(1, 0), () => many(100, () => frame(FRAME.CONTINUATION, 0, 1))],
		["empty DATA (CVE-2019-9518)", headers(1), () => many(1_000, () => empty)],
		["window updates of nothing", Buffer.alloc(0), () => windowUpdate(0, 0)],
		["window updates beyond 2^31", Buffer.alloc(0), () => many(2, () => windowUpdate(0, 0x7fff_ffff))],
		["a frame above the agreed size", headers(1), () => frame(FRAME.DATA, 0, 1, Buffer.alloc(65_536))],
		[
			"streams beyond the agreed number",
			Buffer.alloc(0),
			(turn) => many(100, (i) => headers((turn * 100 + i) * 2 + 1)),
		],
		["frames on stream 0 that belong to streams", Buffer.alloc(0), () => frame(FRAME.DATA, 0, 0, Buffer.alloc(8))],
	];
	test.each(FLOODS)("%s", async (_name, first, bytes) => {
		const before = victim.memory();
		const attacker = attack();
		if (first.length > 0) attacker.socket.write(first);
		await Promise.all([attacker.pour(bytes, 2_000), answers()]);
		await attacker.hasEnded();
		await expectSound(before);
	});
});

describe("what is no reason to hang up is only cheap", () => {
	beforeAll(() => begin({ shedDelayMs: 600_000 }));
	afterAll(end);

	const unfit = (stream: number, [changed, other]: readonly [string, string]) => {
		const list = checkHeaders().map(([name, value]) => [name, name === changed ? other : value] as const);
		return frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, headerBlock(list));
	};
	const PRIORITY = 2;
	const UNKNOWN = 0xbe;
	test.each([
		["small window updates", () => many(1_000, () => windowUpdate(0, 1))],
		[
			"priorities (CVE-2019-9513)",
			() => many(1_000, (i) => frame(PRIORITY, 0, 1, Buffer.concat([uint32(0), Buffer.from([i & 0xff])]))),
		],
		["frames of an unknown kind", () => many(1_000, () => frame(UNKNOWN, 0, 0, Buffer.alloc(16)))],
		[
			"calls of unknown methods that are taken back at once",
			(turn: number) => Buffer.concat([unfit(turn * 2 + 1, [":path", "/x"]), reset(turn * 2 + 1, 8)]),
		],
		[
			"calls that are no gRPC, taken back at once",
			(turn: number) => Buffer.concat([unfit(turn * 2 + 1, ["content-type", "text/plain"]), reset(turn * 2 + 1, 8)]),
		],
	])("%s", async (_name, bytes) => {
		const before = victim.memory();
		const attacker = attack();
		await Promise.all([attacker.pour(bytes, 200), answers()]);
		await expectSound(before);
	});

	test("headers that unpack to many times their size", async () => {
		const before = victim.memory();
		const attacker = attack();
		// One entry of the table, then references to it: a byte each for 4,000.
		const bomb = Buffer.concat([headerBlock([["x-bomb", "a".repeat(4_000)]], 0x40), Buffer.alloc(10_000, 0x80 | 62)]);
		const block = Buffer.concat([BLOCK, bomb]);
		await attacker.pour((turn) => frame(FRAME.HEADERS, FLAG.END_HEADERS, turn * 2 + 1, block), 200);
		await expectSound(before);
	});

	test("bytes that end in the middle of anything, and sockets that are torn", async () => {
		const before = victim.memory();
		const whole = Buffer.concat([headers(1), message(1), frame(FRAME.PING, 0, 0, Buffer.alloc(8))]);
		for (let cut = 0; cut < whole.length; cut++) {
			const attacker = attack();
			attacker.socket.write(whole.subarray(0, cut));
			if (cut % 2 === 0) attacker.socket.once("connect", () => attacker.socket.resetAndDestroy());
			else attacker.socket.end();
		}
		await expectSound(before);
	});
});

describe("bounds over all connections", () => {
	const CALL_MS = 1_500;
	beforeAll(() =>
		begin({
			grpcCallMs: CALL_MS,
			grpcChecks: 500,
			grpcPartialBytes: 4 * MEBIBYTE,
			grpcConnections: 50,
			shedDelayMs: 600_000,
		}),
	);
	afterAll(end);

	const RST_STREAM = (attacker: Attacker) => attacker.frames.filter(({ type }) => type === FRAME.RST_STREAM).length;
	const answered = (attacker: Attacker) =>
		new Set(attacker.frames.filter(({ type }) => type === FRAME.DATA).map(({ stream }) => stream)).size;

	test("calls that never end are ended; beyond the room each is shed at once, and there is room again", async () => {
		const attacker = attack();
		attacker.socket.write(windowUpdate(0, MEBIBYTE));
		attacker.socket.write(many(1_000, (index) => headers(index * 2 + 1)));
		await until("those beyond the room are shed", () => answered(attacker) >= 500);
		expect((await proxy.check(checkOf())).deniedResponse?.status?.code).toBe(503);
		await until("the others are reset, and there is room", async () => {
			return (await proxy.check(checkOf())).okResponse !== undefined;
		});
		await until("all are reset", () => RST_STREAM(attacker) === 1_000);
	});

	test("a proxy that takes no answers does not keep them", async () => {
		const before = victim.memory();
		const attacker = attack(settings([[SETTING.INITIAL_WINDOW_SIZE, 0]]));
		attacker.socket.write(many(400, (index) => Buffer.concat([headers(index * 2 + 1), message(index * 2 + 1)])));
		await until("they are given up", () => RST_STREAM(attacker) >= 400);
		await expectSound(before);
	});

	test("a proxy that does not read at all", async () => {
		const before = victim.memory();
		const attacker = attack();
		attacker.socket.pause();
		await Promise.race([
			attacker.pour(
				(turn) =>
					many(100, (i) => Buffer.concat([headers((turn * 100 + i) * 2 + 1), message((turn * 100 + i) * 2 + 1)])),
				300,
			),
			new Promise((resolve) => setTimeout(resolve, 2 * CALL_MS)),
		]);
		attacker.end();
		await expectSound(before);
	});

	/** So many calls, of which the end is still to come. */
	const begun = (count: number, block: Buffer, data: Buffer) =>
		many(count, (index) => {
			const stream = index * 2 + 1;
			return Buffer.concat([frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block), frame(FRAME.DATA, 0, stream, data)]);
		});
	const HEALTH_CHECK = "/grpc.health.v1.Health/Check";
	const ofPath = (path: string) =>
		checkHeaders().map(([name, value]) => [name, name === ":path" ? path : value] as const);
	test.each([CHECK_PATH, HEALTH_CHECK, HEALTH_WATCH_PATH])(
		"when messages to %s that are never complete are too large all together, the connection that holds most is closed, and others are answered all the while",
		async (path) => {
			const before = victim.memory();
			const attacker = attack();
			const start = Buffer.concat([Buffer.from([0]), uint32(4_000_000)]);
			const block = headerBlock(ofPath(path));
			attacker.socket.write(begun(200, block, start));
			for (let turn = 0; !attacker.closed && turn < 2_000; turn++) {
				attacker.socket.write(frame(FRAME.DATA, 0, (turn % 200) * 2 + 1, Buffer.alloc(16_000)));
				if (turn % 50 === 0) await answers();
				// Slow enough for the window of the connection to be given back.
				await new Promise((resolve) => setTimeout(resolve, 1));
			}
			await attacker.hasEnded();
			await expectSound(before);
		},
	);

	test("a client that compresses is told not to", async () => {
		const gzip = { "grpc.default_compression_algorithm": 2 };
		const packing = connect({ kind: "tcp", host: "127.0.0.1", port: victim.port }, undefined, gzip);
		try {
			await expect(packing.check(checkOf())).rejects.toMatchObject({
				code: 12,
				details: "messages must not be compressed",
			});
		} finally {
			packing.close();
		}
	});

	test("compressed messages are refused before they are unpacked", async () => {
		const before = victim.memory();
		const attacker = attack();
		const bomb = gzipSync(Buffer.alloc(4_000_000));
		const packed = Buffer.concat([Buffer.from([1]), uint32(bomb.length), bomb]);
		const block = headerBlock(checkHeaders([["grpc-encoding", "gzip"]]));
		attacker.socket.write(begun(100, block, packed));
		const refused = () =>
			attacker.frames.filter(({ type, flags }) => type === FRAME.HEADERS && flags & FLAG.END_STREAM);
		await until("all are refused", () => refused().length === 100);
		expect(answered(attacker)).toBe(0);
		await expectSound(before);
		expect(victim.memory() - before).toBeLessThan(100 * MEBIBYTE);
	});

	test("a message that says it is larger than the limit is refused before it comes", async () => {
		const attacker = attack();
		const start = Buffer.concat([Buffer.from([0]), uint32(0x7fff_ffff)]);
		attacker.socket.write(Buffer.concat([headers(1), frame(FRAME.DATA, 0, 1, start)]));
		await until("it is refused", () =>
			attacker.frames.some(({ type, stream }) => type === FRAME.HEADERS && stream === 1),
		);
		await answers();
	});

	test("connections beyond the limit are closed as they come, and when others leave there is room again", async () => {
		const crowd = Array.from({ length: 80 }, () => attack());
		await until("those beyond are closed", () => crowd.filter(({ closed }) => closed).length >= 31);
		await answers();
		for (const attacker of crowd) attacker.end();
		await until("a new one is let in", async () => {
			const late = attack();
			late.socket.write(Buffer.concat([headers(1), message(1)]));
			await until("it is answered or closed", () => late.closed || answered(late) === 1);
			// One that was closed takes no room from the next.
			late.end();
			return answered(late) === 1;
		});
	});
});
