/**
 * Istio's way to choose the requests that a CUSTOM policy is about: an RBAC filter judges them in its shadow, and marks in
 * the metadata those that match; the authorization filter runs for the marked ones.
 */
import type { HttpFilter } from "./filters.ts";
import { at, entriesAt, listAt, type Message, textAt } from "./json.ts";

const RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC";
const FILTER_NAME = "envoy.filters.http.rbac";

/** Whether an authorization filter runs for what an RBAC filter ahead of it marks, and that marks every request. */
export function markedByRbac(filters: readonly HttpFilter[], authorization: Message): boolean {
	const wanted = at(authorization, "filter_enabled_metadata");
	if (textAt(wanted, "filter") !== FILTER_NAME) return false;
	const prefix = textAt(wanted, "value", "string_match", "prefix");
	if (prefix === "") return false;
	return filters.some(({ name, config, disabled }) => {
		if (config?.type !== RBAC || name !== FILTER_NAME || disabled) return false;
		return entriesAt(config.value, "shadow_rules", "policies").some(
			([policy, rule]) =>
				policy.startsWith(prefix) &&
				listAt(rule, "permissions").some((permission) => isAny(permission)) &&
				listAt(rule, "principals").some((principal) => isAny(principal)),
		);
	});
}

/** Whether a permission or a principal matches everything. */
function isAny(rule: unknown): boolean {
	if (at(rule, "any") === true) return true;
	const all = [...listAt(rule, "and_rules", "rules"), ...listAt(rule, "and_ids", "ids")];
	const some = [...listAt(rule, "or_rules", "rules"), ...listAt(rule, "or_ids", "ids")];
	return (all.length > 0 && all.every(isAny)) || some.some(isAny);
}
