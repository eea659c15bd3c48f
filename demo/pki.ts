import { createHash, webcrypto } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** What a leaf certificate says. Every field may be bent out of shape, so that tests have bad certificates too. */
export interface LeafOptions {
	/** URI names (SAN) in order; a workload has exactly one, its SPIFFE ID. */
	readonly uris?: readonly string[];
	/** DNS names (SAN). */
	readonly dns?: readonly string[];
	/** A word for people, in the subject; never an identity. */
	readonly commonName?: string;
	/** Defaults to one minute ago. */
	readonly notBefore?: Date;
	/** Defaults to two hours from now. */
	readonly notAfter?: Date;
}

export interface Leaf {
	/** PEM. */
	readonly certificate: string;
	/** PEM, PKCS #8. A secret. */
	readonly key: string;
	/** SHA-256 over the DER form, base64url: what `cnf.x5t#S256` holds (RFC 8705 section 3.1). */
	readonly thumbprint: string;
}

/** A throw-away certificate authority. Its key never leaves memory. */
export interface Authority {
	/** PEM: what others trust. */
	readonly certificate: string;
	/** Signs a new leaf with a key of its own, good for both ends of mutual TLS. */
	issue(options: LeafOptions): Promise<Leaf>;
}

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" };
const CLOCK_SKEW_MS = 60_000;
const LIFETIME_MS = 2 * 3_600_000;

/** Makes a certificate authority (ECDSA P-256) that lives for some hours. */
export async function createAuthority(commonName = "Firebreak throw-away CA"): Promise<Authority> {
	const keys = await generateKeys();
	const now = Date.now();
	const root = await x509.X509CertificateGenerator.createSelfSigned({
		name: [{ CN: [commonName] }],
		keys,
		notBefore: new Date(now - CLOCK_SKEW_MS),
		notAfter: new Date(now + LIFETIME_MS),
		signingAlgorithm: SIGNING_ALGORITHM,
		extensions: [
			new x509.BasicConstraintsExtension(true, 0, true),
			new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
			await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
		],
	});
	return { certificate: root.toString("pem"), issue: (options) => issueLeaf(root, keys.privateKey, options) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
	return (await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

/** An X.509-SVID by default (SPIFFE X509-SVID section 4): one URI name, digitalSignature, no CA. */
async function issueLeaf(
	root: x509.X509Certificate,
	signingKey: webcrypto.CryptoKey,
	options: LeafOptions,
): Promise<Leaf> {
	const keys = await generateKeys();
	const names: x509.JsonGeneralNames = [
		...(options.uris ?? []).map((value) => ({ type: "url" as const, value })),
		...(options.dns ?? []).map((value) => ({ type: "dns" as const, value })),
	];
	const now = Date.now();
	const leaf = await x509.X509CertificateGenerator.create({
		subject: [{ CN: [options.commonName ?? "workload"] }],
		issuer: root.subjectName,
		notBefore: options.notBefore ?? new Date(now - CLOCK_SKEW_MS),
		notAfter: options.notAfter ?? new Date(now + LIFETIME_MS),
		publicKey: keys.publicKey,
		signingKey,
		signingAlgorithm: SIGNING_ALGORITHM,
		extensions: [
			new x509.BasicConstraintsExtension(false, undefined, true),
			new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
			new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
			await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
			...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
		],
	});
	const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
	return {
		certificate: leaf.toString("pem"),
		key: x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag),
		thumbprint: createHash("sha256").update(new Uint8Array(leaf.rawData)).digest("base64url"),
	};
}
