/**
 * The forty cases of tokens and what each has to come to, whichever example it is: independent of what the code says of
 * itself. `OK` stands where a case has a good side, and in brackets of thought beside every other: each case has
 * examples that come close and are sound.
 */

/**
 * N: 401, a challenge without error. T: 401 `invalid_token`. Q: 400 `invalid_request`. S: 403 `insufficient_scope`.
 * D: 401 `invalid_dpop_proof`. U: 401 `use_dpop_nonce`. P: 403 without challenge. X: 503, denied.
 */
export type Letter = "N" | "T" | "Q" | "S" | "D" | "U" | "P" | "X" | "OK";

/** What some example of a case has to come to. */
export const VERDICTS: Readonly<Record<number, readonly Letter[]>> = {
	1: ["N"],
	2: ["T"],
	3: ["T"],
	4: ["T"],
	5: ["T"],
	6: ["T"],
	7: ["T"],
	8: ["T"],
	9: ["T"],
	10: ["OK", "T"],
	11: ["T"],
	12: ["T"],
	13: ["OK"],
	14: ["T"],
	15: ["T"],
	16: ["T"],
	17: ["S"],
	18: ["T"],
	19: ["S"],
	20: ["T"],
	21: ["T"],
	22: ["T"],
	23: ["T"],
	24: ["T"],
	25: ["T"],
	26: ["T"],
	27: ["T"],
	28: ["OK", "T"],
	29: ["OK", "X"],
	30: ["OK", "X"],
	31: ["T"],
	32: ["Q"],
	33: ["T"],
	34: ["D"],
	35: ["D", "X"],
	36: ["OK", "D"],
	37: ["D", "U", "T"],
	38: ["T", "X"],
	39: ["T", "P"],
	40: ["P"],
};
