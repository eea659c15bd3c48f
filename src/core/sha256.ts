/** SHA-256 as tokens, passports and quarantines write it: of a certificate, of an API key, or a key's JWK thumbprint. */

/** 43 characters hold two bits more than the hash, which are zero: a text with others equals no hash that is computed. */
const SHA256 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Whether a text is base64url of 32 bytes, in its one spelling. */
export const isSha256 = (text: string): boolean => SHA256.test(text);
