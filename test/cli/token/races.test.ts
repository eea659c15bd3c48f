/** `token rotate` beside other orders: what it looked at must still be so when it writes. */
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Client } from "pg";
import { call, untilBlocked } from "../../store/schema/calls.ts";
import { API_ISSUER, ISSUER, type OwnTokens, openOwnTokens } from "../../support/own-tokens.ts";
import { until } from "../../support/wait.ts";

// Who waits for a lock that nobody lets go of is given up by Postgres, and tells why.
jest.setTimeout(60_000);

let own: OwnTokens;
let blocker: Client;
/** Within a transaction Postgres tells who waits as it was at first. */
let witness: Client;
beforeAll(async () => {
	own = await openOwnTokens();
	[blocker, witness] = [await own.database.connect(), await own.database.connect()];
	await own.json(["keys", "rotate", "--domain", "internal", "--reason", "first", "--no-wait"]);
});
afterAll(() => own?.close());

const FOR = ["--owner", "orders-team", "--purpose", "p", "--domain", "internal"];

async function issued(subject: string, ...more: string[]): Promise<string> {
	const { code, token_id: id } = await own.json(["token", "issue", "--subject", subject, ...FOR, ...more]);
	expect(code).toBe(0);
	return String(id);
}

const rotate = (id: string, issuer = ISSUER) => own.json(["token", "rotate", issuer, id]);
const idsOf = async (subject: string) =>
	(await own.query<{ token_id: string }>("select token_id from firebreak.passport where subject = $1", [subject])).map(
		({ token_id: id }) => id,
	);

/** Rotates while `meanwhile` commits between the look at the old token and the writing of the new one. */
async function rotateAround(id: string, meanwhile: () => Promise<unknown>) {
	await blocker.query("begin; lock table firebreak.domain_key in access exclusive mode");
	try {
		const rotating = rotate(id);
		await untilBlocked(witness);
		await meanwhile();
		await blocker.query("commit");
		return await rotating;
	} finally {
		await blocker.query("rollback");
	}
}

const WAITING =
	"select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and state <> 'idle'";

test("of two rotations at once one makes a token, and the other nothing", async () => {
	const id = await issued("twice");
	// Both have looked at the old one when they wait for the lane.
	await blocker.query("begin; select firebreak.hold_lane()");
	const rotating = [rotate(id), rotate(id)];
	await until("both wait", async () => (await witness.query(WAITING)).rowCount === 2);
	await blocker.query("commit");
	const both = await Promise.all(rotating);
	expect(both.map(({ code }) => code).sort()).toEqual([0, 2]);
	const won = both.find(({ code }) => code === 0)!;
	const lost = both.find(({ code }) => code === 2)!;
	expect(lost.error).toMatchObject({
		message: `token ${id} cannot be rotated; nothing was made`,
		problems: [{ message: `${won.token_id} takes its place already` }],
	});
	expect((await idsOf("twice")).sort()).toEqual([id, won.token_id].sort());
});

const REVOCATIONS: readonly (readonly [string, (id: string, subject: string) => Promise<unknown>])[] = [
	["id", (id) => own.json(["token", "revoke", ISSUER, id, "--reason", "stolen", "--no-wait"])],
	["subject", (_id, subject) => own.json(["token", "revoke", "--subject", subject, "--reason", "stolen", "--no-wait"])],
	["owner", () => own.json(["token", "revoke", "--owner", "orders-team", "--reason", "stolen", "--no-wait"])],
	["issuer", () => own.json(["token", "revoke", "--issuer", ISSUER, "--all", "--reason", "stolen", "--no-wait"])],
];

test.each(REVOCATIONS)("a revocation by %s that commits while a rotation is under way stops it", async (by, revoke) => {
	const subject = `revoked by ${by}`;
	const id = await issued(subject);
	let revoked: unknown;
	const { code, error } = await rotateAround(id, async () => {
		revoked = await revoke(id, subject);
	});
	expect(revoked).toMatchObject({ code: 0 });
	expect({ code, error }).toMatchObject({
		code: 2,
		error: { message: `token ${id} cannot be rotated; nothing was made`, problems: [{ message: "it is revoked" }] },
	});
	expect(await idsOf(subject)).toEqual([id]);
	// A token says its second alone: the next one is the first that the revocation of the issuer lets through.
	const [row] = await own.query<{ wait: number }>(
		`select greatest(0, ceil(max((payload ->> 'issued_before')::float8)) - extract(epoch from clock_timestamp()))::float8
			as wait from firebreak.revocation`,
	);
	await own.query("select pg_sleep($1)", [row!.wait ?? 0]);
});

