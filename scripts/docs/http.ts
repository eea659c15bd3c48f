/** The reference of the admin side: routes and roles as server.ts states them, what they answer from here. */
import { readFileSync } from "node:fs";
import { code, sentence, table } from "./markdown.ts";

const SOURCE = new URL("../../src/admin/server.ts", import.meta.url);
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
};

export function routeTable(): string {
	const routes = [...readFileSync(SOURCE, "utf8").matchAll(ROUTE)].map(([, method, path, role]) => ({
		route: `${method!.toUpperCase()} ${path}`,
		role: role ?? "anybody",
	}));
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
