/**
 * What puts a policy set back as it was: one step for each call, in whose name it is made, and in what order the steps of
 * different owners have to run. Every step is made with the rights of one owner, whose folder it goes to.
 */
import { takers } from "./claims.ts";
import { isSame, OBJECT_KINDS, type ObjectChange, type ObjectKind, type ObjectSpec } from "./objects.ts";

export interface UndoStep {
	/** In whose folder it stands. */
	readonly owner: string;
	readonly kind: ObjectKind;
	readonly name: string;
	readonly call:
		| { readonly do: "state"; readonly spec: ObjectSpec }
		| { readonly do: "remove" }
		/** Of a crossing, by the owner of its destination's domain. */
		| { readonly do: "accept" }
		| { readonly do: "withdraw" };
	/** What had become of the object: it was `added`, `removed` or `altered`, in which fields. */
	readonly change: "added" | "removed" | "altered";
	readonly fields: readonly string[];
}

/** Finds a domain, segment or issuer as it is now; null when there is none. */
export type LookUp = (kind: "domain" | "segment" | "issuer", name: string) => ObjectSpec | null;

export interface UndoPlan {
	/** The steps of one file each, in the order in which the files have to run. */
	readonly files: readonly (readonly UndoStep[])[];
	/** What one owner cannot put back alone, since it has gone from one owner to another: by kind and name. */
	readonly left: readonly Pick<UndoStep, "kind" | "name" | "owner">[];
}

export interface UndoContext {
	readonly present: LookUp;
	/** Whose folder holds what operators write: owners and domains. */
	readonly operators: string;
	/** Without what belongs to other owners than this one; null: everything. */
	readonly only: string | null;
}

/** Of each change, `before` comes back and `after` goes. */
export function planUndo(changes: readonly ObjectChange[], context: UndoContext): UndoPlan {
	const { only } = context;
	const steps = new Undoing(changes, context).steps();
	const moved = new Set(
		steps.filter(({ phase }) => phase === PHASE.handOver).map(({ step }) => keyOf(step.kind, step.name)),
	);
	const isMoved = ({ step }: Phased) => only !== null && moved.has(keyOf(step.kind, step.name));
	const own = steps.filter(({ step }) => only === null || step.owner === only);
	return {
		files: group(own.filter((phased) => !isMoved(phased))).map((file) => file.sort(byOrder).map(({ step }) => step)),
		left: own.filter(isMoved).map(({ step: { kind, name } }) => ({
			kind,
			name,
			owner: steps.find(({ step }) => step.kind === kind && step.name === name && step.owner !== only)!.step.owner,
		})),
	};
}

/** Steps of an earlier phase, whoever makes them, run before those of a later one. */
interface Phased {
	readonly phase: number;
	readonly step: UndoStep;
}

const PHASE = {
	/** While what they belong to is still there. */
	limitsGo: 0,
	ownersAndDomainsCome: 1,
	/** An object that goes to another owner is given up by the present one first. */
	handOver: 2,
	ordinary: 3,
	/** Segments whose workloads those of other owners have given up. */
	takersCome: 4,
	/** When what they belong to has come, by another owner's hand. */
	dependentsCome: 5,
	ownersAndDomainsGo: 6,
} as const;

class Undoing {
	readonly #changes: ReadonlyMap<string, ObjectChange>;
	readonly #context: UndoContext;
	readonly #takers: ReadonlySet<string>;

	constructor(changes: readonly ObjectChange[], context: UndoContext) {
		this.#changes = new Map(changes.map((change) => [keyOf(change.kind, change.name), change]));
		this.#context = context;
		this.#takers = takers(changes);
	}

