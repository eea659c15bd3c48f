/** The world's other options, and its end. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { COMPANY } from "../../demo/company.ts";
import type { Echo } from "../../demo/upstream.ts";
import { startWorld, type World } from "../../demo/world.ts";
import { type Asked, type Authorizer, startAuthorizer } from "../support/authorizer.ts";

const TWO = COMPANY.filter(({ name }) => ["orders", "payments"].includes(name));

describe("a world with normalizing proxies, a plaintext authorizer and a named destination", () => {
	let world: World;
	let authorizer: Authorizer;
	beforeAll(async () => {
		world = await startWorld({
			database: false,
			services: TWO,
			destinations: { payments: "payments-prod" },
			envoy: {
				paths: { normalize: true, mergeSlashes: true, rejectEscapedSlashes: true },
				authorizationTimeoutMs: 30_000,
			},
			async startFirebreak({ resources }) {
				authorizer = await startAuthorizer();
				resources.defer(authorizer.stop);
				return { port: authorizer.port };
			},
		});
	});
	afterAll(() => world?.stop());
	const last = (): Asked => authorizer.asked.at(-1) as Asked;

	test("Envoy brings paths to one form before it asks, and refuses escaped slashes", async () => {
		const { body } = await world.send({ from: "orders", to: "payments", path: "/v1/../admin//x" });
		expect((body as Echo).path).toBe("/admin/x");
		expect(last().check.request.http.path).toBe("/admin/x");
		const { status } = await world.send({ from: "orders", to: "payments", path: "/v1%2fadmin" });
		expect(status).toBe(400);
	});

	test("the destination is named to the authorizer where it is configured", async () => {
		await world.send({ from: "orders", to: "payments", path: "/" });
		expect(last().check.contextExtensions).toEqual({ "firebreak.destination": "payments-prod" });
		await world.send({ from: "payments", to: "orders", path: "/" });
		expect(last().check.contextExtensions).toEqual({});
	});

	test("a request is refused with 503 when nobody answers, and nothing of it is logged as allowed", async () => {
		await authorizer.stop();
		const before = world.upstream("payments").requests();
		const { status } = await world.send({ from: "orders", to: "payments", path: "/" });
		expect(status).toBe(503);
		expect(world.upstream("payments").requests()).toBe(before);
	});
});

describe("the end of a world", () => {
	test("leaves no process, port or file behind", async () => {
		const order: string[] = [];
		const world = await startWorld({
			services: TWO,
			async startFirebreak({ resources, databaseUrl }) {
				expect(databaseUrl).toMatch(/^postgres:/);
				resources.defer(() => void order.push("firebreak"));
				return { port: 1 };
			},
		});
		const { envoy, workspace } = world;
		expect((await fetch(`${envoy.adminUrl}/ready`)).ok).toBe(true);
		expect(existsSync(workspace.path)).toBe(true);
		await world.stop();
		await world.stop();
		expect(order).toEqual(["firebreak"]);
		await expect(fetch(`${envoy.adminUrl}/ready`)).rejects.toThrow();
		await expect(fetch(`http://127.0.0.1:${world.upstream("payments").port}/`)).rejects.toThrow();
		expect(existsSync(workspace.path)).toBe(false);
	});

	test("comes at once when Firebreak does not start", async () => {
		let folder = "";
		const start = startWorld({
			database: false,
			services: TWO,
			async startFirebreak({ workspace }) {
				folder = workspace.path;
				expect(existsSync(folder)).toBe(true);
				throw new Error("refuses to start");
			},
		});
		await expect(start).rejects.toThrow("refuses to start");
		expect(existsSync(folder)).toBe(false);
	});
});
