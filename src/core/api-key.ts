/**
 * The text of API keys: `fbk_`, 256 random bits in base62, `_`, and a checksum. Scanners for leaked secrets find it by its
 * beginning, and tell it from other text by the checksum, which no secret is needed for.
 */
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

function checksum(body: string): string {
	return base62(BigInt(crc32(body)), CHECKSUM_CHARS);
}

/** CRC-32 of ASCII text: ISO-HDLC, as gzip has it (RFC 1952, 8). */
function crc32(text: string): number {
	let crc = 0xffff_ffff;
	for (let index = 0; index < text.length; index++) {
		crc ^= text.charCodeAt(index);
		for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
	}
	return ~crc >>> 0;
}

function base62(number: bigint, length: number): string {
	let text = "";
	for (let rest = number; text.length < length; rest /= 62n) text = `${ALPHABET[Number(rest % 62n)]}${text}`;
	return text;
}
