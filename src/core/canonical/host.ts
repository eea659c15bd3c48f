/**
 * The host that a request names. It never chooses the destination, but policies may name it, so one host has one form.
 *
 * Sources: RFC 3986 (3.2.2), CVE-2021-39155, Istio 2021-008, CVE-2026-73550.
 */
import { LIMITS } from "../limits.ts";

/** Why a host was refused: stable words for operators. */
export type HostDetail =
	| "host_empty"
	| "host_too_long"
	| "host_userinfo"
	/** A comma: two Host headers that a proxy joined. */
	| "host_several"
	/** A space, control byte, byte outside ASCII, escape, or other character that no host name has. */
	| "host_character"
	/** Two dots in a row, or one at the start. */
	| "host_label"
	/** Not 1 to 65535 in plain digits. */
	| "host_port"
	/** Brackets that hold no IPv6 address. */
	| "host_literal";

export type CanonicalHost =
	| {
			readonly ok: true;
			/** Lower case, without port and without one trailing dot; IPv6 in brackets, compressed (RFC 5952). */
			readonly host: string;
			/** Lower case, with its port when it had one. */
			readonly authority: string;
	  }
	| { readonly ok: false; readonly detail: HostDetail };

/** Reads a Host header or `:authority` of at most `LIMITS.hostBytes` bytes. */
export function canonicalHost(raw: string): CanonicalHost {
	if (raw === "") return refuse("host_empty");
	if (raw.length > LIMITS.hostBytes) return refuse("host_too_long");
	if (raw.charCodeAt(0) === 0x5b) return canonicalLiteral(raw);

	let upper = false;
	let end = raw.length;
	let previousDot = true;
	for (let index = 0; index < end; index++) {
		const code = raw.charCodeAt(index);
		if (code === 0x2e) {
			if (previousDot) return refuse("host_label");
			previousDot = true;
			continue;
		}
		if (code === 0x3a) {
			if (!isPort(raw, index + 1)) return refuse(raw.includes("@") ? "host_userinfo" : "host_port");
			end = index;
			break;
		}
		previousDot = false;
		if (code >= 0x41 && code <= 0x5a) upper = true;
		else if (!isHostCharacter(code)) return refuse(characterDetail(code));
	}
	if (end === 0) return refuse("host_empty");
	const authority = upper ? raw.toLowerCase() : raw;
	const nameEnd = previousDot ? end - 1 : end;
	return { ok: true, host: nameEnd === authority.length ? authority : authority.slice(0, nameEnd), authority };
}

function refuse(detail: HostDetail): CanonicalHost {
	return { ok: false, detail };
}

/** Lower case letters, digits, `-`, and `_`, which Kubernetes and Compose names have. */
function isHostCharacter(code: number): boolean {
	return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f;
}

function characterDetail(code: number): HostDetail {
	if (code === 0x40) return "host_userinfo";
	return code === 0x2c ? "host_several" : "host_character";
}

/** Whether the text from `start` to its end is a port without leading zeros. */
function isPort(text: string, start: number): boolean {
	const length = text.length - start;
	if (length < 1 || length > 5 || text.charCodeAt(start) === 0x30) return false;
	for (let index = start; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code < 0x30 || code > 0x39) return false;
	}
	return Number(text.slice(start)) <= 65_535;
}

const LITERAL = /^(\[[0-9A-Fa-f:.]+\])(?::(.*))?$/s;

/** An IPv6 address in brackets: rare, so the URL parser may do it once nothing but an address can reach it. */
function canonicalLiteral(raw: string): CanonicalHost {
	const parts = LITERAL.exec(raw);
	const literal = parts?.[1];
	if (!literal) return refuse("host_literal");
	const port = parts?.[2];
	if (port !== undefined && !isPort(port, 0)) return refuse("host_port");
	const host = URL.parse(`http://${literal}/`)?.hostname;
	return host ? { ok: true, host, authority: raw.toLowerCase() } : refuse("host_literal");
}
