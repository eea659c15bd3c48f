/** Everything that can be wrong with Firebreak's own side. docs/reference/findings.md is written from this table. */
import { type CatalogueEntry, type Finding, finder } from "../finding.ts";

export const FINDINGS = {
	configuration_invalid: {
		severity: "warning",
		what: "a server would refuse to start with this environment",
		cure: "mend it as it says; firebreak serve --check-config tells the same",
	},
	database_standby: {
		severity: "warning",
		what: "the database is a read-only standby: it cannot notify, and its lag looks fresh",
		cure: "name the primary in DATABASE_URL",
	},
	clock_skew: {
		severity: "warning",
		what: "expiry, validity and revocations are judged by clocks that differ",
		cure: "synchronise the clocks of this host and of the database's, by NTP",
	},
	schema_missing: {
		severity: "danger",
		what: "the database has no schema: no server can start",
		cure: "run: firebreak migrate up",
	},
	schema_pending: {
		severity: "warning",
		what: "a migration of the schema was not applied yet, and servers of this version may need it",
		cure: "run: firebreak migrate up",
	},
	schema_edited: {
		severity: "warning",
		what: "a migration of the schema is not what was applied",
		cure: "see what differs by: firebreak migrate verify",
	},
	schema_newer: {
		severity: "warning",
		what: "the database has a migration of the schema that this version does not know",
		cure: "use the version of Firebreak that applied it, or a later one",
	},
	policies_uncompilable: {
		severity: "danger",
		what: "the newest policies do not compile: servers keep older ones, and one that starts has none",
		cure: "mend it by a migration; firebreak migrate up compiles before it commits",
	},
	policies_none: {
		severity: "warning",
		what: "no policy allows anything: every request is refused",
		cure: "write one, as docs/how-to/write-policies.md tells",
	},
	servers_none: {
		severity: "danger",
		what: "no server is live: every request is refused, or passes where a proxy fails open",
		cure: "start one, or see in its log why it cannot reach the database",
	},
	server_silent: {
		severity: "notice",
		what: "a server ended without a word, or cannot reach the database",
		cure: "see whether it still runs; its row goes away by itself after a day",
	},
	server_behind: {
		severity: "warning",
		what: "a live server does not enforce the newest policies or revocations",
		cure: "wait a second and ask again; if it stays so, see its log",
	},
	server_refuses: {
		severity: "danger",
		what: "a live server refuses the newest policies, and enforces older ones",
		cure: "update that server, or mend the policy that it names by a migration",
	},
	domain_without_issuer: {
		severity: "warning",
		what: "the domain's flow demands a token, and nobody may issue one: every request that needs it is refused",
		cure: "add an issuer(url => ..., domain => ...), or change the flow",
	},
	monitored: {
		severity: "notice",
		what: "denials are recorded and not carried out: it is under monitor",
		cure: "once the records show no more of them, state it again without the mode",
	},
	crossing_expired: {
		severity: "warning",
		what: "the crossing is over, and every request that needs it is refused",
		cure: "state it again with a later `expires`, or remove it",
	},
	crossing_expiring: {
		severity: "notice",
		what: "the crossing is over soon",
		cure: "state it again with a later `expires` before it is",
	},
	crossing_unaccepted: {
		severity: "notice",
		what: "the crossing is not in force: the destination's owner has not accepted it, or not what it now says",
		cure: "have the owner of its destination domain accept it: accept_crossing(name => ..., owner => ...)",
	},
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
export type FindingId = keyof typeof FINDINGS;
export type FirebreakFinding = Finding<FindingId>;

export const finding = finder<FindingId>(FINDINGS);
