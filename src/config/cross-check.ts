/** What single values cannot tell: settings that contradict each other, or whose effect this version does not have. */
import { collide, isLocal } from "./address.ts";
import type { FileCheck } from "./files.ts";
import type { Environment, Note, Values } from "./variables.ts";

const TLS = ["FIREBREAK_GRPC_TLS_CERT", "FIREBREAK_GRPC_TLS_KEY", "FIREBREAK_GRPC_TLS_CLIENT_CA"] as const;
const PUBLIC_TLS = ["FIREBREAK_PUBLIC_TLS_CERT", "FIREBREAK_PUBLIC_TLS_KEY", "FIREBREAK_PUBLIC_TLS_CLIENT_CA"] as const;
const FILES = [...TLS, ...PUBLIC_TLS, "FIREBREAK_ADMIN_TOKEN_FILE", "FIREBREAK_ADMIN_OPERATOR_TOKEN_FILE"] as const;

/** Each says what is wrong with a path, or null. */
export interface FileChecks {
	readonly checkFile: FileCheck;
	readonly checkPlace: FileCheck;
	readonly checkFolder: FileCheck;
}

export function crossCheck(env: Environment, values: Values, files: FileChecks, note: Note): void {
	const { checkFile, checkPlace, checkFolder } = files;
	checkStores(env, values, note);
	for (const name of FILES) {
		const cause = values[name] === null ? null : checkFile(values[name]);
		if (cause !== null) note(name, cause, "name a file that this user can read");
	}
	const snapshot = values.FIREBREAK_SNAPSHOT_PATH;
	const misplaced = snapshot === null || snapshot === "off" ? null : checkPlace(snapshot);
	if (misplaced !== null) {
		note("FIREBREAK_SNAPSHOT_PATH", misplaced, "name a file in a folder that is there and that this user can write");
	}
	const keys = values.FIREBREAK_KEYS_DIR;
	const noFolder = keys === null || keys === "off" ? null : checkFolder(keys);
	if (noFolder !== null) note("FIREBREAK_KEYS_DIR", noFolder, "name a folder that this user can read");
	checkGrpc(values, note);
	checkAdmin(values, note);
	checkPublic(values, note);
	checkAges(values, note);
}

/** Whether all certificate files of a listener are named. */
export function hasTls(values: Values, listener: "grpc" | "public"): boolean {
	return (listener === "grpc" ? TLS : PUBLIC_TLS).every((name) => values[name] !== null);
}

/** Whether some are named and others not; then those are noted. */
function isPartial(values: Values, names: typeof TLS | typeof PUBLIC_TLS, note: Note): boolean {
	const missing = names.filter((name) => values[name] === null);
	if (missing.length === 0 || missing.length === names.length) return false;
	for (const name of missing) {
		note(name, "other certificate files are set, and this one is not", "set all three, or none");
	}
	return true;
}

function checkStores(env: Environment, values: Values, note: Note): void {
	const stores = [values.FIREBREAK_REPLAY_STORE, values.FIREBREAK_RATE_STORE];
	if (stores.includes("redis") && !env.FIREBREAK_REDIS_URL) {
		note("FIREBREAK_REDIS_URL", "a store is redis, and no Redis is named", "set it, or keep the stores in memory");
	}
	if (stores.every((store) => store === "memory") && values.FIREBREAK_REDIS_URL !== null) {
		note("FIREBREAK_REDIS_URL", "every store is memory, so nothing would use it", "make a store redis, or unset it");
	}
}

function checkGrpc(values: Values, note: Note): void {
	if (isPartial(values, TLS, note)) return;
	const tls = hasTls(values, "grpc");
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

function checkPublic(values: Values, note: Note): void {
	const address = values.FIREBREAK_PUBLIC_ADDR;
	if (address === null || isPartial(values, PUBLIC_TLS, note)) return;
	const tls = hasTls(values, "public");
	if (address === "off") {
		if (tls)
			note("FIREBREAK_PUBLIC_ADDR", "its certificates are set, and it is off", "set it, or unset the certificates");
		return;
	}
	if (!tls && !isLocal(address)) {
		const cure = `set ${PUBLIC_TLS.join(", ")}, or listen on a loopback address or a socket`;
		note("FIREBREAK_PUBLIC_ADDR", "other machines can reach it, and there is no TLS", cure);
	}
	for (const name of ["FIREBREAK_GRPC_ADDR", "FIREBREAK_ADMIN_ADDR"] as const) {
		const other = values[name];
		if (other === null || other === "off" || !collide(other, address)) continue;
		note("FIREBREAK_PUBLIC_ADDR", `it is the address of ${name} too`, "choose another port or socket");
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
