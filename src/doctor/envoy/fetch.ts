/** Reads a running Envoy by its admin side. */
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Dump, readDump } from "./dump.ts";
import { textAt } from "./json.ts";
import { type Certificates, readCertificates } from "./tls.ts";

export interface RunningEnvoy {
	/** `1.40.0`; empty when it does not say. */
	readonly version: string;
	readonly dump: Dump;
	readonly certificates: Certificates;
}

export interface FetchLimits {
	/** Milliseconds for one answer, from the connection to the last byte. */
	readonly answerMs?: number;
	/** Bytes of one answer. */
	readonly answerBytes?: number;
}

/**
 * @param admin `http://127.0.0.1:9901`; without credentials, which Envoy's admin side does not know.
 * @throws FirebreakError `dependency_unreachable` when nothing answers there, in time and size, as Envoy does.
 */
export async function fetchEnvoy(admin: URL, limits: FetchLimits = {}): Promise<RunningEnvoy> {
	const base = `${admin.origin}${admin.pathname.replace(/\/$/, "")}`;
	// One after the other: the admin side is one thread, and the first answer may be large.
	const dump = readDump(await fetchJson(`${base}/config_dump?include_eds`, limits));
	if (dump === null) throw unreachable(`${base} answers, but not as Envoy's admin side does`);
	const certificates = readCertificates(await fetchJson(`${base}/certs`, limits));
	const info = await fetchJson(`${base}/server_info`, limits);
	return { version: textAt(info, "version").split("/")[1] ?? "", dump, certificates };
}

async function fetchJson(url: string, limits: FetchLimits): Promise<unknown> {
	const { answerMs = LIMITS.doctorAnswerMs, answerBytes = LIMITS.doctorAnswerBytes } = limits;
	const signal = AbortSignal.timeout(answerMs);
	let text: string;
	try {
		// Whoever stands there is not to send us elsewhere.
		const response = await fetch(url, { signal, redirect: "error" });
		if (!response.ok) throw unreachable(`${url} answers ${response.status}`);
		text = await readText(response, url, answerBytes);
	} catch (error) {
		if (error instanceof FirebreakError) throw error;
		const why = signal.aborted ? `no whole answer within ${answerMs} ms` : causeOf(error);
		throw unreachable(`${url} cannot be read: ${why}`, error);
	}
	try {
		return JSON.parse(text);
	} catch {
		throw unreachable(`${url} answers, but not as Envoy's admin side does`);
	}
}

async function readText(response: Response, url: string, limit: number): Promise<string> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of response.body ?? []) {
		bytes += chunk.byteLength;
		if (bytes > limit) throw unreachable(`${url} answers with more than ${limit} bytes`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}

/** What fetch says is "fetch failed"; what happened is in its cause. */
function causeOf(error: unknown): string {
	const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
	return cause?.code ?? cause?.message ?? message;
}

function unreachable(message: string, cause?: unknown): FirebreakError {
	return new FirebreakError("dependency_unreachable", message, { cause });
}
