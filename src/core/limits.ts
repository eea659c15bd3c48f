/**
 * Every bound of the program, in one place. Units are in the names or in the comment. test/core/limits.test.ts asserts
 * the relations between them.
 */
export const LIMITS = {
	/** One header's value; Envoy's own default for all headers together is 60 KiB. */
	headerValueBytes: 65_536,
	headerCount: 512,
	pathBytes: 8_192,
	pathSegments: 128,
	queryBytes: 32_768,
	hostBytes: 261,
	methodBytes: 32,
	/** Compact serialization of a token, refused before parsing. */
	tokenBytes: 8_192,
	/** Nesting of JSON inside a token. */
	tokenJsonDepth: 32,
	spiffeIdBytes: 2_048,
	trustDomainBytes: 255,
	/** Rules of one (destination, source) pair that are matched one by one; above it a trie narrows them first. */
	linearRules: 8,
	/** Names of objects. */
	nameBytes: 253,
	/** The name of a captured path segment. */
	templateNameBytes: 64,
	conditionBytes: 4_096,
	conditionAstNodes: 512,
	conditionDepth: 32,
} as const;
