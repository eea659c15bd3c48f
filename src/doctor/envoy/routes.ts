/** Which requests a connection manager forwards, to which clusters, and whether Firebreak is asked about them. */
import { addressesOf, addressText, type Dump } from "./dump.ts";
import type { HttpFilter } from "./filters.ts";
import { at, durationAt, entriesAt, listAt, type Message, messageAt, textAt, typedAt } from "./json.ts";

/** A filter that asks about a request, and what the route says to that. */
export interface Question {
	readonly filter: HttpFilter;
	/** The configuration tells the destination. (Which one, dumps hide.) */
	readonly namesDestination: boolean;
	/** Another server is asked than the filter's own. */
	readonly elsewhere: boolean;
}

/** One way that a request may take through a route, or through one of its weighted clusters. */
export interface Way {
	/** `virtual host V, route R`. */
	readonly text: string;
	/** Null: the request's own header names it. */
	readonly cluster: string | null;
	/** Authorization filters that run. */
	readonly asked: readonly Question[];
	/** Whether the route itself bounds how long a stream lives; null when it leaves that to the connection manager. */
	readonly bounded: boolean | null;
	/** The part that switched an authorization filter off: `virtual host V`. Null where nothing did. */
	readonly switchedOff: string | null;
}

/** Null when the routes have not been delivered. Ways that forward nothing (redirects, fixed answers) are left out. */
export function waysOf(dump: Dump, manager: Message, authorizations: readonly HttpFilter[]): Way[] | null {
	const tables = routeTables(dump, manager);
	if (tables === null) return null;
	return tables.flatMap((table) => waysOfTable(table, authorizations));
}

function routeTables(dump: Dump, manager: Message): Message[] | null {
	const inline = messageAt(manager, "route_config");
	if (inline !== null) return [inline];
	const scoped = messageAt(manager, "scoped_routes");
	const names = scoped
		? (dump.scopes.get(textAt(scoped, "name")) ?? [])
		: [textAt(manager, "rds", "route_config_name")].filter((name) => name !== "");
	const tables = names.map((name) => dump.routes.get(name));
	return names.length === 0 || tables.includes(undefined) ? null : (tables as Message[]);
}

/** A level of the configuration that may say something of a filter, the most specific one first. */
interface Level {
	readonly text: string;
	readonly message: unknown;
}

function waysOfTable(table: Message, authorizations: readonly HttpFilter[]): Way[] {
	const whole: Level = { text: `route configuration ${textAt(table, "name") || "of the listener"}`, message: table };
	return listAt(table, "virtual_hosts").flatMap((virtualHost) => {
		const host: Level = { text: `virtual host ${textAt(virtualHost, "name")}`, message: virtualHost };
		return listAt(virtualHost, "routes").flatMap((entry, index) => {
			const action = messageAt(entry, "route");
			if (action === null) return [];
			const route: Level = { text: `${host.text}, route ${textAt(entry, "name") || index + 1}`, message: entry };
			return clustersOf(action).map(({ cluster, weighted }) => {
				const levels = [...(weighted ? [{ text: `${route.text}, cluster ${cluster}`, message: weighted }] : [])];
				const longest = durationAt(action, "max_stream_duration", "max_stream_duration");
				const bounded = longest === null ? null : longest > 0;
				return { ...wayOf(route.text, cluster, [...levels, route, host, whole], authorizations), bounded };
			});
		});
	});
}

function clustersOf(action: Message): { cluster: string | null; weighted?: unknown }[] {
	const weighted = listAt(action, "weighted_clusters", "clusters");
	if (weighted.length > 0) {
		return weighted.map((one) => ({ cluster: textAt(one, "name") || null, weighted: one }));
	}
	return [{ cluster: textAt(action, "cluster") || null }];
}

function wayOf(
	text: string,
	cluster: string | null,
	levels: readonly Level[],
	authorizations: readonly HttpFilter[],
): Omit<Way, "bounded"> {
	const said = authorizations.map((filter) => ({ filter, ...sayingOf(filter, levels) }));
	const asked = said.flatMap(({ on, by: _, ...question }) => (on ? [question] : []));
	return { text, cluster, asked, switchedOff: said.find(({ on, by }) => !on && by !== null)?.by ?? null };
}

/** What the most specific level that mentions a filter says of it. */
function sayingOf(filter: HttpFilter, levels: readonly Level[]) {
	for (const { text, message } of levels) {
		const [, any] = entriesAt(message, "typed_per_filter_config").find(([name]) => name === filter.name) ?? [];
		const outer = typedAt({ any }, "any");
		if (outer === null) continue;
		const wrapped = outer.type.endsWith(".FilterConfig");
		const settings = wrapped ? (typedAt(outer.value, "config")?.value ?? {}) : outer.value;
		const off = at(settings, "disabled") === true || (wrapped && at(outer.value, "disabled") === true);
		const check = at(settings, "check_settings");
		const named = textAt(check, "context_extensions", "firebreak.destination") !== "";
		const elsewhere = (messageAt(check, "grpc_service") ?? messageAt(check, "http_service")) !== null;
		return { on: !off, by: text, namesDestination: named, elsewhere };
	}
	return { on: !filter.disabled, by: null, namesDestination: false, elsewhere: false };
}

/** The clusters that a TCP proxy, or another filter that names them so, forwards connections to. */
export function clustersOfProxy(config: Message): string[] {
	const weighted = listAt(config, "weighted_clusters", "clusters").map((one) => textAt(one, "name"));
	return [textAt(config, "cluster"), ...weighted].filter((name) => name !== "");
}

/** Whether a cluster has no address and never will: Istio sends there what is to be dropped. */
export function leadsNowhere(dump: Dump, cluster: string): boolean {
	const known = dump.clusters.get(cluster);
	return (
		known !== undefined && ["", "STATIC"].includes(textAt(known, "type")) && addressesOf(dump, cluster).length === 0
	);
}

/** What tells two clusters for the same service: their addresses, or their name where these are not known. */
export function servicesOf(dump: Dump, cluster: string): string[] {
	const addresses = addressesOf(dump, cluster).flatMap(({ address }) => addressText(address) ?? []);
	return addresses.length > 0 ? addresses : [`cluster ${cluster}`];
}
