/** Socket files, which outlive a process that died. */
import { lstatSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { FirebreakError } from "./core/errors.ts";

/**
 * Removes a socket file that nobody listens on; does nothing when there is none.
 *
 * @param object the setting that names the file, for the error.
 * @throws FirebreakError `config_invalid` when anything else stands in the way: it is never removed.
 */
export async function clearSocket(path: string, object: string): Promise<void> {
	const found = lstatSync(path, { throwIfNoEntry: false });
	if (found === undefined) return;
	if (!found.isSocket()) throw inTheWay(object, `${path} exists and is no socket`, "remove it, or choose another path");
	if (await answers(path)) {
		throw inTheWay(object, `another process listens on ${path}`, "stop it, or choose another path");
	}
	unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createConnection(path);
		probe.once("connect", () => {
			probe.destroy();
			resolve(true);
		});
		probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
	});
}

function inTheWay(object: string, message: string, cure: string): FirebreakError {
	return new FirebreakError("config_invalid", message, { problems: [{ object, message, cure }] });
}
