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
	if (!matchesTemplate(target, request)) return "path";
	return target.methods === null || target.methods.includes(request.method) ? null : "method";
}

function matchesTemplate({ templates }: Target, request: Request): boolean {
	for (const template of templates) if (matchTemplate(template, request.segments)) return true;
	return false;
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

/** What each template of the rule that matches captured, decoded; a rule that matches without one captures nothing. */
export function capturesOf(rule: Rule, request: Request): readonly Readonly<Record<string, string>>[] {
	const captures = rule.target.templates
		.filter((template) => matchTemplate(template, request.segments))
		.map((template) => captureParams(template, request.segments));
	return captures.length > 0 ? captures : NO_CAPTURES;
}

const NO_CAPTURES: readonly Readonly<Record<string, string>>[] = Object.freeze([Object.freeze(Object.create(null))]);
