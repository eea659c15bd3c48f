/** CheckRequests to begin with: well-formed ones of the fuzzed company, ordinary and strange, as bytes. */
import fc from "fast-check";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { PLANTED_SECRET, TOKENS } from "./target.ts";

const { serialize } = PACKAGE_DEFINITION["envoy.service.auth.v3.CheckRequest"] as unknown as {
	serialize(message: unknown): Buffer;
};

const strange = fc.oneof(
	fc.string({ unit: "binary", maxLength: 24 }),
	fc.string({ maxLength: 24 }),
	fc.constantFrom("", "\0", "/", "..", "%", "a,b", "\r\n", "é", "\u{1f512}", PLANTED_SECRET, "x".repeat(3_000)),
);
const mostly = (...usual: string[]) =>
	fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: strange });

const principal = mostly(
	"spiffe://t/web",
	"spiffe://t/web",
	"spiffe://t/web/a",
	"spiffe://t/far",
	"spiffe://t/old",
	"spiffe://t/try",
	"",
	"spiffe://t",
	"CN=web",
);
const place = mostly("pay", "pay", "web", "try", "spiffe://t/pay", "spiffe://t/web", "nowhere");
const pathEnd = fc.array(
	fc.constantFrom(
		"v1",
		"7",
		"admin",
		"lines",
		"public",
		"all",
		"secret",
		"..",
		".",
		"",
		"%2e",
		"%2f",
		"%41",
		";a",
		"*",
		"{id}",
		"pay.Pay",
		"Get",
		"%00",
		"\\",
		"?x=1",
		"#f",
	),
	{ maxLength: 5 },
);
const path = fc.oneof(
	{
		weight: 6,
		arbitrary: fc.constantFrom(
			"/v1/7",
			"/v1/7/lines",
			"/v1/admin",
			"/v1/admin/x",
			"/pay.Pay/Get",
			"/pay.List/All",
			"/public/a",
			"/welcome",
			"/",
			"/all/7",
			"/all/secret",
			"/healthz",
			"/ready",
			"/v1/7?x=1",
		),
	},
	{ weight: 4, arbitrary: pathEnd.map((parts) => `/${parts.join("/")}`) },
	{ weight: 1, arbitrary: strange },
);
const authorization = mostly(
	...Object.keys(TOKENS),
	`Bearer ${PLANTED_SECRET}.forged`,
	`Basic ${PLANTED_SECRET}`,
	`${Object.keys(TOKENS)[0]},x`,
);
const name = mostly(
	"authorization",
	"Authorization",
	"dpop",
	"host",
	"content-length",
	"x-forwarded-client-cert",
	"upgrade",
	"connection",
	"x-firebreak-principal",
	"x_firebreak_subject",
	"x-http-method-override",
	"traceparent",
	":path",
	":authority",
	"cookie",
	"content-type",
	"x-request-id",
);

/** What headers a request has, once with its own token and beside it anything. */
const headers = fc
	.tuple(
		fc.option(authorization, { freq: 5 }),
		fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(fc.tuple(name, strange), { maxLength: 4 })),
	)
	.map(([token, others]) => [...(token === null ? [] : [["authorization", token] as const]), ...others]);

const peer = (who: fc.Arbitrary<string>) =>
	fc.record(
		{
			principal: who,
			certificate: mostly(""),
			address: mostly("10.0.0.1", "::1", "").map((address) => ({ socketAddress: { address, portValue: 1 } })),
			service: strange,
			labels: fc.dictionary(strange, strange, { maxKeys: 2 }),
		},
		{ requiredKeys: ["principal"] },
	);

/** Of a Check as Envoy might send it, or might not. */
export const messages: fc.Arbitrary<Buffer> = fc
	.record({
		source: peer(principal),
		destination: fc.option(peer(mostly("spiffe://t/pay", "spiffe://t/web", "spiffe://t/try")), { freq: 1 }),
		hint: fc.option(place, { freq: 3 }),
		method: mostly("GET", "GET", "GET", "POST", "HEAD", "DELETE", "get", "CONNECT"),
		path,
		host: mostly("web.example", "web.example:8443", "WEB.example.", "pay"),
		scheme: mostly("https", "http", "HTTPS"),
		headers,
		raw: fc.boolean(),
		body: fc.oneof(fc.constant(""), strange),
		metadata: fc.boolean(),
	})
	.map(({ source, destination, hint, headers: list, raw, metadata, ...http }) => ({
		attributes: {
			source,
			...(destination && { destination }),
			contextExtensions: hint === null ? {} : { "firebreak.destination": hint },
			...(metadata && {
				metadataContext: { filterMetadata: { x: { fields: { a: { stringValue: PLANTED_SECRET } } } } },
			}),
			request: {
				http: {
					...http,
					...(raw
						? { headerMap: { headers: list.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) } }
						: { headers: Object.fromEntries(list) }),
				},
			},
		},
	}))
	.map(serialize);
