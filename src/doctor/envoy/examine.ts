/** All that is wrong with a running Envoy's configuration. Pure: dumps to findings. */
import { type Finding, type Place, sorted } from "../finding.ts";
import { type EnvoyFinding, type FindingId, finding } from "./catalogue.ts";
import { examineFirebreakCluster } from "./cluster.ts";
import { addressText, type Dump, isLocal } from "./dump.ts";
import { at } from "./json.ts";
import { examineListener, type Reached } from "./listener.ts";
import { servicesOf } from "./routes.ts";
import type { Certificates } from "./tls.ts";

/** Dangers first; each finding once at each place. */
export function examineEnvoy(dump: Dump, certificates: Certificates): Finding<FindingId>[] {
	const listeners = dump.listeners.map((listener) => examineListener(dump, certificates, listener));
	const asked = new Map<string, number>();
	for (const { cluster, timeout } of listeners.flatMap((listener) => listener.asked)) {
		asked.set(cluster, Math.min(timeout, asked.get(cluster) ?? timeout));
	}
	const reached = listeners.flatMap((listener) => listener.reached);
	return sorted([
		...listeners.flatMap(({ findings }) => findings),
		...waysAround(dump, reached),
		...[...asked].flatMap(([cluster, timeout]) => examineFirebreakCluster(dump, cluster, timeout)),
		...examineAdmin(dump, reached),
	]);
}

/** Listeners that lead, unguarded, to what another one guards. */
function waysAround(dump: Dump, reached: readonly Reached[]): EnvoyFinding[] {
	const guardedBy = new Map<string, Place>();
	for (const { cluster, place } of reached.filter(({ guarded }) => guarded)) {
		for (const service of servicesOf(dump, cluster)) guardedBy.set(service, place);
	}
	return reached
		.filter(({ guarded }) => !guarded)
		.flatMap(({ cluster, place }) => {
			const guard = servicesOf(dump, cluster).flatMap((service) => guardedBy.get(service) ?? [])[0];
			// Within one listener it is told already, as a route where the filter is off.
			if (!guard || guard.listener === place.listener) return [];
			return [finding("way_around", place, `cluster ${cluster}, guarded at ${guard.text}`)];
		});
}

function examineAdmin(dump: Dump, reached: readonly Reached[]): EnvoyFinding[] {
	const address = at(dump.bootstrap, "admin", "address");
	const text = addressText(address);
	if (text === null) return [];
	const exposed = isLocal(address) ? [] : [finding("admin_exposed", { listener: null, text: "admin" }, text)];
	const routed = reached.filter(({ cluster }) => servicesOf(dump, cluster).includes(text));
	return [...exposed, ...routed.map(({ cluster, place }) => finding("admin_routed", place, `cluster ${cluster}`))];
}
