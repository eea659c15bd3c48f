/** What COMMIT to enforced is held against: a client of pg alone, which selects the changed row when it is notified. */
import pg from "pg";

const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();
client.on("notification", async () => {
	const { rows } = await client.query<{ path: string }>(
		"select paths[1] as path from firebreak.policy where name = 'bench'",
	);
	// The clock that all processes of a machine share.
	process.stdout.write(`${rows[0]?.path} ${process.hrtime.bigint()}\n`);
});
await client.query("listen firebreak_head");
process.stdout.write("listening\n");
