/** Networks that a passport names. */
import ipaddr from "ipaddr.js";
import { LIMITS } from "../limits.ts";

/** Whether an address in canonical spelling is within one CIDR block. */
export type Network = (address: string) => boolean;

/**
 * CIDR blocks such as `10.0.0.0/8` or `fd00::/8`, without host bits. Null when one of them is none.
 *
 * A block of IPv4-mapped IPv6 is the IPv4 block, since addresses come reduced to IPv4 (canonicalAddress).
 */
export function readNetworks(value: unknown): readonly Network[] | null {
	if (!Array.isArray(value) || value.length > LIMITS.passportNetworks) return null;
	const networks = value.map((text) => (typeof text === "string" ? readNetwork(text) : null));
	return networks.every((network) => network !== null) ? networks : null;
}

function readNetwork(text: string): Network | null {
	if (!CIDR.test(text) || !ipaddr.isValidCIDR(text)) return null;
	let [base, bits] = ipaddr.parseCIDR(text);
	if (base.kind() === "ipv6" && (base as ipaddr.IPv6).isIPv4MappedAddress()) {
		if (bits < 96) return null;
		base = (base as ipaddr.IPv6).toIPv4Address();
		bits -= 96;
	}
	if (!hasNoHostBits(base.toByteArray(), bits)) return null;
	const kind = base.kind();
	return (address) => {
		if (!ipaddr.isValid(address)) return false;
		const parsed = ipaddr.process(address);
		return parsed.kind() === kind && parsed.match(base as never, bits);
	};
}

/** Four octets, or something with a colon: ipaddr.js reads `10/8` and octal parts too, which others read otherwise. */
const CIDR =
	/^(?:(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}|(?=[^/]*:)[0-9a-fA-F:]+(?:\d+(?:\.\d+){3})?)\/(?:0|[1-9]\d{0,2})$/;

function hasNoHostBits(bytes: readonly number[], bits: number): boolean {
	return bytes.every((byte, index) => {
		const kept = Math.min(8, Math.max(0, bits - index * 8));
		return (byte & (0xff >> kept)) === 0;
	});
}
