import { expect, test } from "@jest/globals";
import { Secrets } from "./secrets.ts";

const secrets = new Secrets();
const secret = secrets.plant("a cookie");
const found = (text: string) => secrets.foundIn({ name: "log", text: `level=info ${text}`, holds: "level=" });

test.each<[string, string]>([
	["as it is", `cookie: ${secret}`],
	["in a URL", `?c=${encodeURIComponent(secret)}`],
	["in base64", Buffer.from(secret).toString("base64")],
	["in base64 behind one byte", Buffer.from(`:${secret}`).toString("base64")],
	["in base64url behind two bytes", Buffer.from(`u:${secret}?`).toString("base64url")],
	["in hex", Buffer.from(secret).toString("hex")],
])("a secret is found %s", (_, text) => {
	expect(found(text)).toEqual(["log: a cookie"]);
});

test("what holds none is clean, and what is empty proves nothing", () => {
	expect(found("nothing")).toEqual([]);
	expect(secrets.foundIn({ name: "log", text: "", holds: "level=" })).toEqual([
		"log holds no level=: it proves nothing",
	]);
});

test("each part of a token is looked for, and a private key", () => {
	const some = new Secrets();
	some.jws("token", "eyJhbGciOiJFUzI1NiJ9.cGF5bG9hZC1vZi1hLXRva2Vu.c2lnbmF0dXJlLW9mLWl0");
	some.pem("key", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nshort\n-----END PRIVATE KEY-----\n");
	const text = "a c2lnbmF0dXJlLW9mLWl0 MIGHAgEAMBMGByqGSM49 eyJhbGciOiJFUzI1NiJ9";
	expect(some.foundIn({ name: "log", text, holds: "a" })).toEqual(["log: token, signature", "log: key"]);
});