test("a revocation that comes while the new token is written waits for it, and falls on what is there then", async () => {
	const id = await issued("slow");
	// The rotation holds the lane by now, and waits for the table that it writes into.
	await blocker.query("begin; lock table firebreak.passport in share mode");
	try {
		const rotating = rotate(id);
		await untilBlocked(witness);
		const revoking = own.json(["token", "revoke", "--subject", "slow", "--reason", "stolen", "--no-wait"]);
		await untilBlocked(witness, 2);
		await blocker.query("commit");
		const { code, token_id: next, expires } = await rotating;
		expect([code, (await revoking).code]).toEqual([0, 0]);
		expect(Date.parse(String(expires))).toBeGreaterThan(Date.now());
		const stateOf = async (one: string) => (await own.json(["token", "show", ISSUER, one])).state;
		expect([await stateOf(id), await stateOf(String(next))]).toEqual(["replaced", "revoked"]);
	} finally {
		await blocker.query("rollback");
	}
});

test("revoking a token by its id tells what took its place, which lives on", async () => {
	const id = await issued("replaced");
	const { token_id: next } = await rotate(id);
	const { out, err } = await own.firebreak(["token", "revoke", ISSUER, id, "--reason", "leaked", "--no-wait"]);
	expect(out).toContain(`token ${id} of ${ISSUER} is revoked`);
	expect(err).toContain(`warning: token ${id}: ${next} took its place, and is not revoked by this`);
	expect(await own.json(["token", "show", ISSUER, String(next)])).toMatchObject({ state: "live" });
});

test("what was changed while it was rotated is not rotated as it was", async () => {
	const id = await issued("narrowed", "--api-key", "--lifetime", "1d", "--network", "10.0.0.0/8");
	const row = (
		await own.query<Record<string, unknown>>("select * from firebreak.passport where token_id = $1", [id])
	)[0]!;
	const { issuer, token_id, owner, purpose, expires, kind, subject, digest } = row;
	const narrower = { issuer, token_id, owner, purpose, expires, kind, subject, digest, networks: ["10.1.0.0/16"] };
	// Between the look and the write an API key waits for nothing of its own: its passport is changed under the lane's lock.
	await blocker.query("begin; select firebreak.hold_lane()");
	try {
		const rotating = rotate(id, API_ISSUER);
		await untilBlocked(witness);
		await call(blocker, "register_token", narrower);
		await blocker.query("commit");
		expect(await rotating).toMatchObject({
			code: 2,
			error: { problems: [{ message: "it was changed while it was rotated", cure: "rotate it again" }] },
		});
	} finally {
		await blocker.query("rollback");
	}
	expect(await idsOf("narrowed")).toEqual([id]);
	const { token_id: next } = await rotate(id, API_ISSUER);
	expect(await own.json(["token", "show", API_ISSUER, String(next)])).toMatchObject({ networks: ["10.1.0.0/16"] });
});

test("the database itself lets one token alone take another's place, and none that of a revoked one", async () => {
	const id = await issued("by hand");
	const retire = (replaced_by: string) =>
		call(blocker, "retire_token", { issuer: ISSUER, token_id: id, at: new Date(4e12), reason: "r", replaced_by });
	const seq = await retire("k-1");
	expect(await retire("k-1")).toBe(seq);
	await expect(retire("k-2")).rejects.toMatchObject({ code: "55000", message: expect.stringContaining("by k-1") });
	const gone = await issued("by hand 2");
	await own.query("select firebreak.revoke_before($1, clock_timestamp(), 'left', 'by hand 2')", [ISSUER]);
	const late = { issuer: ISSUER, token_id: gone, at: new Date(4e12), reason: "r", replaced_by: "k" };
	await expect(call(blocker, "retire_token", late)).rejects.toMatchObject({ code: "55000" });
});
