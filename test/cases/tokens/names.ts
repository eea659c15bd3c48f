/**
 * Names that tokens carry, as long as they may be and longer, and those that are credentials: what could not be revoked is not
 * accepted. Lengths in UTF-8.
 */
import { LIMITS } from "../../../src/core/limits.ts";
import { AUDIENCE, type IssuerName, type TokenWorld } from "../../support/tokens.ts";
import { API_KEY, TOKEN } from "../credential-texts.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const ID = "a".repeat(LIMITS.tokenIdBytes);
/** Four bytes, and two of JavaScript's code units, each. */
const WIDE_ID = "\u{1f525}".repeat(LIMITS.tokenIdBytes / 4);
const SUBJECT = "s".repeat(LIMITS.subjectBytes);
const WIDE_SUBJECT = "\u{1f525}".repeat(LIMITS.subjectBytes / 4);
const SVID = `spiffe://prod.example.org/${"w".repeat(LIMITS.subjectBytes - "spiffe://prod.example.org/".length)}`;

type Names = Readonly<Record<string, unknown>>;
const main = (names: Names) => (world: TokenWorld) => world.token(names);
const from = (issuer: IssuerName, names: Names) => (world: TokenWorld) => world.tokenOf(issuer, names);
/** Of an issuer whose options name other claims. */
const tenant = (names: Names) =>
	from("tenants", { oid: "alice", uti: "u-1", tid: "blue", scp: "a", aud: AUDIENCE, ...names });
const svid = (names: Names) => from("spire", { sub: SVID, scope: undefined, jti: undefined, ...names });

export const names: readonly TokenCase[] = [
	accepted(24, "an id as long as it may be", main({ jti: ID }), { id: ID }),
	refused(24, "an id that is longer", "claims", main({ jti: `${ID}a` })),
	accepted(24, "an id of wide characters, as long as it may be", main({ jti: WIDE_ID }), { id: WIDE_ID }),
	refused(24, "an id of as many characters, and more bytes", "claims", main({ jti: `${WIDE_ID}\u00e9` })),
	accepted(24, "a subject as long as it may be", main({ sub: SUBJECT }), { subject: SUBJECT }),
	refused(24, "a subject that is longer", "claims", main({ sub: `${SUBJECT}s` })),
	accepted(24, "a subject of wide characters, as long as it may be", main({ sub: WIDE_SUBJECT }), {
		subject: WIDE_SUBJECT,
	}),
	refused(24, "a subject of fewer characters, and more bytes", "claims", main({ sub: `${WIDE_SUBJECT}\u00e9` })),
	accepted(24, "an id that the issuer's options name, as long as it may be", tenant({ uti: ID }), { id: ID }),
	refused(24, "an id that the issuer's options name, longer", "claims", tenant({ uti: `${ID}a` })),
	accepted(24, "a subject that the issuer's options name, as long as it may be", tenant({ oid: SUBJECT }), {
		subject: SUBJECT,
	}),
	refused(24, "a subject that the issuer's options name, longer", "claims", tenant({ oid: `${SUBJECT}s` })),
	refused(24, "oidc, an id that is longer", "claims", from("login", { jti: `${ID}a` })),
	accepted(24, "a JWT-SVID with the longest SPIFFE ID", svid({}), { subject: SVID }),
	refused(24, "a JWT-SVID with a longer one", "claims", svid({ sub: `${SVID}w` })),
	refused(24, "a JWT-SVID with an id that is longer", "claims", svid({ jti: `${ID}a` })),
	refused(24, "an id that is a token", "claims", main({ jti: TOKEN })),
	refused(24, "an id that is an API key", "claims", main({ jti: API_KEY })),
	refused(24, "a subject that is a token", "claims", main({ sub: TOKEN })),
	refused(24, "a subject that holds an API key", "claims", main({ sub: `alice ${API_KEY}` })),
	refused(24, "oidc, an id that is a token", "claims", from("login", { jti: TOKEN })),
	refused(24, "an id that the issuer's options name, a token", "claims", tenant({ uti: TOKEN })),
];
