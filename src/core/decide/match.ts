/** Whether one rule is about one request: everything of a rule but its source, destination and effect. */
import type { Request } from "../request.ts";
import type { Rule, Target } from "../snapshot.ts";
import { captureParams, matchGrpc, matchTemplate } from "../template.ts";

/** The first predicate that does not hold, of those that need no credential; null when all hold. */
export function targetMiss(
	rule: Rule,
	request: Request,
	now: number,
): "validity" | "method" | "path" | "host" | "upgrade" | null {
	const { validity, target } = rule;
	if (validity !== null && !(now >= validity.from && now < validity.until)) return "validity";
	// A deny without an upgrade means "whatever the upgrade"; an allow without one is about plain requests only.
	if (target.upgrade === null ? request.upgrade !== null && !rule.deny : target.upgrade !== request.upgrade) {
		return "upgrade";
	}
	if (target.hosts !== null && !target.hosts.includes(request.host)) return "host";
	return operationMiss(target, request);
}

function operationMiss(target: Target, request: Request): "method" | "path" | null {
	for (const pattern of target.grpc) {
		if (request.method === "POST" && matchGrpc(pattern, request.path)) return null;
	}
	if (templateIndex(target, request) === -1) return "path";
	return target.methods === null || target.methods.includes(request.method) ? null : "method";
}

function templateIndex(target: Target, request: Request): number {
	const { templates } = target;
	for (let index = 0; index < templates.length; index++) {
		if (matchTemplate(templates[index]!, request.segments)) return index;
	}
	return -1;
}

/** Scopes are compared whole and byte for byte. */
export function holdsScopes(rule: Rule, held: readonly string[]): boolean {
	for (const scope of rule.scopes) if (!held.includes(scope)) return false;
	return rule.scopesAny.length === 0 || rule.scopesAny.some((scope) => held.includes(scope));
}

/** What the token lacks: every missing scope, and the first of the alternatives when none of them is held. */
export function missingScopes(rule: Rule, held: readonly string[]): readonly string[] {
	const missing = rule.scopes.filter((scope) => !held.includes(scope));
	const alternative = rule.scopesAny[0];
	if (alternative !== undefined && !rule.scopesAny.some((scope) => held.includes(scope))) missing.push(alternative);
	return missing;
}

/** The names that the rule's path captured, decoded. */
export function paramsOf(rule: Rule, request: Request): Readonly<Record<string, string>> {
	const template = rule.target.templates[templateIndex(rule.target, request)];
	return template ? captureParams(template, request.segments) : Object.create(null);
}
