/** The reference of the admin side: routes and roles as src/admin states them, what they answer from here. */
import { readFileSync } from "node:fs";
import { code, sentence, table } from "./markdown.ts";

const SOURCES = ["server.ts", "control.ts"].map((name) => new URL(`../../src/admin/${name}`, import.meta.url));
const ROUTE = /server\.(get|post|put|patch|delete)(?:<.*?>)?\(\s*"([^"]+)",\s*(?:only\("(\w+)"\))?/g;

const TEXTS: Readonly<Record<string, string>> = {
	"GET /livez": "200 while the process answers",
	"GET /readyz":
		"200 when the server should get traffic, else 503. `problems` says why not, `warnings` what is wrong all the same, `source` where policy comes from: `database` or `disk`",
	"GET /metrics": "Prometheus' text format, see [telemetry](telemetry.md)",
	"GET /v1/status":
		"version, revision, source, ages, the database, the snapshot file, issuers' keys, records, the token cache",
	"POST /v1/explain": "a made-up request judged by the policy in force, step by step",
	"GET /v1/decisions/:id": "one recorded decision, with the columns of the table `decision`; 404 when there is none",
	"GET /v1/flows":
		"allowed traffic by source, destination and operation, the busiest first. Query: `source`, `destination`, `since` (a duration back such as `6h`, or an instant; an hour by default), `until`, `limit` (100 by default)",
	"GET /v1/servers": "rows of the table `server`",
	"GET /v1/tokens":
		"tokens that are known, the first to expire first. Query: `owner`, `segment`, `subject`, `issuer`, `expires_within`, `unused_since` (durations), `all=true` (those that are over or revoked, too), `limit` (100 by default)",
	"GET /v1/tokens/:id": "one of them; the query names its `issuer`; 404 when it is not known",
	"GET /v1/revocations": "revocations of tokens, the newest first. Query: `limit` (100 by default)",
	"POST /v1/revocations":
		"revokes: `issuer` and `token_id`; or `owner`; or `segment`; or `subject`, with or without `issuer`; or `issuer` and `all: true`. And `reason`. 201 with the receipt: `seq`, `epoch`, `at`, `by`, `tokens`, `issuers`, and for each of these in `issued_before` the instant before which its tokens had to be issued; 200 with `seq: null` when no such token lives; 404 for an owner or segment that is stated nowhere",
	"GET /v1/quarantines": "what is in quarantine now",
	"POST /v1/quarantines":
		"puts `kind` and `name` in quarantine, for `reason`, `until` an instant still to come or for a duration, or until it is lifted. 201 with the receipt",
	"DELETE /v1/quarantines":
		"lifts it. Query: `kind`, `name`, `reason`. 200 with the receipt; 404 when it is not in quarantine",
};

export function routeTable(): string {
	const routes = SOURCES.flatMap((source) => [...readFileSync(source, "utf8").matchAll(ROUTE)]).map(
		([, method, path, role]) => ({
			route: `${method!.toUpperCase()} ${path}`,
			role: role ?? "anybody",
		}),
	);
	const gone = Object.keys(TEXTS).filter((text) => !routes.some(({ route }) => route === text));
	if (gone.length > 0) throw new Error(`the admin side has no ${gone.join(", ")}`);
	return table(
		["route", "for", "answer"],
		routes.map(({ route, role }) => {
			const text = TEXTS[route];
			if (text === undefined) throw new Error(`scripts/docs/http.ts does not tell of ${route}`);
			return [code(route), role, sentence(text)];
		}),
	);
}
