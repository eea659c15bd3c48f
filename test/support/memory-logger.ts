/** A logger whose lines a test can read. */
import { createLogger, type Logger } from "../../src/telemetry/logging.ts";

export function memoryLogger(level = "trace"): { logger: Logger; lines(): Record<string, unknown>[]; text(): string } {
	let text = "";
	const logger = createLogger({
		level,
		version: "0.0.0",
		destination: {
			write: (line) => {
				text += line;
			},
		},
	});
	return {
		logger,
		text: () => text,
		lines: () =>
			text
				.split("\n")
				.filter((line) => line !== "")
				.map((line) => JSON.parse(line)),
	};
}
