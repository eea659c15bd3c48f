/** What a command is given: never a credential, which would be kept for ever in a reason or a name. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { holdsCredential } from "../core/credential-text.ts";
import { FirebreakError } from "../core/errors.ts";

/** Parts of a made-up request, which may hold what requests hold. Nothing is kept of it. */
const OF_REQUESTS: ReadonlySet<string> = new Set(["path", "header"]);

/** @throws FirebreakError usage that names each argument and option of the command that holds a credential. */
export function refuseCredentials(command: CommandUnknownOpts): void {
	const given: [name: string, value: unknown][] = [
		...command.registeredArguments.map((argument, index): [string, unknown] => [
			`<${argument.name()}>`,
			command.args[index],
		]),
		...command.options
			.filter((option) => !OF_REQUESTS.has(option.attributeName()))
			.map((option): [string, unknown] => [
				option.long ?? option.flags,
				command.getOptionValue(option.attributeName()),
			]),
	];
	const wrong = given.flatMap(([name, value]) => (textsIn(value).some(holdsCredential) ? [name] : []));
	if (wrong.length === 0) return;
	const message = `a credential was given in ${wrong.join(", ")}; nothing was done`;
	throw new FirebreakError("usage", message, {
		problems: wrong.map((object) => ({ object, message: "it holds a credential (not repeated here)", cure: CURE })),
	});
}

function textsIn(value: unknown): string[] {
	if (typeof value === "string") return [value];
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

const CURE =
	"name a token by its id (firebreak token show --token-file FILE tells it), and take the credential for leaked: command lines are seen in ps and kept by shells";
