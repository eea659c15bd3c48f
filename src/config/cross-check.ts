/** What single values cannot tell: settings that contradict each other, or whose effect this version does not have. */
import { collide, isLocal } from "./address.ts";
import type { FileCheck } from "./files.ts";
import { type Environment, type Note, VARIABLES, type Values, type VariableName } from "./variables.ts";

/** Anything but the default is refused, since it would silently have no effect. */
const NOT_YET: readonly VariableName[] = ["FIREBREAK_PUBLIC_ADDR", "FIREBREAK_KEYS_DIR"];

const TLS = ["FIREBREAK_GRPC_TLS_CERT", "FIREBREAK_GRPC_TLS_KEY", "FIREBREAK_GRPC_TLS_CLIENT_CA"] as const;
const FILES = [...TLS, "FIREBREAK_ADMIN_TOKEN_FILE"] as const;

/** Each says what is wrong with a path, or null. */
export interface FileChecks {
	readonly checkFile: FileCheck;
	readonly checkPlace: FileCheck;
}

export function crossCheck(env: Environment, values: Values, { checkFile, checkPlace }: FileChecks, note: Note): void {
	checkSupport(env, values, note);
	for (const name of FILES) {
		const cause = values[name] === null ? null : checkFile(values[name]);
		if (cause !== null) note(name, cause, "name a file that this user can read");
	}
	const snapshot = values.FIREBREAK_SNAPSHOT_PATH;
	const misplaced = snapshot === null || snapshot === "off" ? null : checkPlace(snapshot);
	if (misplaced !== null) {
		note("FIREBREAK_SNAPSHOT_PATH", misplaced, "name a file in a folder that is there and that this user can write");
	}
	checkGrpc(values, note);
	checkAdmin(values, note);
	checkAges(values, note);
}

/** Whether all certificate files are named. */
export function hasTls(values: Values): boolean {
	return TLS.every((name) => values[name] !== null);
}

function checkSupport(env: Environment, values: Values, note: Note): void {
	for (const name of NOT_YET) {
		const changed = env[name] && env[name] !== VARIABLES[name].initial;
		if (changed && values[name] !== null) note(name, "this version does not support it yet", "leave it unset");
	}
	const stores = [values.FIREBREAK_REPLAY_STORE, values.FIREBREAK_RATE_STORE];
	if (stores.includes("redis") && !env.FIREBREAK_REDIS_URL) {
		note("FIREBREAK_REDIS_URL", "a store is redis, and no Redis is named", "set it, or keep the stores in memory");
	}
	if (stores.every((store) => store === "memory") && values.FIREBREAK_REDIS_URL !== null) {
		note("FIREBREAK_REDIS_URL", "every store is memory, so nothing would use it", "make a store redis, or unset it");
	}
}

function checkGrpc(values: Values, note: Note): void {
	const missing = TLS.filter((name) => values[name] === null);
	if (missing.length > 0 && missing.length < TLS.length) {
		for (const name of missing)
			note(name, "other certificate files are set, and this one is not", "set all three, or none");
		return;
	}
	const tls = missing.length === 0;
	const identity = values.FIREBREAK_ENFORCER_IDENTITY;
	if (identity === "tls" && !tls)
		note("FIREBREAK_ENFORCER_IDENTITY", "tls needs certificates", `set ${TLS.join(", ")}`);
	const address = values.FIREBREAK_GRPC_ADDR;
	if (address === null || isLocal(address)) return;
	if (!tls) {
		const cure = `set ${TLS.join(", ")}, or listen on a loopback address or a socket`;
		note("FIREBREAK_GRPC_ADDR", "other machines can reach it, and there is no TLS", cure);
	}
	if (identity === "none") {
		const cure = "set it to tls, or listen on a loopback address or a socket";
		note("FIREBREAK_ENFORCER_IDENTITY", "with none, other machines could ask about any destination", cure);
	}
}

function checkAdmin(values: Values, note: Note): void {
	const address = values.FIREBREAK_ADMIN_ADDR;
	if (address === null || address === "off") return;
	if (!isLocal(address) && values.FIREBREAK_ADMIN_TOKEN_FILE === null) {
		const cure = "set FIREBREAK_ADMIN_TOKEN_FILE, or listen on a loopback address or a socket";
		note("FIREBREAK_ADMIN_ADDR", "other machines can reach it, and no token protects it", cure);
	}
	const grpc = values.FIREBREAK_GRPC_ADDR;
	if (grpc !== null && collide(grpc, address)) {
		note("FIREBREAK_ADMIN_ADDR", "it is the address of gRPC too", "choose another port or socket");
	}
}

function checkAges(values: Values, note: Note): void {
	const poll = values.FIREBREAK_POLL_INTERVAL;
	for (const name of ["FIREBREAK_MAX_POLICY_AGE", "FIREBREAK_MAX_REVOCATION_AGE"] as const) {
		const age = values[name];
		if (age !== null && poll !== null && age <= poll) {
			note(name, "it is not longer than FIREBREAK_POLL_INTERVAL", "raise it, or poll more often");
		}
	}
}
