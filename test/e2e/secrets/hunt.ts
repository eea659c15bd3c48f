/** What a search for secrets goes by: the stage, what was planted, and everything that came out so far. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { Made } from "../../../demo/chapter/kit.ts";
import type { ClientResponse } from "../../../demo/client.ts";
import { firebreakProgram } from "../../../demo/firebreak.ts";
import type { TokenRecipe } from "../../../demo/issuers.ts";
import { runProcess } from "../../../demo/processes.ts";
import type { Stage } from "../../../demo/stage.ts";
import type { Haystack, Secrets } from "../../support/secrets.ts";

export const PAYMENT = { from: "orders", to: "payments", path: "/v1/payments/7" } as const;

export class Hunt {
	readonly stage: Stage;
	readonly secrets: Secrets;
	/** For files that commands read. */
	readonly folder: string;
	readonly #adminToken: string;
	/** What people see, and programs. */
	readonly answers: Haystack[] = [];

	constructor(stage: Stage, secrets: Secrets, folder: string, adminToken: string) {
		this.stage = stage;
		this.secrets = secrets;
		this.folder = folder;
		this.#adminToken = adminToken;
	}

	/** A token of the internal identity provider for orders. */
	token(name: string, over: Partial<TokenRecipe> = {}): string {
		const recipe = { issuer: "internal", subject: "orders", scope: "payments:read", ...over } as const;
		return this.secrets.jws(name, this.stage.issuers.token(recipe));
	}

	/** Writes a file, and returns its path. */
	file(name: string, text: string): string {
		const path = join(this.folder, name);
		writeFileSync(path, text);
		return path;
	}

	/** Takes an answer over HTTP. */
	take(name: string, { headers, text }: Pick<ClientResponse, "headers" | "text">, holds: string): void {
		this.answers.push({ name, text: JSON.stringify([headers, text]), holds });
	}

	/** Asks the admin side, with the reader's token unless another is given; status, headers and body as one text. */
	async admin(path: string, body?: unknown, bearer = this.#adminToken): Promise<string> {
		const response = await fetch(`${this.stage.firebreak.adminUrl}${path}`, {
			method: body === undefined ? "GET" : "POST",
			headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
			...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
		});
		const text = `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
		this.answers.push({ name: path, text, holds: /./ });
		return text;
	}

	/** Runs a command, and takes what it wrote. */
	async command(args: readonly string[], holds: string | RegExp, env: Readonly<Record<string, string>> = {}) {
		const { stdout, stderr } = await this.#run(args, env);
		this.answers.push({ name: `firebreak ${args.join(" ")}`, text: stdout + stderr, holds });
	}

	/** Runs a command that makes a secret: it is all that may be on stdout, and nowhere else. */
	async maker(name: string, args: readonly string[]): Promise<Made> {
		const { end, stdout, stderr } = await this.#run(args);
		expect([end, stderr]).toEqual([0, expect.stringContaining("until")]);
		const token = stdout.trim();
		if (token.startsWith("fbk_")) this.secrets.add(name, token);
		else this.secrets.jws(name, token);
		this.answers.push({ name: `stderr of ${name}`, text: stderr, holds: "until" });
		const [id = ""] = /\b[tk]-[\w-]+/.exec(stderr) ?? [];
		return { token, id };
	}

	#run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
		const { PATH = "", HOME = "" } = process.env;
		const { databaseUrl } = this.stage.world;
		return runProcess(firebreakProgram(args, { PATH, HOME, DATABASE_URL: databaseUrl, ...env }));
	}
}
