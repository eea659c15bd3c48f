/** Watches the servers of a soak: that none ends unasked, and what memory each holds over its life. */
import { readFileSync } from "node:fs";
import type { RunningProcess } from "../../demo/processes.ts";
import type { Sample } from "./trend.ts";

/** For a machine that has other things to do; three times as long as a server takes for its calls under way. */
const PATIENCE_MS = 60_000;

/** One process, from when it was ready. */
export interface Life {
	readonly name: string;
	readonly process: RunningProcess;
	readonly begun: number;
	readonly samples: Sample[];
}

export class Watch {
	/** Every server that ran, in the order of their starts. */
	readonly lives: Life[] = [];
	/** Ends that nobody asked for, and ends with anything but 0. */
	readonly deaths: string[] = [];
	readonly #running = new Set<Life>();
	readonly #asked = new Set<RunningProcess>();

	add(process: RunningProcess): void {
		const nth = this.lives.filter((life) => life.process.name === process.name).length + 1;
		const name = nth === 1 ? process.name : `${process.name}, start ${nth}`;
		const life: Life = { name, process, begun: performance.now(), samples: [] };
		this.lives.push(life);
		this.#running.add(life);
		void process.ended.then((end) => {
			this.#running.delete(life);
			if (end === 0 && this.#asked.has(process)) return;
			this.deaths.push(`${name} ended with ${end}: ${process.output().slice(-2_000)}`);
		});
	}

	/** Asks it to end, as its platform would, and waits until it has; any end but 0 is a death, and so is none in time. */
	async end(process: RunningProcess): Promise<void> {
		this.#asked.add(process);
		process.signal("SIGTERM");
		const late = setTimeout(() => process.signal("SIGKILL"), PATIENCE_MS);
		await process.ended;
		clearTimeout(late);
	}

	/** All that still run. */
	async endAll(): Promise<void> {
		await Promise.all([...this.#running].map(({ process }) => this.end(process)));
	}

	/** Reads the resident memory of each that runs. */
	sample(): void {
		for (const { process, samples } of this.#running) {
			const kibibytes = residentOf(process.pid);
			if (kibibytes !== null) samples.push({ at: performance.now(), bytes: kibibytes * 1_024 });
		}
	}
}

/** Null when it just ended. */
function residentOf(pid: number): number | null {
	try {
		const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
		return found ? Number(found[1]) : null;
	} catch {
		return null;
	}
}
