/** SIGTERM: what is under way is finished, and where another server is there, no request fails. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { migrateUp } from "../../demo/firebreak.ts";
import { type Stage, setStage } from "../../demo/stage.ts";
import { STORY } from "../../demo/story.ts";
import { ask } from "../../demo/teller.ts";
import { accessToken, jwksOf, makeSigningKey } from "../../demo/tokens.ts";
import { createWorkspace } from "../../demo/workspace.ts";
import { withBounds } from "../support/bounds.ts";
import { JwksServer } from "../support/jwks-server.ts";
import { until } from "../support/wait.ts";

const READ = STORY[0] as (typeof STORY)[number];

describe("one server", () => {
	let stage: Stage;
	let keys: JwksServer;
	beforeAll(async () => {
		keys = await JwksServer.start();
		stage = await setStage();
	});
	afterAll(async () => {
		await stage?.world.stop();
		await keys?.stop();
	});

	test("answers the checks that wait for something, then exits with 0, and nobody passes without it", async () => {
		const { world, policies, firebreak } = stage;
		// The issuer's keys are asked for as soon as the policy is known, and do not come yet.
		let answerKeys = (): void => {};
		const key = makeSigningKey("ES256", "late");
		keys.answer = (response) => {
			answerKeys = () => response.end(JSON.stringify(jwksOf(key)));
		};
		const issuer = "https://id.partner.example.org";
		const audience = "https://api.partner.example.org";
		policies.add(
			"partnerships",
			"remote_keys",
			`select firebreak.issuer(url => '${issuer}', domain => 'partner', audiences => array['${audience}'],
				max_lifetime => '15 minutes', jwks_uri => '${keys.uri}');`,
		);
		await migrateUp(world.databaseUrl, policies.path);
		await until("Firebreak asks for the keys", () => keys.requests > 0);

		const token = accessToken(key, {
			issuer,
			audience,
			subject: "storefront",
			scope: "offers:read",
			now: Date.now() / 1_000,
		});
		const headers = { authorization: `Bearer ${token}` };
		const count = 8;
		const answers = Array.from({ length: count }, () =>
			world.send({ from: "storefront", to: "partner-gateway", path: "/v1/offers", headers }),
		);
		const active = "cluster.firebreak-for-partner-gateway.upstream_rq_active";
		await until("all checks are under way", async () => {
			const stats = await fetch(`${world.envoy.adminUrl}/stats?filter=^${active}$`);
			return (await stats.text()).includes(`${active}: ${count}`);
		});
		firebreak.process.signal("SIGTERM");
		await until("it is stopping", () => readFileSync(firebreak.logFile, "utf8").includes('"stopping"'));
		answerKeys();

		expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(count).fill(200));
		expect(await firebreak.process.ended).toBe(0);
		expect((await ask(world, stage.issuers, READ)).response.status).toBe(503);
	});
});

describe("two servers", () => {
	let stage: Stage;
	const workspace = createWorkspace("drain");
	beforeAll(async () => {
		// Time enough for a slow Envoy to see that a server is about to stop.
		stage = await setStage({ servers: 2, settings: withBounds(workspace, { drainNoticeMs: 6_000 }) });
	});
	afterAll(async () => {
		await stage?.world.stop();
		workspace.remove();
	});

	test("no request fails while one of them is replaced", async () => {
		const { world, issuers, replicas } = stage;
		const statuses: number[] = [];
		let over = false;
		const caller = async (): Promise<void> => {
			while (!over) statuses.push((await ask(world, issuers, READ)).response.status);
		};
		const traffic = Promise.all([caller(), caller(), caller()]);
		try {
			await until("traffic runs", () => statuses.length > 10);
			const [first] = replicas;
			first?.process.signal("SIGTERM");
			expect(await first?.process.ended).toBe(0);
			// And on, with one.
			const before = statuses.length;
			await Promise.race([until("traffic goes on", () => statuses.length > before + 20), traffic]);
			await sleep(100);
		} finally {
			over = true;
		}
		await traffic;
		expect(new Set(statuses)).toEqual(new Set([200]));
	});
});
