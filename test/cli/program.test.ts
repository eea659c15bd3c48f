import { describe, expect, test } from "@jest/globals";
import { EXIT, EXIT_OF_ERROR } from "../../src/cli/exit-codes.ts";
import { createOutput, handOut } from "../../src/cli/output.ts";
import { type CommandModule, durationArgument, exampleHelp, run } from "../../src/cli/program.ts";
import { ERROR_CODES, FirebreakError } from "../../src/core/errors.ts";
import { VERSION } from "../../src/version.ts";
import { API_KEY, PEM, TOKEN } from "../cases/credential-texts.ts";
import { fakeIo } from "../support/fake-io.ts";

/** A command that does what its argument says. */
const probe: CommandModule = {
	register(program, io) {
		program
			.command("probe")
			.argument("[what]")
			.option("--wait <time>", "how long", durationArgument)
			.addHelpText("after", exampleHelp("firebreak probe"))
			.action((what, _options, command) => {
				const options = command.optsWithGlobals();
				if (what === "no") io.setExitCode(EXIT.no);
				if (what === "fail") {
					const problems = [{ object: "policy p", field: "paths", message: "it is empty", cure: "name a path" }];
					throw new FirebreakError("policy_invalid", "the policy set does not compile", { problems });
				}
				if (what === "told") throw new FirebreakError("not_found", `no segment "${TOKEN}" is known`);
				if (what === "answer") {
					const output = createOutput(io, options);
					output.progress(`looking for ${PEM.trim()}`);
					output.answer({ a: PEM.trim(), b: [TOKEN, { c: "https://u:p@h" }], d: 1 }, () =>
						output.table([{ head: "A" }, { head: "B" }], [["orders", API_KEY]]),
					);
					return;
				}
				if (what === "made") {
					handOut(io, options.json === true, TOKEN, { purpose: API_KEY, seq: null });
					return;
				}
				if (what === "bug") throw new TypeError("cannot reach postgres://u:s3cret@h/d");
				const output = createOutput(io, options);
				output.answer(options, () => output.line(`database ${options.databaseUrl ?? "none"}`));
			});
	},
};

async function firebreak(...argv: string[]) {
	const io = fakeIo();
	const code = await run(argv, io, [probe]);
	return { code, out: io.out(), err: io.err() };
}

describe("options that every command takes", () => {
	test.each([[["--database-url", "x", "probe"]], [["probe", "--database-url", "x"]]])("%j", async (argv) => {
		expect(await firebreak(...argv)).toEqual({ code: 0, out: "database x\n", err: "" });
	});

	test("--json and --no-color", async () => {
		const { out } = await firebreak("probe", "--json", "--no-color", "--wait", "1m30s");
		expect(JSON.parse(out)).toEqual({ json: true, color: false, wait: 90_000 });
	});

	test("--help shows them, and an example", async () => {
		const { code, out } = await firebreak("probe", "--help");
		expect(code).toBe(EXIT.yes);
		for (const text of ["--json", "--no-color", "--database-url", "$ firebreak probe"]) expect(out).toContain(text);
	});

	test("--version", async () => {
		expect(await firebreak("--version")).toEqual({ code: 0, out: `${VERSION}\n`, err: "" });
	});
});

describe("exit codes", () => {
	test("0, or what the command set", async () => {
		expect((await firebreak("probe")).code).toBe(0);
		expect((await firebreak("probe", "no")).code).toBe(4);
	});

	test.each([
		["an unknown command", ["prob"], "Did you mean probe?"],
		["an unknown option", ["probe", "--jsn"], "Did you mean --json?"],
		["too many arguments", ["probe", "a", "b"], "too many arguments"],
		["a malformed value", ["probe", "--wait", "10"], "Write a number with its unit"],
		["no command", [], "Usage: firebreak"],
	])("2 for %s", async (_title, argv, text) => {
		const { code, out, err } = await firebreak(...argv);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain(text);
	});

	test("of an error, with its problems on stderr", async () => {
		expect(await firebreak("probe", "fail")).toEqual({
			code: 3,
			out: "",
			err: "error: the policy set does not compile\n  policy p, paths: it is empty (name a path)\n",
		});
	});

	test("of an error, as a document under --json", async () => {
		const { code, out, err } = await firebreak("probe", "fail", "--json");
		expect({ code, err }).toEqual({ code: 3, err: "" });
		expect(JSON.parse(out)).toEqual({
			error: {
				code: "policy_invalid",
				message: "the policy set does not compile",
				problems: [{ object: "policy p", field: "paths", message: "it is empty", cure: "name a path" }],
			},
		});
	});

	test("1 for a bug, with its stack and without credentials", async () => {
		const { code, err } = await firebreak("probe", "bug");
		expect(code).toBe(1);
		expect(err).toContain("TypeError: cannot reach postgres://***@h/d");
		expect(err).toContain("program.test.ts");
		expect(err).not.toContain("s3cret");
	});

	test("stand for every error code", () => {
		expect(Object.keys(EXIT_OF_ERROR).sort()).toEqual([...ERROR_CODES].sort());
		for (const code of Object.values(EXIT_OF_ERROR)) expect(Object.values(EXIT)).toContain(code);
		expect(Object.values(EXIT_OF_ERROR)).not.toContain(EXIT.yes);
	});
});

describe("credentials", () => {
	test("are taken out of what is written, whoever writes it", async () => {
		expect(await firebreak("probe", "told")).toEqual({
			code: 1,
			out: "",
			err: 'error: no segment "[credential]" is known\n',
		});
		expect((await firebreak(TOKEN)).err).toMatch(/^error: unknown command '\[credential\]'/);
		expect((await firebreak("probe", "--wait", API_KEY)).err).toMatch(/'\[credential\]' is invalid\. Write a number/);
		expect((await firebreak("probe", "answer")).err).toBe("looking for [credential]\n");
		expect((await firebreak("probe", "answer")).out).toContain("orders  [credential]\n");
	});

	test("leave JSON what it is", async () => {
		const { out, err } = await firebreak("probe", "answer", "--json");
		expect(JSON.parse(out)).toEqual({ a: "[credential]", b: ["[credential]", { c: "https://***@h" }], d: 1 });
		expect(err).toBe("looking for [credential]\n");
		const told = await firebreak("probe", "told", "--json");
		expect(JSON.parse(told.out).error.message).toBe('no segment "[credential]" is known');
	});

	test("are no argument and no option, which the error names", async () => {
		expect(await firebreak("probe", `leaked: ${TOKEN}`)).toEqual({
			code: 2,
			out: "",
			err: expect.stringMatching(/^error: a credential was given in <what>; nothing was done\n {2}<what>: it holds/),
		});
		const { problems } = JSON.parse((await firebreak("probe", API_KEY, "--json")).out).error;
		expect(problems).toMatchObject([{ object: "<what>" }]);
	});

	test("but for the one that a command makes", async () => {
		expect(await firebreak("probe", "made")).toEqual({ code: 0, out: `${TOKEN}\n`, err: "" });
		const { out } = await firebreak("probe", "made", "--json");
		expect(JSON.parse(out)).toEqual({ token: TOKEN, purpose: "[credential]", seq: null });
	});
});
