/**
 * x-forwarded-for, to which each proxy appends the address that it was called from. Read from the right: the nearest proxy
 * wrote last.
 *
 * Source: Envoy's documentation of the header; RFC 7239, 8.1, on how little the rest of it proves.
 */
import { canonicalAddress } from "./address.ts";

/**
 * The last `count` addresses, nearest first, fewer when there are no more. Null stands for one that is no plain IP address:
 * with a port, in brackets, a name.
 */
export function lastAddresses(header: string, count: number): readonly (string | null)[] {
	const addresses: (string | null)[] = [];
	for (let end = header.length; addresses.length < count && end !== -1; ) {
		const comma = commaBefore(header, end);
		addresses.push(canonicalAddress(header.slice(comma + 1, end).trim()));
		end = comma;
	}
	return addresses;
}

/** The header without all but its last `count` elements, "" when `count` is 0. */
export function lastElements(header: string, count: number): string {
	let comma = header.length;
	for (let element = 0; element < count && comma !== -1; element++) comma = commaBefore(header, comma);
	return header.slice(comma + 1).trimStart();
}

/** The last comma before an index, or -1. */
function commaBefore(header: string, index: number): number {
	return index === 0 ? -1 : header.lastIndexOf(",", index - 1);
}
