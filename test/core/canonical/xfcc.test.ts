import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { lastHops, leafHash, parseForwardedClientCert, tellsWhatIsKnown } from "../../../src/core/canonical/xfcc.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { parseSpiffeId } from "../../../src/core/spiffe.ts";

const A = "spiffe://prod.example.org/ns/a/sa/a";
const B = "spiffe://prod.example.org/ns/b/sa/b";
const HASH = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

const READ: readonly (readonly [header: string, ids: readonly string[]])[] = [
	[`URI=${A}`, [A]],
	[`By=${B};${HASH};Subject="";URI=${A}`, [A]],
	[`By=${B};${HASH};URI=${A};DNS=a.example.org;DNS=b.example.org`, [A]],
	[`${HASH};Subject="/C=US/ST=CA/L=San Francisco/OU=Lyft;x,y=z/CN=Test \\"Client\\"";URI=${A}`, [A]],
	[`uri="${A}"`, [A]],
	[`By=x;URI=${A},By=y;URI=${B}`, [B, A]],
	[`By=x;URI=${A}, By=y;URI=${B}`, [B, A]],
	[`URI=${A};Cert="-----BEGIN%20CERTIFICATE-----%0A";Chain="x"`, [A]],
	[`Subject="URI=${B},URI=${B}";URI=${A}`, [A]],
	[`By=;URI=${A}`, [A]],
	[`URI=${A}${";DNS=a".repeat(LIMITS.forwardedFields - 1)}`, [A]],
	[Array.from({ length: LIMITS.forwardedHops }, () => `URI=${A}`).join(","), Array(LIMITS.forwardedHops).fill(A)],
];

const UNREADABLE = [
	"",
	",",
	";",
	"root",
	"URI",
	"URI=",
	"=x",
	`URI=${A};`,
	`URI=${A},`,
	`,URI=${A}`,
	`;URI=${A}`,
	`URI=${A};URI=${B}`,
	`URI=${A};uri=${A}`,
	HASH,
	`${HASH},URI=${A}`,
	`URI=${A},${HASH}`,
	"URI=https://example.org/",
	"URI=spiffe://Prod.example.org/ns/a",
	`URI=${A}/`,
	`URI=${A}%00`,
	`URI="${A}`,
	`URI=${A}"`,
	`URI="${A}"x`,
	`URI="${A}\\`,
	`Subject="a"b";URI=${A}`,
	`Sub ject=x;URI=${A}`,
	`URI=${A} ${B}`,
	`URI=${A};x`,
	Array.from({ length: LIMITS.forwardedHops + 1 }, () => `URI=${A}`).join(","),
	`URI=${A}${";DNS=a".repeat(LIMITS.forwardedFields)}`,
];

test.each(READ)("reads %s", (header, ids) => {
	expect(parseForwardedClientCert(header)).toEqual(ids);
});

test.each(UNREADABLE)("takes nothing from %j", (header) => {
	expect(parseForwardedClientCert(header)).toEqual([]);
});

test("what proxies write is read back, whatever the subject holds", () => {
	const hop = fc.record({
		name: fc.stringMatching(/^[a-z0-9-]{1,8}$/),
		subject: fc.string({ maxLength: 12 }).filter((text) => !/[^\x20-\x7e]/.test(text)),
	});
	fc.assert(
		fc.property(fc.array(hop, { minLength: 1, maxLength: LIMITS.forwardedHops }), (hops) => {
			const header = hops
				.map(({ name, subject }) => {
					const quoted = subject.replace(/["\\]/g, "\\$&");
					return `By=${B};Subject="${quoted}";URI=spiffe://x.org/${name}`;
				})
				.join(",");
			const ids = hops.map(({ name }) => `spiffe://x.org/${name}`).reverse();
			expect(parseForwardedClientCert(header)).toEqual(ids);
			for (let count = 1; count <= hops.length + 1; count++) {
				expect(parseForwardedClientCert(lastHops(header, count))).toEqual(ids.slice(0, count));
			}
		}),
	);
});

test.each([
	[`By=${B};Hash=00ff10;URI=${A}`, true],
	[`By=${B};Hash=00ff10;Subject="";URI=${A}`, true],
	[`URI=${A}`, true],
	[`URI=${B},uri="${A}"`, true],
	[`URI=${A},URI=${B}`, false],
	[`By=${A};Hash=00ff10;URI=${A}`, false],
	[`By=${B};Hash=00ff11;URI=${A}`, false],
	[`By=${B};Hash=00ff10;Subject="CN=root";URI=${A}`, false],
	[`By=${B};Hash=00ff10`, false],
	[`URI=${A};URI=${B}`, false],
	["URI", false],
])("%s says what is known: %s", (header, known) => {
	expect(tellsWhatIsKnown(header, { principal: A, certificateHash: "AP8Q", by: B })).toBe(known);
	expect(tellsWhatIsKnown(header, { principal: null, certificateHash: "AP8Q", by: B })).toBe(false);
});

const DIGEST = Buffer.from(HASH.slice(5), "hex").toString("base64url");
const OTHER = `Hash=${"ab".repeat(32)}`;
test.each([
	[`By=${B};${HASH};URI=${A}`, DIGEST],
	[`URI=${A};${HASH}`, DIGEST],
	[`URI=${A};hash="${HASH.slice(5).toUpperCase()}"`, DIGEST],
	[`${HASH};URI=${A},${OTHER};URI=${B}`, DIGEST],
	[`Subject="${OTHER}";${HASH};URI=${A}`, DIGEST],
	[`URI=${A}`, null],
	[`URI=${A},${HASH};URI=${B}`, null],
	[`${HASH};${OTHER};URI=${A}`, null],
	[`${HASH.slice(0, -1)};URI=${A}`, null],
	[`${HASH}00;URI=${A}`, null],
	["Hash=;URI=x", null],
	["", null],
])("the first certificate's hash in %s", (header, hash) => expect(leafHash(header)).toBe(hash));

test("total", () => {
	const piece = fc.constantFrom("URI=", A, ",", ";", '"', "\\", "=", " ", "By=", "x", "\u0000");
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
			for (const id of parseForwardedClientCert(pieces.join(""))) expect(parseSpiffeId(id)).not.toBeNull();
		}),
		{ numRuns: 3_000 },
	);
});
