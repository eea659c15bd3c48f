/** Which other protocol a request asks to switch to. Sources: RFC 9110 (7.6.1, 7.8), RFC 8441, CVE-2024-23326, CVE-2026-73548. */
import { isToken } from "./method.ts";

/** Why an upgrade was refused: stable words for operators. */
export type UpgradeDetail =
	| "upgrade_malformed"
	/** Several protocols are offered, and the upstream would choose. */
	| "upgrade_several"
	/** Connection names a header that decisions or upstreams rest on, so that a hop would drop it (RFC 9110, 7.6.1). */
	| "connection_option";

export type Upgrade =
	| {
			readonly ok: true;
			/** Lower case, with its version when it has one (`websocket`, `h2c`, `tls/1.0`); null when none is asked for. */
			readonly upgrade: string | null;
	  }
	| { readonly ok: false; readonly detail: UpgradeDetail };

const NONE: Upgrade = { ok: true, upgrade: null };
const HOP_REMOVABLE = /(?:^|,)[ \t]*(?:authorization|dpop|host|content-length|x-forwarded-client-cert|x-firebreak-)/i;

/**
 * Reads Upgrade and the `:protocol` of an extended CONNECT. An Upgrade header counts also without the Connection option
 * that should come with it: some upstreams switch all the same.
 */
export function readUpgrade(
	header: string | undefined,
	protocol: string | undefined,
	connection: string | undefined,
): Upgrade {
	if (connection !== undefined && HOP_REMOVABLE.test(connection)) return { ok: false, detail: "connection_option" };
	const asked = protocol ?? header;
	if (asked === undefined) return NONE;
	if (asked.includes(",")) return { ok: false, detail: "upgrade_several" };
	const upgrade = asked.toLowerCase();
	if (protocol !== undefined && header !== undefined && header.toLowerCase() !== upgrade) {
		return { ok: false, detail: "upgrade_several" };
	}
	const slash = upgrade.indexOf("/");
	const valid = slash === -1 ? isToken(upgrade) : isToken(upgrade.slice(0, slash)) && isToken(upgrade, slash + 1);
	return valid ? { ok: true, upgrade } : { ok: false, detail: "upgrade_malformed" };
}
