/** What is a credential and what only looks a little like one: the program and the database must say the same of each. */
import { generateKeyPairSync } from "node:crypto";
import { formatApiKey } from "../../src/core/api-key.ts";
import { TokenWorld } from "../support/tokens.ts";

export interface CredentialText {
	readonly name: string;
	readonly text: string;
	/** What must not be left of it. */
	readonly secret: string;
}

export const TOKEN: string = new TokenWorld(1_780_000_000).token();
const [HEADER = "", PAYLOAD = "", SIGNATURE = ""] = TOKEN.split(".");
export const API_KEY: string = formatApiKey(Buffer.alloc(32, 77));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const pemOf = (key: typeof rsa, type: "pkcs8" | "pkcs1" | "sec1") => key.export({ type, format: "pem" }) as string;
export const PEM: string = pemOf(p256, "pkcs8");
const bodyOf = (pem: string): string => pem.split("\n")[1]!;
const jwk = JSON.stringify(p256.export({ format: "jwk" }));
const d = String(p256.export({ format: "jwk" }).d);

const is = (name: string, text: string, secret: string): CredentialText => ({ name, text, secret });

export const CREDENTIALS: readonly CredentialText[] = [
	is("a token", TOKEN, SIGNATURE),
	is("a token in a sentence", `leaked: ${TOKEN}, see INC-4711.`, SIGNATURE),
	is("a token as a header", `Authorization: Bearer ${TOKEN}`, SIGNATURE),
	is("a token behind a prefix", `jkt:${TOKEN}`, SIGNATURE),
	is("a token that something was typed in front of", `x${TOKEN}`, SIGNATURE),
	is("a token in a URL", `https://orders.example.org/cb#access_token=${TOKEN}`, SIGNATURE),
	is("a token in JSON", JSON.stringify({ note: `now\n${TOKEN}` }), SIGNATURE),
	is("a token between line breaks", `one\n${TOKEN}\ntwo`, SIGNATURE),
	is("a token with a part too many", `${TOKEN}.x`, SIGNATURE),
	is("a token without its signature", `${HEADER}.${PAYLOAD}.`, PAYLOAD),
	is("a token without its header, which everybody knows", `${PAYLOAD}.${SIGNATURE}`, SIGNATURE),
	is(
		"an encrypted token",
		"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXYxMjM0NTY3OA.Y2lwaGVydGV4dA.dGFnMTIzNA",
		"dGFnMTIzNA",
	),
	is("a token whose header has spaces", `eyAiYWxnIjogIkVTMjU2In0.${PAYLOAD}.${SIGNATURE}`, SIGNATURE),
	is("an API key", API_KEY, API_KEY.slice(4, 40)),
	is("an API key in a sentence", `(${API_KEY})`, API_KEY.slice(4, 40)),
	is("an API key behind a word", `INC-4711-${API_KEY}`, API_KEY.slice(4, 40)),
	is("an API key in JSON", JSON.stringify({ note: `now\n${API_KEY}` }), API_KEY.slice(4, 40)),
	is("a mistyped API key", API_KEY.slice(0, -1), API_KEY.slice(4, 40)),
	is("an API key that was cut", API_KEY.slice(0, 20), API_KEY.slice(4, 20)),
	is("a private key", PEM, bodyOf(PEM)),
	is("a private key in one line", PEM.replaceAll("\n", " "), bodyOf(PEM)),
	is("a private key in JSON", JSON.stringify({ key: PEM }), bodyOf(PEM)),
	is("a private key that was cut", PEM.slice(0, 90), PEM.slice(40, 90).trim()),
	is("the body of a private key", bodyOf(PEM), bodyOf(PEM).slice(20)),
	is("a private RSA key", pemOf(rsa, "pkcs8"), bodyOf(pemOf(rsa, "pkcs8"))),
	is("the body of a private RSA key", `body ${bodyOf(pemOf(rsa, "pkcs8"))}`, bodyOf(pemOf(rsa, "pkcs8")).slice(20)),
	is("the body of a PKCS #1 key", bodyOf(pemOf(rsa, "pkcs1")), bodyOf(pemOf(rsa, "pkcs1")).slice(20)),
	is("the body of a SEC 1 key", bodyOf(pemOf(p256, "sec1")), bodyOf(pemOf(p256, "sec1")).slice(20)),
	is("a private JWK", jwk, d),
	is("a private JWK within JSON", JSON.stringify({ note: jwk }), d),
	is("a database URL", "postgres://firebreak:hunter2-hunter2@db.example.org/firebreak", "hunter2"),
	is("a database URL whose password is a parameter", "postgres:///firebreak?host=/run&password=hunter2", "hunter2"),
	is("a connection string", "host=db user=firebreak password=hunter2 sslmode=require", "hunter2"),
	is("another database's URL", "see redis://:hunter2@redis:6379/0", "hunter2"),
];

/** Ordinary texts, some of them long, which pass as they are. */
export const NO_CREDENTIALS: readonly string[] = [
	"",
	"INC-4711: leaked in a log",
	"t-eS4uGkZ0",
	"k-fbk_",
	"fbk_",
	"fbk_short_000000",
	"the keys that begin with fbk_ and the tokens that begin with eyJ",
	"eyJ",
	"eyJ.is-an-id",
	"eyJhbGciOiJFUzI1NiJ9",
	"a.b.c",
	"4f1c-77",
	"00000000-0000-4000-8000-000000000000",
	"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	"jkt:0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
	"abfbk_0123456789abcdefghij-0123456789abcdefg",
	"x5t#S256:A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0",
	"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
	"spiffe://prod.example.org/ns/orders/sa/orders-with-a-long-name-0123456789",
	"https://id.example.org/realms/main?kid=2026-01&x=1#y",
	"https://[::1]:8080/.well-known/jwks.json",
	"https://user@example.org/a@b",
	"https://id.example.org|auth0:alice@example.org",
	"https://id.example.org:5556|alice@example.org",
	"postgres://db.example.org:5432/firebreak",
	"postgres://***@db.example.org/firebreak and password=***",
	"01J9Z6V7Q8ZK3M5N7P9R1T3V5X",
	"payments:read payments:write/v1/{id}/**",
	'token.scope == "payments:read" && request.headers["x-tenant"] == "a"',
	'{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}',
	"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n-----END PUBLIC KEY-----",
	"-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUAgEAMA0wCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNZmly\n-----END CERTIFICATE-----",
	"the password is in the vault: see password-policy.md",
	"Grüße aus Köln, 東京 ✓",
];

/** What random texts are made of: pieces that make a credential only together. */
export const PIECES: readonly string[] = [
	...["eyJ", "eyAi", HEADER, PAYLOAD, SIGNATURE, ".", "fbk_", API_KEY.slice(4, 47), "_", API_KEY.slice(-6), "a", "-"],
	...[
		"-----BEGIN ",
		"PRIVATE KEY",
		"-----",
		"-----END ",
		"\n",
		" ",
		'"',
		"\\",
		"'",
		bodyOf(PEM),
		"MC4CAQAwBQYDK2VwBCIEI",
	],
	...[
		'"d":',
		'"d" : "',
		d,
		"://",
		"postgres",
		"user",
		":",
		"@",
		"/",
		"password=",
		"Password=",
		"*",
		"?",
		"&",
		"#",
		"é",
	],
];
