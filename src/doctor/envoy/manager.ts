/** The settings of one HTTP connection manager that decide what Firebreak sees, and for how long its answer holds. */

import type { Place } from "../finding.ts";
import { matches } from "./authorization.ts";
import { type EnvoyFinding, type FindingId, finding } from "./catalogue.ts";
import { at, durationAt, listAt, type Message, textAt, typedAt } from "./json.ts";
import type { Way } from "./routes.ts";

/** @param ways null when they are not known. */
export function examineManager(manager: Message, place: Place, ways: readonly Way[] | null): EnvoyFinding[] {
	const findings: EnvoyFinding[] = [];
	const say = (id: FindingId, detail?: string) => findings.push(finding(id, place, detail));

	const escaped = textAt(manager, "path_with_escaped_slashes_action");
	const changes = [
		...(at(manager, "normalize_path") === true ? ["normalize_path"] : []),
		...(at(manager, "merge_slashes") === true ? ["merge_slashes"] : []),
	];
	if (changes.length > 0) say("path_changed", changes.join(", "));
	if (escaped.startsWith("UNESCAPE_AND_")) say("path_unescaped", escaped);

	const forwarding = textAt(manager, "forward_client_cert_details");
	if (forwarding === "ALWAYS_FORWARD_ONLY") say("forwarded_identity_open");
	if (forwarding === "FORWARD_ONLY" || forwarding === "APPEND_FORWARD") say("forwarded_identity", forwarding);
	if (at(manager, "use_remote_address") !== true) say("forwarded_address");
	if (!stripsIdentity(manager)) {
		const { id, ...rest } = finding("identity_headers", place);
		const asksAlways = ways?.every(({ asked }) => asked.length > 0) === true;
		findings.push({ id, ...rest, severity: asksAlways ? "notice" : rest.severity });
	}
	const bounds = (durationAt(manager, "common_http_protocol_options", "max_stream_duration") ?? 0) > 0;
	if (ways === null ? !bounds : ways.some(({ bounded }) => !(bounded ?? bounds))) say("stream_unbounded");
	return findings;
}

/** Names that a caller would forge, in both spellings. */
const FORGED = ["x-firebreak-principal", "x-firebreak-source", "x_firebreak_subject", "x-firebreak-x"];

function stripsIdentity(manager: Message): boolean {
	const mutations = listAt(manager, "early_header_mutation_extensions").flatMap((extension) => {
		const config = typedAt(extension, "typed_config");
		return config?.type.endsWith(".HeaderMutation") ? listAt(config.value, "mutations") : [];
	});
	return FORGED.every((name) =>
		mutations.some((mutation) => {
			const matcher = at(mutation, "remove_on_match", "key_matcher");
			const prefix = textAt(matcher, "prefix");
			return matches(textAt(matcher, "safe_regex", "regex"), name) || (prefix !== "" && name.startsWith(prefix));
		}),
	);
}
