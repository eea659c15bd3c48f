/** What the policy set says about an order for a token: a few look-ups, whatever the set's size is. */
import type { ClientBase } from "pg";
import { FirebreakError } from "../../core/errors.ts";
import { isOwnIssuer } from "../../core/issuer.ts";
import type { Flow, IssuerRow } from "../../core/model.ts";
import { inOneInstant } from "../load.ts";

/** Names the issuer, or the domain that has just one of the kind. */
export type IssuerChoice = { readonly issuer: string } | { readonly domain: string };

export interface Named {
	/** Segments and SPIFFE IDs, as the order names them. */
	readonly sources: readonly string[];
	readonly destinations: readonly string[];
	readonly scopes: readonly string[];
	readonly owner: string;
}

export interface TokenFacts {
	readonly issuer: IssuerRow;
	readonly domain: { readonly name: string; readonly flow: Flow };
	readonly segments: ReadonlyMap<string, { readonly domain: string; readonly environment: string }>;
	readonly workloads: ReadonlySet<string>;
	readonly owners: ReadonlySet<string>;
	readonly environments: ReadonlySet<string>;
	readonly scopesUsed: ReadonlySet<string>;
	/** By the database's clock, which dates revocations as well; milliseconds since the epoch. */
	readonly now: number;
}

/**
 * Reads them from one instant.
 * @param apiKey whether an issuer of API keys is meant, rather than one whose tokens Firebreak signs.
 * @throws FirebreakError not_found when there is no such issuer; usage when the domain has several.
 */
export async function readTokenFacts(
	client: ClientBase,
	choice: IssuerChoice,
	apiKey: boolean,
	named: Named,
): Promise<TokenFacts> {
	return inOneInstant(client, async () => {
		const issuer = await chooseIssuer(client, choice, apiKey);
		const workloads = named.sources.filter((name) => name.startsWith("spiffe://"));
		const segments = [...named.sources.filter((name) => !name.startsWith("spiffe://")), ...named.destinations];
		const { rows } = await client.query<{
			flow: Flow;
			segments: readonly { name: string; domain: string; environment: string }[];
			owners: readonly string[];
			environments: readonly string[];
			scopes: readonly string[];
			selectors: readonly string[];
			now: Date;
		}>(FACTS, [issuer.domain, segments, named.owner, named.scopes, workloads.flatMap(selectorsOf)]);
		const found = rows[0]!;
		const selectors = new Set(found.selectors);
		return {
			issuer,
			domain: { name: issuer.domain, flow: found.flow },
			segments: new Map(found.segments.map(({ name, ...segment }) => [name, segment])),
			workloads: new Set(workloads.filter((id) => selectorsOf(id).some((selector) => selectors.has(selector)))),
			owners: new Set(found.owners),
			environments: new Set(found.environments),
			scopesUsed: new Set(found.scopes),
			now: found.now.getTime(),
		};
	});
}

async function chooseIssuer(client: ClientBase, choice: IssuerChoice, apiKey: boolean): Promise<IssuerRow> {
	const [column, value] = "issuer" in choice ? ["name", choice.issuer] : ["spec ->> 'domain'", choice.domain];
	const { rows } = await client.query<{ spec: IssuerRow }>(
		`select spec from firebreak.object where kind = 'issuer' and ${column} = $1 order by name`,
		[value],
	);
	const fitting = rows.map(({ spec }) => spec).filter((row) => (apiKey ? row.profile === "api_key" : isOwnIssuer(row)));
	const [issuer, ...others] = fitting;
	const what = apiKey ? "issuer of API keys (profile api_key)" : 'issuer that Firebreak signs for (option "signer")';
	if (issuer === undefined) {
		const object = "issuer" in choice ? `issuer ${value}` : `domain ${value}`;
		const message = "issuer" in choice ? `it is no ${what}` : `it has no ${what}`;
		throw new FirebreakError("not_found", `there is no such ${what}`, {
			problems: [{ object, message, cure: "state one in a migration: select firebreak.issuer(...)" }],
		});
	}
	if (others.length > 0) {
		const urls = fitting.map(({ url }) => url).join(", ");
		throw new FirebreakError("usage", `the domain ${value} has several issuers: ${urls}`, {
			problems: [
				{ object: `domain ${value}`, message: "it is not clear which one is meant", cure: "name one by --issuer" },
			],
		});
	}
	return issuer;
}

/** Every issuer of a domain, by its URL. */
export async function listIssuers(client: ClientBase, domain: string): Promise<readonly IssuerRow[]> {
	const { rows } = await client.query<{ spec: IssuerRow }>(
		"select spec from firebreak.object where kind = 'issuer' and spec ->> 'domain' = $1 order by name",
		[domain],
	);
	return rows.map(({ spec }) => spec);
}

/** The workload itself, and every prefix that it is under. */
function selectorsOf(spiffeId: string): string[] {
	const parts = spiffeId.split("/");
	const prefixes = parts.slice(3).map((_, index) => `${parts.slice(0, index + 3).join("/")}/*`);
	return [spiffeId, ...prefixes];
}

const FACTS = `select
	(select d.flow from firebreak.domain d where d.name = $1) as flow,
	coalesce((select jsonb_agg(jsonb_build_object('name', s.name, 'domain', s.domain, 'environment', s.environment))
		from firebreak.segment s where s.name = any ($2)), '[]') as segments,
	array(select o.name from firebreak.owner o where o.name = $3) as owners,
	array(select distinct s.environment from firebreak.segment s) as environments,
	array(select wanted from unnest($4::text[]) wanted where exists (
		select from firebreak.policy p join firebreak.segment s on s.name = p.destination
		where s.domain = $1 and (wanted = any (p.scopes) or wanted = any (p.scopes_any)))) as scopes,
	array(select m.selector from firebreak.segment_member m where m.selector = any ($5)) as selectors,
	clock_timestamp() as now`;
