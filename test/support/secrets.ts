/** Secrets that a test plants, and the search for them in everything that comes out. */
import { randomBytes } from "node:crypto";

export interface Haystack {
	/** What errors call it. */
	readonly name: string;
	readonly text: string;
	/** Something that it must hold, so that an empty or a wrong one is no proof. */
	readonly holds: string | RegExp;
}

/** Shorter pieces occur by chance, and give nothing away. */
const LEAST = 12;

export class Secrets {
	/** What is looked for, by name. */
	readonly #pieces = new Map<string, string>();

	/** Makes a secret that occurs nowhere else. */
	plant(name: string): string {
		return this.add(name, `planted-${name.replace(/\W+/g, "-")}-${randomBytes(9).toString("hex")}`);
	}

	/** Takes a credential as it is. */
	add(name: string, secret: string): string {
		if (secret.length < LEAST) throw new Error(`${name} is too short to be looked for`);
		this.#pieces.set(name, secret);
		return secret;
	}

	/** Takes a compact JWS: its payload and its signature, each of which would do harm alone. */
	jws(name: string, text: string): string {
		const [, payload = "", signature = ""] = text.split(".");
		this.add(`${name}, payload`, payload);
		this.add(`${name}, signature`, signature);
		return text;
	}

	/** Takes a PEM of a private key, by its longest line. */
	pem(name: string, text: string): string {
		const lines = text.split("\n").filter((line) => !line.startsWith("-----"));
		this.add(name, lines.sort((one, other) => other.length - one.length)[0] ?? "");
		return text;
	}

	/** Where which secret was found, in any spelling that a program may give it; none when all is well. */
	foundIn({ name, text, holds }: Haystack): string[] {
		const there = typeof holds === "string" ? text.includes(holds) : holds.test(text);
		if (!there) return [`${name} holds no ${holds}: it proves nothing`];
		return [...this.#pieces].flatMap(([secret, piece]) =>
			spellings(piece).some((spelling) => text.includes(spelling)) ? [`${name}: ${secret}`] : [],
		);
	}
}

/** As it is, as JSON and URLs escape it, and in base64, whatever stands before it. */
function spellings(piece: string): string[] {
	const bytes = Buffer.from(piece);
	const encoded = [0, 1, 2].flatMap((shift) => {
		// The first and last characters depend on the neighbours.
		const text = Buffer.concat([Buffer.alloc(shift), bytes])
			.toString("base64")
			.replace(/=+$/, "")
			.slice(4, -2);
		return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
	});
	const all = [piece, JSON.stringify(piece).slice(1, -1), encodeURIComponent(piece), bytes.toString("hex"), ...encoded];
	return all.filter((spelling) => spelling.length >= LEAST);
}
