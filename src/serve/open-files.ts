/** How many connections there may be without running out of file descriptors, at which a server could not even read its policy. */
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** Connections that each side takes at once. */
export interface ConnectionBounds {
	readonly grpc: number;
	readonly public: number;
	readonly admin: number;
}

const ALL: ConnectionBounds = {
	grpc: LIMITS.grpcConnections,
	public: LIMITS.publicConnections,
	admin: LIMITS.adminConnections,
};
const SUM = ALL.grpc + ALL.public + ALL.admin;
/** Files that may have to be open for all of them. */
const WANTED = SUM + LIMITS.otherFiles;

/** The soft limit, which Node has raised to the hard one at its start; null where the system has none, or does not tell. */
export function openFileLimit(): number | null {
	// The option is younger than the types.
	const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
	const { excludeNetwork } = report;
	try {
		// Else it would look up the names of peers.
		report.excludeNetwork = true;
		const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
		const soft = userLimits?.open_files?.soft;
		return typeof soft === "number" ? soft : null;
	} finally {
		report.excludeNetwork = excludeNetwork;
	}
}

/**
 * The limits' own numbers, or as large a part of each as the files that may be open allow; at least one.
 * @param openFiles as of openFileLimit
 */
export function connectionBounds(openFiles: number | null): ConnectionBounds {
	if (openFiles === null || openFiles >= WANTED) return ALL;
	const part = (openFiles - LIMITS.otherFiles) / SUM;
	const of = (whole: number) => Math.max(1, Math.floor(whole * part));
	return { grpc: of(ALL.grpc), public: of(ALL.public), admin: of(ALL.admin) };
}

/** What to warn of at the start; null when nothing is cut. */
export function openFilesShort(openFiles: number | null): FirebreakError | null {
	const bounds = connectionBounds(openFiles);
	if (bounds === ALL) return null;
	const problem = {
		object: "limit of open files",
		message: `it is ${openFiles}, so that ${bounds.grpc} connections of proxies are taken at once, in place of ${ALL.grpc}`,
		cure: `raise it to ${WANTED} or more: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container`,
	};
	return new FirebreakError("config_invalid", "fewer connections are taken than could come", { problems: [problem] });
}
