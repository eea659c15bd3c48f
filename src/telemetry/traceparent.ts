/** W3C Trace Context, level 1: what stands in the header `traceparent`. */

const FLAGS_AT = 53;
const LENGTH = 55;
const DASH = 0x2d;
const NINE = 0x39;

/**
 * Whether the sampled flag of a traceparent is set; null when the text is too short or its dashes are elsewhere. Looks at
 * five characters only, since it is called for every request: a text that passes may still be no valid parent.
 */
export function sampledFlag(traceparent: string): boolean | null {
	if (traceparent.length < LENGTH) return null;
	if (traceparent.charCodeAt(2) !== DASH || traceparent.charCodeAt(35) !== DASH) return null;
	if (traceparent.charCodeAt(FLAGS_AT - 1) !== DASH) return null;
	const digit = traceparent.charCodeAt(FLAGS_AT + 1);
	// The last hex digit is odd: 1, 3, ... 9 have odd codes; b, d and f have even ones.
	return digit <= NINE ? (digit & 1) === 1 : (digit & 1) === 0;
}
