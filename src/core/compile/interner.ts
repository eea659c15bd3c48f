/**
 * Policies repeat themselves: the same templates, methods, scopes and conditions, thousands of times. One compilation
 * run shares what is equal, and parses each distinct text once.
 */
import { type Condition, compileCondition } from "../condition/condition.ts";
import type { PathException, PolicyRow } from "../model.ts";
import type { Target } from "../snapshot.ts";
import { type GrpcPattern, parseGrpcPattern, parseTemplate, type Template } from "../template.ts";
import type { Complaint } from "./complaint.ts";

export type Interned<T> =
	| { readonly ok: true; readonly value: T }
	| { readonly ok: false; readonly complaint: Complaint };

export class Interner {
	readonly #strings = new Map<string, string>();
	readonly #lists = new Map<string, readonly string[]>();
	readonly #templates = new Map<string, Interned<Template>>();
	readonly #grpc = new Map<string, Interned<GrpcPattern>>();
	readonly #conditions = new Map<string, Interned<Condition>>();
	readonly #targets = new Map<string, Interned<Target>>();

	string(text: string): string {
		const known = this.#strings.get(text);
		if (known !== undefined) return known;
		this.#strings.set(text, text);
		return text;
	}

	/** A frozen list; order is kept, since callers show it. */
	list(items: readonly string[]): readonly string[] {
		if (items.length === 0) return EMPTY;
		const key = items.join("\n");
		let list = this.#lists.get(key);
		if (!list) {
			list = Object.freeze(items.map((item) => this.string(item)));
			this.#lists.set(key, list);
		}
		return list;
	}

	condition(text: string): Interned<Condition> {
		return memo(this.#conditions, text, () => {
			const result = compileCondition(text);
			return result.ok
				? { ok: true, value: result.condition }
				: { ok: false, complaint: { field: "condition", message: result.message, cure: result.cure } };
		});
	}

	/**
	 * What the policy is about; the complaint names the first of its arguments that does not parse. `exceptions` are the
	 * destination's, since they widen what a literal may hold.
	 */
	target(policy: PolicyRow, exceptions: readonly PathException[]): Interned<Target> {
		const key = [
			policy.methods.join("\n"),
			policy.paths.join("\n"),
			policy.grpc.join("\n"),
			policy.hosts.join("\n"),
			policy.upgrade ?? "",
			exceptions.join("\n"),
		].join("\0");
		return memo(this.#targets, key, () => this.#buildTarget(policy, exceptions));
	}

	#buildTarget(policy: PolicyRow, exceptions: readonly PathException[]): Interned<Target> {
		const templates: Template[] = [];
		for (const text of policy.paths) {
			const template = this.#template(text, exceptions);
			if (!template.ok) return template;
			templates.push(template.value);
		}
		const grpc: GrpcPattern[] = [];
		for (const text of policy.grpc) {
			const pattern = this.#grpcPattern(text);
			if (!pattern.ok) return pattern;
			grpc.push(pattern.value);
		}
		return {
			ok: true,
			value: Object.freeze({
				methods: policy.methods.includes("*") ? null : this.list(policy.methods),
				templates: Object.freeze(templates),
				grpc: Object.freeze(grpc),
				hosts: policy.hosts.length === 0 ? null : this.list(policy.hosts),
				upgrade: policy.upgrade === null ? null : this.string(policy.upgrade),
			}),
		};
	}

	#template(text: string, exceptions: readonly PathException[]): Interned<Template> {
		return memo(this.#templates, `${exceptions.join(" ")} ${text}`, () => {
			const result = parseTemplate(text, exceptions);
			return result.ok
				? { ok: true, value: result.template }
				: { ok: false, complaint: { field: "paths", message: result.message, cure: result.cure } };
		});
	}

	#grpcPattern(text: string): Interned<GrpcPattern> {
		return memo(this.#grpc, text, () => {
			const result = parseGrpcPattern(text);
			return result.ok
				? { ok: true, value: result.pattern }
				: { ok: false, complaint: { field: "grpc", message: result.message, cure: result.cure } };
		});
	}
}

function memo<T>(known: Map<string, T>, key: string, make: () => T): T {
	let value = known.get(key);
	if (value === undefined) {
		value = make();
		known.set(key, value);
	}
	return value;
}

const EMPTY: readonly string[] = Object.freeze([]);
