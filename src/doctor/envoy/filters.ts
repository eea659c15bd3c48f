/** The HTTP filters of a connection manager, in their order, and what stands before and behind the authorization. */
import type { Dump } from "./dump.ts";
import { at, listAt, type Message, messageAt, type Typed, textAt, typedAt } from "./json.ts";

export interface HttpFilter {
	/** By which routes speak of it. */
	readonly name: string;
	/** Null: delivered apart, and not here. */
	readonly config: Typed | null;
	/** Off unless a route switches it on. */
	readonly disabled: boolean;
	/** A matcher around it decides for which requests it runs. */
	readonly conditional: boolean;
}

/** Of a connection manager, or of one of its upgrades. */
export function filtersOf(dump: Dump, filters: readonly unknown[]): HttpFilter[] {
	return filters.map((filter) => {
		const name = textAt(filter, "name");
		const discovered = messageAt(filter, "config_discovery") !== null;
		const outer = discovered ? (dump.extensions.get(name) ?? null) : typedAt(filter, "typed_config");
		const wrapped = outer?.type.endsWith(".ExtensionWithMatcher") === true;
		const config = wrapped ? typedAt(outer.value, "extension_config", "typed_config") : outer;
		return { name, config, disabled: at(filter, "disabled") === true, conditional: wrapped };
	});
}

export const AUTHORIZATION_TYPE = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";

export function isAuthorization(filter: HttpFilter): boolean {
	return filter.config?.type === AUTHORIZATION_TYPE;
}

const HTTP = "envoy.extensions.filters.http";

/** Filters that answer requests by themselves, from what they answered before or by calling something else than the route's cluster. */
const ANSWERS = new Set([
	`${HTTP}.cache.v3.CacheConfig`,
	`${HTTP}.cache_v2.v3.CacheV2Config`,
	`${HTTP}.aws_lambda.v3.Config`,
]);

/** Filters that change the method, path, host or headers of a request, or run anybody's code on it. */
const CHANGES = new Set([
	`${HTTP}.lua.v3.Lua`,
	`${HTTP}.ext_proc.v3.ExternalProcessor`,
	`${HTTP}.wasm.v3.Wasm`,
	`${HTTP}.golang.v3alpha.Config`,
	`${HTTP}.dynamic_modules.v3.DynamicModuleFilter`,
	`${HTTP}.header_mutation.v3.HeaderMutation`,
	`${HTTP}.grpc_json_transcoder.v3.GrpcJsonTranscoder`,
	`${HTTP}.composite.v3.Composite`,
	`${HTTP}.dynamic_forward_proxy.v3.FilterConfig`,
	`${HTTP}.aws_lambda.v3.Config`,
]);

/** Names of filters ahead of the first authorization that can answer for the service. */
export function answering(filters: readonly HttpFilter[]): string[] {
	const first = filters.findIndex(isAuthorization);
	return filters
		.slice(0, Math.max(first, 0))
		.flatMap(({ name, config }) => (config && ANSWERS.has(config.type) ? [name] : []));
}

/** Names of filters behind the last authorization that can change what was judged. */
export function changing(filters: readonly HttpFilter[]): string[] {
	const last = filters.findLastIndex(isAuthorization);
	if (last < 0) return [];
	return filters.slice(last + 1).flatMap(({ name, config }) => (config && CHANGES.has(config.type) ? [name] : []));
}

/** Upgrades whose own filters hold no authorization, by their name. */
export function unguardedUpgrades(dump: Dump, manager: Message): string[] {
	return listAt(manager, "upgrade_configs").flatMap((upgrade) => {
		const own = listAt(upgrade, "filters");
		if (own.length === 0 || at(upgrade, "enabled") === false) return [];
		return filtersOf(dump, own).some(isAuthorization) ? [] : [textAt(upgrade, "upgrade_type")];
	});
}
