/** After the last test file of a run, whether or not it passed. */
import type {} from "./global-setup.ts";

export default async function tearDown(): Promise<void> {
	await globalThis.stopTestPostgres?.();
}
