/**
 * The messages of Envoy's authorization API: what a CheckRequest decodes to, and what a CheckResponse is encoded from.
 * Field numbers and the whole set of fields stand in proto/.
 */

export interface CheckRequest {
	readonly attributes?: AttributeContext | null;
	/** The bytes were no CheckRequest; nothing else is set then. */
	readonly malformed?: boolean;
}

export interface AttributeContext {
	readonly source?: WirePeer | null;
	readonly destination?: WirePeer | null;
	readonly request?: { readonly http?: HttpRequest | null } | null;
	readonly contextExtensions?: Readonly<Record<string, string>> | null;
}

export interface WirePeer {
	readonly address?: { readonly socketAddress?: { readonly address?: string } | null } | null;
	/** First URI SAN, else first DNS SAN, else the subject; "" without a certificate. */
	readonly principal?: string;
	/** URL-encoded PEM, or "". */
	readonly certificate?: string;
}

export interface HttpRequest {
	readonly method?: string;
	/** With the query. */
	readonly path?: string;
	readonly host?: string;
	readonly scheme?: string;
	/** Values joined with `,`; empty when `headerMap` is there. */
	readonly headers?: Readonly<Record<string, string>> | null;
	/** With encode_raw_headers; each has `value` or `rawValue`. */
	readonly headerMap?: { readonly headers?: readonly WireHeader[] | null } | null;
}

export interface WireHeader {
	readonly key?: string;
	readonly value?: string;
	/** Bytes that are no UTF-8 stand as U+FFFD. */
	readonly rawValue?: string;
}

/** A header to set. It overwrites what is there, in every version of Envoy. Name and value are printable ASCII. */
export interface SetHeader {
	readonly name: string;
	/** Never empty: Envoy drops a header with an empty value. */
	readonly value: string;
}

/** Values of dynamic metadata, as google.protobuf.Struct has them. */
export type MetadataValue = string | number | { readonly [name: string]: MetadataValue };
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** An answer always says which of the two it is; an empty CheckResponse, which is an allow, cannot be written. */
export type CheckResponse = AllowedResponse | DeniedResponse;

export interface AllowedResponse {
	readonly allowed: true;
	readonly headers: readonly SetHeader[];
	/** A header that is both set and removed is removed: the two never share a name. */
	readonly headersToRemove: readonly string[];
	/** Headers of the answer to the caller; absent where there are none. */
	readonly responseHeaders?: readonly SetHeader[];
	readonly metadata: Metadata;
}

export interface DeniedResponse {
	readonly allowed: false;
	/** google.rpc.Code, never 0. */
	readonly code: number;
	/** HTTP status, 400 to 599. */
	readonly status: number;
	readonly headers: readonly SetHeader[];
	readonly body: string;
	readonly metadata: Metadata;
}
