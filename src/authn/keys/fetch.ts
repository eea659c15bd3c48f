import { checkJwksUri } from "../../core/jwks.ts";
import { LIMITS } from "../../core/limits.ts";
import { parseJsonObject } from "../json.ts";

/** Why a key set could not be fetched, in words for operators that hold nothing of the address or the answer. */
export class FetchFault extends Error {
	override readonly name = "FetchFault";
}

/**
 * Fetches and strictly parses one JSON object. Never follows a redirect (a status like any other), reads at most `LIMITS.jwksBytes` (counted
 * after decompression), and ends within `timeoutMs`, body included.
 *
 * @throws FetchFault
 */
export async function fetchKeySet(
	uri: string,
	fetch: typeof globalThis.fetch,
	timeoutMs: number,
	cancel: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
	if (checkJwksUri(uri)) throw new FetchFault("the address is neither https nor http on a loopback address");
	const timeout = AbortSignal.timeout(timeoutMs);
	try {
		const response = await fetch(uri, {
			redirect: "manual",
			credentials: "omit",
			headers: { accept: "application/jwk-set+json, application/json" },
			signal: AbortSignal.any([timeout, cancel]),
		});
		if (response.status !== 200) {
			await response.body?.cancel();
			throw new FetchFault(`it answered with status ${response.status}`);
		}
		const set = parseJsonObject(await readBody(response), LIMITS.jwksJsonDepth);
		if (typeof set === "string") throw new FetchFault(`its answer is not strict JSON (${set})`);
		return set;
	} catch (error) {
		if (error instanceof FetchFault) throw error;
		throw new FetchFault(timeout.aborted ? `it took longer than ${timeoutMs} ms` : describe(error));
	}
}

async function readBody(response: Response): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of response.body ?? []) {
		size += chunk.byteLength;
		if (size > LIMITS.jwksBytes) throw new FetchFault(`its answer is larger than ${LIMITS.jwksBytes} bytes`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

/** The system's code (`ECONNREFUSED`, `CERT_HAS_EXPIRED`); messages may quote the address. */
function describe(error: unknown): string {
	const { cause, code } = (error ?? {}) as { cause?: { code?: unknown }; code?: unknown };
	const found = cause?.code ?? code;
	return typeof found === "string" ? `it cannot be reached (${found})` : "it cannot be reached";
}
