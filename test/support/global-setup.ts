/** Before the first test file of a run. */
import { stopOnSignals } from "../../demo/processes.ts";
import { BROKER_VARIABLE, startBroker } from "./postgres-broker.ts";

declare global {
	var stopTestPostgres: (() => Promise<void>) | undefined;
}

export default async function setUp(): Promise<void> {
	const broker = await startBroker();
	process.env[BROKER_VARIABLE] = broker.socket;
	const forget = stopOnSignals(() => broker.stop());
	globalThis.stopTestPostgres = async () => {
		forget();
		await broker.stop();
	};
}
