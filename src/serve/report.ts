/** What happens to the server's parts, as log lines and figures. */
import type { Change } from "../admin/control.ts";
import type { RecorderEvents } from "../audit/recorder.ts";
import type { RetentionEvents } from "../audit/retention.ts";
import type { KeyReport } from "../authn/keys/source.ts";
import { FirebreakError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Drop, DropCause } from "../extauthz/connections.ts";
import type { FollowStatus } from "../store/follow/events.ts";
import type { SchemaWatchOptions } from "../store/schema-watch.ts";
import type { HeartbeatEvents } from "../store/servers/heartbeat.ts";
import type { KeeperEvents } from "../store/snapshot-file/keeper.ts";
import type { LogFields, Logger } from "../telemetry/logging.ts";
import type { PolicyFigures } from "../telemetry/metrics.ts";

/** Keys that cannot be fetched are retried often: one line for each issuer and cause, until something else happens. */
export function logKeys(logger: Logger): (report: KeyReport) => void {
	const told = new Map<string, string>();
	return (report) => {
		const { issuer } = report;
		if (report.kind === "unreachable") {
			if (told.get(issuer) === report.cause) return;
			told.set(issuer, report.cause);
			logger.warn("an issuer's keys cannot be fetched; the last good ones stay", { issuer, cause: report.cause });
			return;
		}
		told.delete(issuer);
		if (report.kind === "changed") {
			logger.info("an issuer's keys changed", { issuer, count: report.added + report.withdrawn });
		} else {
			const problems = report.problems.map((problem) => ({ object: `issuer ${issuer}`, ...problem }));
			const error = new FirebreakError("policy_invalid", "the key set is unsound", { problems });
			logger.error("an issuer's keys were refused; the last good ones stay", { issuer, error });
		}
	};
}

export function logRecords(logger: Logger): RecorderEvents {
	return {
		lost(counts) {
			for (const [kind, count] of Object.entries(counts)) {
				if (count > 0) logger.error("records of decisions were lost", { kind, count });
			}
		},
		sinkDown: (error) => logger.warn("records cannot be stored; they wait", { error }),
		sinkBack: () => logger.info("records are stored again"),
	};
}

export function logRetention(logger: Logger): RetentionEvents {
	return {
		pruned: (count) => logger.info("old records were deleted", { count }),
		failed(cause, error) {
			if (cause === "error") logger.warn("old records could not be deleted; it is tried again", { error });
			else logger.info("old records are left to somebody who may delete them: this role only inserts");
		},
	};
}

export function logHeartbeat(logger: Logger): HeartbeatEvents {
	return {
		lost: (error) => logger.warn("the heartbeat cannot be written; nobody sees what this server enforces", { error }),
		back: () => logger.info("the heartbeat is written again"),
	};
}

export function logSchema(logger: Logger): SchemaWatchOptions["report"] {
	return (missing) => {
		if (missing.length === 0) {
			logger.info("the database's schema is no older than this program any more");
			return;
		}
		const problem = `${missing[0]}${missing.length > 1 ? ` and ${missing.length - 1} more` : ""}; run: firebreak migrate up`;
		logger.warn("the database's schema is older than this program", { problem });
	};
}

export function logSnapshotFile(logger: Logger): KeeperEvents {
	return {
		kept: ({ epoch, revision, seq }) => logger.info("policy is kept on disk", { epoch, revision, seq }),
		lost: (error) => logger.error("policy cannot be kept on disk; what was kept grows older", { error }),
		back: () => logger.info("policy is kept on disk again"),
	};
}

/** One line at its beginning and one at its end. @param counts of the checks that were shed since the start, by cause. */
export function logShedding(logger: Logger, counts: () => Readonly<Record<string, number>>): (on: boolean) => void {
	const total = () => Object.values(counts()).reduce((sum, count) => sum + count, 0);
	let before = 0;
	return (on) => {
		if (on) {
			before = total();
			logger.warn("more checks come than can be answered; some are not judged but denied as overloaded");
		} else logger.info("all checks are judged again", { count: total() - before });
	};
}

/** A flood of them makes a line a minute for each cause, with what was dropped since the last and who came last. */
export function logDrops(logger: Logger, stopwatch: () => number): (drop: Drop) => void {
	const lines: Readonly<Record<DropCause, (fields: LogFields) => void>> = {
		limit: (fields) =>
			logger.warn(
				"connections of proxies are refused, since as many as one server takes are open; add servers, or raise the limit of open files",
				fields,
			),
		displaced: (fields) =>
			logger.warn("connections that had not begun were closed for newer ones; let only proxies reach the port", fields),
		handshake: (fields) =>
			logger.warn(
				"connections were closed that finished no TLS handshake and HTTP/2 preface in time; let only proxies reach the port",
				fields,
			),
	};
	const untold = new Map<DropCause, number>();
	const toldAt = new Map<DropCause, number>();
	return ({ cause, address }) => {
		const count = (untold.get(cause) ?? 0) + 1;
		untold.set(cause, count);
		const now = stopwatch();
		if (now - (toldAt.get(cause) ?? -Infinity) < LIMITS.dropLogMs) return;
		untold.delete(cause);
		toldAt.set(cause, now);
		lines[cause]({ count, client_address: address });
	};
}

/** Null while no policy is loaded. */
export function figuresOf({ enforced, origin, policyAgeMs, revocationAgeMs }: FollowStatus): PolicyFigures | null {
	if (enforced === null || origin === null) return null;
	return {
		source: origin,
		revision: enforced.revision,
		seq: enforced.seq,
		policyAge: (policyAgeMs ?? 0) / 1_000,
		revocationAge: (revocationAgeMs ?? 0) / 1_000,
	};
}

/** What an operator changed over HTTP; why stands in the database beside it. */
export function logChange(logger: Logger): (change: Change) => void {
	return ({ kind, seq, address }) =>
		logger.info("an operator changed something over HTTP", { kind, seq, client_address: address });
}