	steps(): readonly Phased[] {
		return [...this.#changes.values()].flatMap((change) => this.#stepsOf(change));
	}

	#stepsOf(change: ObjectChange): readonly Phased[] {
		const { kind, name, before, after } = change;
		const comes = before && this.#ownerOf(kind, before);
		const goes = after && this.#ownerOf(kind, after);
		const steps: Phased[] = [];
		const add = (phase: number, owner: string, call: UndoStep["call"]) => {
			steps.push({ phase, step: { owner, kind, name, call, ...historyOf(change) } });
		};
		if (goes !== null && comes === null) {
			if (kind === "rate_limit" && this.#holderOf(after!))
				add(PHASE.limitsGo, this.#limitOwner(after!, this.#context.present), { do: "remove" });
			else add(this.#phaseOfRemoval(kind), goes, { do: "remove" });
		} else if (goes !== null && comes !== goes) {
			add(PHASE.handOver, goes, { do: "remove" });
		}
		if (comes === null) return steps;
		const restated = kind !== "crossing" || !isSame(contentOf(before!), after && contentOf(after));
		if (restated) add(this.#phaseOfStatement(change, before!, comes), comes, { do: "state", spec: before! });
		if (kind === "crossing") {
			const consenting = this.#domainOwner(String(before!.destination_domain));
			const phase = restated && consenting !== comes ? PHASE.dependentsCome : PHASE.ordinary;
			if (before!.accepted === true) {
				add(phase, consenting, { do: "accept" });
			} else if (!restated) {
				add(phase, consenting, { do: "withdraw" });
			}
		}
		return steps;
	}

	/** In whose name an object of this form is written, once owners and domains are what they were. */
	#ownerOf(kind: ObjectKind, spec: ObjectSpec): string {
		switch (kind) {
			case "owner":
			case "domain":
				return this.#context.operators;
			case "issuer":
				return this.#domainOwner(String(spec.domain));
			case "rate_limit":
				return this.#limitOwner(spec, (of, name) => this.#then(of, name));
			default:
				return String(spec.owner);
		}
	}

	#limitOwner({ kind, name }: ObjectSpec, lookUp: LookUp): string {
		const holder = lookUp(kind === "domain" ? "domain" : kind === "token" ? "issuer" : "segment", String(name));
		if (kind === "domain" || kind === "segment") return String(holder?.owner);
		return String(lookUp("domain", String(holder?.domain))?.owner);
	}

	/** Of an undo of a team's part: the present one, since it leaves domains alone. */
	#domainOwner(name: string): string {
		const { only, operators, present } = this.#context;
		const then = this.#then("domain", name)?.owner;
		const restored = only === null || only === operators;
		return String(restored ? then : (present("domain", name)?.owner ?? then));
	}

	/** As it was; what was not there then is as it is now, until it goes. */
	#then(kind: "domain" | "segment" | "issuer", name: string): ObjectSpec | null {
		return this.#changes.get(keyOf(kind, name))?.before ?? this.#context.present(kind, name);
	}

	#phaseOfRemoval(kind: ObjectKind): number {
		return kind === "owner" || kind === "domain" ? PHASE.ownersAndDomainsGo : PHASE.ordinary;
	}

	#phaseOfStatement({ kind, name }: ObjectChange, spec: ObjectSpec, owner: string): number {
		if (kind === "owner" || kind === "domain") return PHASE.ownersAndDomainsCome;
		if (kind === "segment" && this.#takers.has(name)) return PHASE.takersCome;
		return kind === "rate_limit" && this.#dependsOnOthers(spec, owner) ? PHASE.dependentsCome : PHASE.ordinary;
	}

	/** Whether what a rate limit bounds comes by another owner's hand, or after the rest. */
	#dependsOnOthers(limit: ObjectSpec, owner: string): boolean {
		const holder = this.#holderOf(limit);
		if (!holder) return false;
		if (holder.kind === "segment" && this.#takers.has(holder.name)) return true;
		return [holder.before, holder.after].some((spec) => spec && this.#ownerOf(holder.kind, spec) !== owner);
	}

	/** The segment or issuer that a rate limit bounds, when it changes. Domains are there before and after the rest. */
	#holderOf({ kind, name }: ObjectSpec): ObjectChange | undefined {
		if (kind === "domain") return undefined;
		return this.#changes.get(keyOf(kind === "token" ? "issuer" : "segment", String(name)));
	}
}

/** A crossing without the consent to it. */
function contentOf({ accepted: _, ...content }: ObjectSpec): ObjectSpec {
	return content;
}

function historyOf({ before, after }: ObjectChange): Pick<UndoStep, "change" | "fields"> {
	if (before === null) return { change: "added", fields: [] };
	if (after === null) return { change: "removed", fields: [] };
	return { change: "altered", fields: Object.keys(before).filter((field) => !isSame(before[field], after[field])) };
}

/** As few files as the order allows: a step joins its owner's last file unless one behind it has to run before the step. */
function group(steps: readonly Phased[]): Phased[][] {
	const files: { readonly owner: string; readonly steps: Phased[]; earliest: number }[] = [];
	for (const phased of [...steps].sort((a, b) => a.phase - b.phase)) {
		const { owner } = phased.step;
		const own = files.findLastIndex((file) => file.owner === owner);
		if (own >= 0 && files.slice(own + 1).every(({ earliest }) => earliest >= phased.phase)) {
			files[own]!.steps.push(phased);
		} else {
			files.push({ owner, steps: [phased], earliest: phased.phase });
		}
	}
	return files.map((file) => file.steps);
}

/** Within a file: what goes before what comes, each so that nothing is without what it refers to, then by name. */
function byOrder(a: Phased, b: Phased): number {
	if (a.phase !== b.phase) return a.phase - b.phase;
	const [left, right] = [rankOf(a.step), rankOf(b.step)];
	if (left !== right) return left - right;
	return a.step.name < b.step.name ? -1 : a.step.name > b.step.name ? 1 : 0;
}

function rankOf({ kind, call }: UndoStep): number {
	const place = OBJECT_KINDS.indexOf(kind);
	if (call.do === "remove") return -place;
	return 1 + place * 2 + (call.do === "state" ? 0 : 1);
}

const keyOf = (kind: ObjectKind, name: string): string => `${kind} ${name}`;
