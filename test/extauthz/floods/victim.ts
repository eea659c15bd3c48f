/** The attacked server, and connections that attack it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import path from "node:path";
import { type RunningProcess, startProcess } from "../../../demo/processes.ts";
import type { GrpcLimits } from "../../../src/extauthz/server.ts";
import { type Frame, FrameReader, PREFACE, settings } from "../../support/http2-frames.ts";
import { until } from "../../support/wait.ts";

export interface Victim {
	readonly process: RunningProcess;
	readonly port: number;
	/** Resident bytes. */
	memory(): number;
	/** What it told of bugs; none is the only good answer. */
	errors(): string[];
}

export async function startVictim(limits: Partial<GrpcLimits> = {}): Promise<Victim> {
	const running = await startProcess({
		name: "the attacked server",
		command: process.execPath,
		args: [path.join(import.meta.dirname, "server.ts")],
		env: { PATH: process.env.PATH, FLOOD_LIMITS: JSON.stringify(limits) },
		ready: (output) => output.includes("listening on "),
	});
	return {
		process: running,
		port: Number(/listening on (\d+)/.exec(running.output())?.[1]),
		memory: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${running.pid}/status`, "utf8"))?.[1]) * 1_024,
		errors: () =>
			running
				.output()
				.split("\n")
				.filter((line) => line.startsWith("error: ")),
	};
}

/** A connection whose bytes are the attacker's own. */
export class Attacker {
	readonly socket: Socket;
	readonly frames: Frame[] = [];
	closed = false;

	constructor(port: number, initial: Buffer = settings()) {
		const reader = new FrameReader();
		this.socket = connectSocket({ port, host: "127.0.0.1" });
		this.socket.on("error", () => {});
		this.socket.on("close", () => {
			this.closed = true;
		});
		this.socket.on("data", (chunk: Buffer) => {
			for (const frame of reader.read(chunk)) this.frames.push({ ...frame, payload: Buffer.from(frame.payload) });
		});
		this.socket.write(PREFACE);
		this.socket.write(initial);
	}

	/** Writes this again and again, at the pace at which it is taken, until the server hangs up or `times` is reached. */
	async pour(bytes: (turn: number) => Buffer, times: number): Promise<void> {
		for (let turn = 0; turn < times && !this.closed && !this.socket.destroyed; turn++) {
			if (this.socket.write(bytes(turn))) {
				// Now and then, to hear of the end.
				if (turn % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
				continue;
			}
			await Promise.race([once(this.socket, "drain"), once(this.socket, "close")]).catch(() => {});
		}
	}

	async hasEnded(): Promise<void> {
		await until("the server hangs up", () => this.closed);
	}

	end(): void {
		this.socket.destroy();
	}
}
