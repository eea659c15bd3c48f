/** The odd primes that divide the generator's modulus for every key size it ever made. */
const PRIMES = [
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
	127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * Whether an RSA modulus carries the fingerprint of the broken generator of CVE-2017-15361 (ROCA), whose keys can be
 * factored: modulo each small prime it is a power of 65537. Chance alone does that less than once in 2^50 keys.
 */
export function hasRocaFingerprint(modulus: bigint): boolean {
	return PRIMES.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime));
}

function isPowerOf65537(residue: number, prime: number): boolean {
	const generator = 65_537 % prime;
	let power = 1;
	do {
		if (power === residue) return true;
		power = (power * generator) % prime;
	} while (power !== 1);
	return false;
}
