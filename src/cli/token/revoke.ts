/** `firebreak token revoke`: at once, with a receipt that names each server and when it confirmed. */
import { FirebreakError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type RevocationOrder, type Revoked, revoke } from "../../store/tokens/revoke.ts";
import { viewBefore } from "../../store/tokens/view.ts";
import { withDatabase } from "../database.ts";
import type { Io } from "../io.ts";
import { createOutput } from "../output.ts";
import { exampleHelp, type Subcommands } from "../program.ts";
import { tellReceipt } from "../receipt.ts";
import { timeoutOption } from "../waiting.ts";

/** Adds `revoke` to `token`. */
export function register(token: Subcommands, io: Io): void {
	token
		.command("revoke")
		.description(
			"revoke tokens of any issuer, seen before or not, and wait until every live server enforces that (else exit 6).\n" +
				"By owner and segment those that are known; by subject and issuer all that were issued until now,\n" +
				`and of issuers that Firebreak does not sign for all that are issued within ${LIMITS.clockSkewSeconds} s`,
		)
		.argument("[issuer]", "the issuer's URL, to revoke one token")
		.argument("[id]", "that token's id: the claim jti, never the token itself")
		.option("--owner <name>", "every known token of this owner")
		.option(
			"--segment <name>",
			"every known token that names this segment, or a workload of it, as source, or the segment as destination",
		)
		.option("--subject <name>", "every token of this subject: of one issuer (--issuer), or of every one")
		.option("--issuer <url>", "with --subject or --all: of this issuer")
		.option("--all", "with --issuer: every token of it")
		.requiredOption("--reason <text>", "why; it is kept for ever")
		.addOption(timeoutOption())
		.option("--no-wait", "do not wait for the servers")
		.addHelpText(
			"after",
			exampleHelp(
				'firebreak token revoke https://id.example.org 4f1c-77 --reason "INC-4711: leaked in a log"',
				'firebreak token revoke --owner orders --reason "INC-4711"',
				'firebreak token revoke --subject alice --issuer https://id.example.org --reason "left the company"',
				'firebreak token revoke --issuer https://id.example.org --all --reason "INC-4712"',
			),
		)
		.action(async (issuer, id, _options, command) => {
			const { reason, wait, timeout, owner, segment, subject, issuer: of, all, ...options } = command.optsWithGlobals();
			const output = createOutput(io, options);
			const order = orderOf({ issuer, id, owner, segment, subject, of, all });
			await withDatabase(io, "token", options.databaseUrl, async (database) => {
				const revoked = await database.withClient((client) => revoke(client, order, reason));
				const { receipt, tokens, issuers } = revoked;
				const facts = {
					tokens: tokens.map(({ issuer, tokenId }) => ({ issuer, token_id: tokenId })),
					issuers,
					issued_before: viewBefore(revoked),
					reason,
				};
				if (receipt === null) {
					output.answer({ ...facts, seq: null }, () =>
						output.line("it has no token that lives; there is nothing to revoke"),
					);
					return;
				}
				const told = { line: describe(order, revoked), facts, receipt };
				for (const line of describeBefore(revoked)) output.progress(line);
				await tellReceipt(io, output, database, told, wait ? timeout : null);
			});
		});
}

interface Given {
	readonly issuer: string | undefined;
	readonly id: string | undefined;
	readonly owner: string | undefined;
	readonly segment: string | undefined;
	readonly subject: string | undefined;
	/** `--issuer`. */
	readonly of: string | undefined;
	readonly all: true | undefined;
}

/** Exactly one way to name what is meant: a slip must not revoke more. */
function orderOf({ issuer, id, owner, segment, subject, of, all }: Given): RevocationOrder {
	const ways: RevocationOrder[] = [];
	if (issuer !== undefined && id !== undefined) ways.push({ by: "id", issuer, tokenId: id });
	if (owner !== undefined) ways.push({ by: "owner", owner });
	if (segment !== undefined) ways.push({ by: "segment", segment });
	if (subject !== undefined) ways.push({ by: "subject", subject, issuer: of ?? null });
	else if (of !== undefined && all) ways.push({ by: "issuer", issuer: of });
	const [order, ...others] = ways;
	const halfSaid =
		(issuer === undefined) !== (id === undefined) ||
		(all && (of === undefined || subject !== undefined)) ||
		(of !== undefined && subject === undefined && !all);
	if (order !== undefined && others.length === 0 && !halfSaid) return order;
	throw new FirebreakError(
		"usage",
		"name what is to be revoked in one way: ISSUER and ID, --owner, --segment, --subject [--issuer], or --issuer with --all",
	);
}

function describe(order: RevocationOrder, { tokens, issuers }: Revoked): string {
	switch (order.by) {
		case "id":
			return `token ${order.tokenId} of ${order.issuer} is revoked`;
		case "owner":
			return `${count(tokens.length)} of owner ${order.owner} ${tokens.length === 1 ? "is" : "are"} revoked`;
		case "segment":
			return `${count(tokens.length)} that name${tokens.length === 1 ? "s" : ""} segment ${order.segment} ${tokens.length === 1 ? "is" : "are"} revoked`;
		case "subject":
			return `every token of ${order.subject} that ${issuers.join(", ")} issued until now is revoked`;
		case "issuer":
			return `every token that ${order.issuer} issued until now is revoked`;
	}
}

/** From when new tokens count: a token says its second, and an issuer's clock may be ahead. */
function describeBefore({ before }: Revoked): string[] {
	return [true, false].flatMap((exact) => {
		const of = before.filter((revoked) => revoked.exact === exact);
		if (of.length === 0) return [];
		const second = Math.ceil(Math.max(...of.map(({ instant }) => instant.getTime())) / 1_000) * 1_000;
		const names = [...new Set(of.map(({ issuer }) => issuer))].join(", ");
		const why = exact ? "" : `, since servers let its clock be ${LIMITS.clockSkewSeconds} s ahead`;
		return [`what ${names} issues anew counts from ${new Date(second).toISOString()} on${why}`];
	});
}

const count = (tokens: number): string => (tokens === 1 ? "1 token" : `${tokens} tokens`);
