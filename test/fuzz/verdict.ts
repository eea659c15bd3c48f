/** What is wrong with an answer: read by another codec than the one that wrote it, and held against the oracle. */
import type { PolicySet, SegmentRow } from "../../src/core/model.ts";
import type { Request } from "../../src/core/request.ts";
import { PACKAGE_DEFINITION } from "../../src/extauthz/proto.ts";
import { oracle } from "../support/oracle.ts";
import { NOW, requestOf } from "../support/requests.ts";
import { PLANTED_NAME, PLANTED_SECRET, verdictOf } from "./target.ts";

interface Answer {
	readonly status?: { readonly code?: number; readonly message?: string };
	readonly okResponse?: { readonly headers?: readonly Option[] };
	readonly deniedResponse?: {
		readonly status?: { readonly code?: number };
		readonly headers?: readonly Option[];
		readonly body?: string;
	};
	readonly dynamicMetadata?: unknown;
}
interface Option {
	readonly header?: { readonly key?: string; readonly value?: string };
}
interface Wire {
	readonly attributes?: {
		readonly source?: { readonly principal?: string };
		readonly destination?: { readonly principal?: string };
		readonly contextExtensions?: Readonly<Record<string, string>>;
		readonly request?: {
			readonly http?: {
				readonly method?: string;
				readonly path?: string;
				readonly host?: string;
				readonly headers?: Readonly<Record<string, string>>;
				readonly headerMap?: { readonly headers?: readonly { key?: string; value?: string; rawValue?: Buffer }[] };
			};
		};
	};
}

interface Codec {
	deserialize(bytes: Buffer): unknown;
}
const codec = (name: string) => PACKAGE_DEFINITION[`envoy.service.auth.v3.${name}`] as unknown as Codec;
const REQUEST = codec("CheckRequest");
const RESPONSE = codec("CheckResponse");

export interface Judged {
	readonly allowed: boolean;
	/** Null: nothing is wrong. */
	readonly fault: string | null;
}

/** Judges the answer that some bytes got. */
export function judgeAnswer(set: PolicySet, sent: Buffer, received: Buffer): Judged {
	const wrong = (fault: string) => ({ allowed: false, fault });
	let answer: Answer;
	try {
		answer = RESPONSE.deserialize(received) as Answer;
	} catch (error) {
		return wrong(`the answer is no CheckResponse: ${error}`);
	}
	if (received.includes(PLANTED_SECRET)) return wrong("the answer holds a credential");
	// Metadata goes to Envoy's access log; all else to the caller or the service.
	const { dynamicMetadata: _, ...seen } = answer;
	if (JSON.stringify(seen).includes(PLANTED_NAME))
		return wrong("the answer names a policy to the caller or the service");
	const { status, okResponse, deniedResponse } = answer;
	if (!status) return wrong("the answer has no status, which is an allow");
	if ((status.code ?? 0) !== 0) {
		const http = deniedResponse?.status?.code ?? 0;
		if (okResponse || http < 400 || http > 503) return wrong(`a denial with HTTP status ${http}`);
		if (http === 500) return wrong("internal_error");
		return { allowed: false, fault: null };
	}
	if (!okResponse || deniedResponse) return wrong("an allow that is no OkHttpResponse");
	const request = naiveRequest(set, sent);
	if (request === null) return wrong("an allow for what is no CheckRequest");
	const reason = oracle(set, request, verdictOf(request.authorization), NOW).reason;
	return reason.startsWith("allowed")
		? { allowed: true, fault: null }
		: wrong(`an allow that the oracle denies: ${reason}`);
}

/** The request as anybody would read it: nothing refused, nothing repaired but the case and port of a host. */
function naiveRequest(set: PolicySet, bytes: Buffer): Request | null {
	let wire: Wire;
	try {
		wire = REQUEST.deserialize(bytes) as Wire;
	} catch {
		return null;
	}
	const { source, destination, contextExtensions, request } = wire.attributes ?? {};
	const { method = "", path = "", host = "", headers = {}, headerMap } = request?.http ?? {};
	// A listener's certificate without a SPIFFE ID says nothing about the destination.
	const proven = /^spiffe:/i.test(destination?.principal ?? "") ? destination?.principal : undefined;
	const hint = contextExtensions?.["firebreak.destination"];
	const bySegment = (text: string) =>
		set.segments.find(({ name, members }) => name === text || holds(members, text))?.name;
	const places = new Set([proven, hint].flatMap((text) => (text ? [bySegment(text) ?? "nowhere"] : [])));
	const authorization = [
		...Object.entries(headers).map(([name, value]) => [name, value]),
		...(headerMap?.headers ?? []).map(({ key = "", value, rawValue }) => [
			key,
			value || (rawValue?.toString("latin1") ?? ""),
		]),
	]
		.filter(([name]) => name!.toLowerCase() === "authorization")
		.map(([, value]) => value!.trim());
	return requestOf({
		from: source?.principal ? source.principal : null,
		to: places.size === 1 ? [...places][0]! : "nowhere",
		method,
		path: path.split("?", 1)[0]!,
		host: host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, ""),
		authorization,
	});
}

function holds(members: SegmentRow["members"], id: string): boolean {
	return members.some((member) => member === id || (member.endsWith("/*") && id.startsWith(member.slice(0, -1))));
}
