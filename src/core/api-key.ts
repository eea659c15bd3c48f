/**
 * The text of API keys: `fbk_`, 256 random bits in base62, `_`, and a checksum. Scanners for leaked secrets find it by its
 * beginning, and tell it from other text by the checksum, which no secret is needed for.
 */
import { crc32 } from "node:zlib";

export const API_KEY_PREFIX = "fbk_";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 32;
/** 62^43 is just above 2^256, 62^6 above 2^32. */
const SECRET_CHARS = 43;
const CHECKSUM_CHARS = 6;
const FORM = new RegExp(`^${API_KEY_PREFIX}[0-9A-Za-z]{${SECRET_CHARS}}_[0-9A-Za-z]{${CHECKSUM_CHARS}}$`);

/** @param secret 32 random bytes. */
export function formatApiKey(secret: Uint8Array): string {
	if (secret.length !== SECRET_BYTES) throw new RangeError(`an API key is made of ${SECRET_BYTES} bytes`);
	const body = `${API_KEY_PREFIX}${base62(BigInt(`0x${Buffer.from(secret).toString("hex")}`), SECRET_CHARS)}`;
	return `${body}_${checksum(body)}`;
}

/** Whether a text has the form of an API key, and was not mistyped. */
export function isApiKey(text: string): boolean {
	if (!FORM.test(text)) return false;
	const body = text.slice(0, -CHECKSUM_CHARS - 1);
	return text.endsWith(`_${checksum(body)}`);
}

/** CRC-32 (ISO-HDLC) of the text before it. */
function checksum(body: string): string {
	return base62(BigInt(crc32(body)), CHECKSUM_CHARS);
}

function base62(number: bigint, length: number): string {
	let text = "";
	for (let rest = number; text.length < length; rest /= 62n) text = `${ALPHABET[Number(rest % 62n)]}${text}`;
	return text;
}
