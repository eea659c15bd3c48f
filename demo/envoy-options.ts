/** What the example's Envoy may be told. */

/** PEM files. */
export interface CertificateFiles {
	readonly certificate: string;
	readonly key: string;
}

export interface SidecarOptions {
	/** Names the listener, its clusters and its spans. */
	readonly name: string;
	/** The service's own certificate: shown to callers, and to Firebreak to prove which destination asks. */
	readonly files: CertificateFiles;
	/** Where the service itself listens, on 127.0.0.1. */
	readonly upstreamPort: number;
	/** What the service speaks; `h2` (without TLS) for gRPC. `http/1.1` by default. */
	readonly upstreamProtocol?: "http/1.1" | "h2";
	/** The SPIFFE ID that the upstream must prove, by mutual TLS with this sidecar's own certificate; plaintext by default. */
	readonly upstreamSpiffeId?: string;
	/** Sent as context extension `firebreak.destination`; absent by default, since the listener's certificate says it. */
	readonly destination?: string;
	/** The address of this machine that requests to the service leave from; the system's choice by default. */
	readonly upstreamFrom?: string;
	/** In place of the same option for all. */
	readonly paths?: PathHandling;
	/** Repeated headers told one by one, not joined; so by default. */
	readonly rawHeaders?: boolean;
	/** What becomes of a caller's x-forwarded-client-cert: `SANITIZE`, Envoy's own default, removes it. */
	readonly forwardedClientCert?: "SANITIZE" | "SANITIZE_SET" | "APPEND_FORWARD" | "FORWARD_ONLY";
	/** Whether callers' addresses are those of their connections, and appended to x-forwarded-for; so by default. */
	readonly remoteAddress?: boolean;
	/** Asks Firebreak otherwise than the other sidecars do: with another certificate than its own, or over a socket without TLS. */
	readonly asks?: { readonly files?: CertificateFiles; readonly socket?: string };
}

/** What Envoy itself makes of paths before it asks. */
export interface PathHandling {
	/** Resolves dot segments. */
	readonly normalize: boolean;
	readonly mergeSlashes: boolean;
	readonly rejectEscapedSlashes: boolean;
}

export interface FirebreakAddress {
	/** On 127.0.0.1. */
	readonly port: number;
	/** Ports of further servers, which take turns with the first as long as their health checks pass. */
	readonly replicas?: readonly number[];
	/** The SPIFFE ID that Firebreak must prove, by mutual TLS; plaintext when absent. */
	readonly spiffeId?: string;
}

export interface EnvoyOptions {
	readonly sidecars: readonly SidecarOptions[];
	readonly firebreak: FirebreakAddress;
	/** PEM file of the authority whose certificates count. */
	readonly authorityFile: string;
	/** One JSON object a line for each request, with Firebreak's dynamic metadata in it. */
	readonly accessLogFile: string;
	/** An OTLP gRPC receiver on 127.0.0.1; no spans when absent. */
	readonly otlpPort?: number;
	/** Milliseconds that Envoy waits for an answer, its retry included. 200 is Envoy's default; 10,000 here, for slow machines. */
	readonly authorizationTimeoutMs?: number;
	/** Nothing by default, so that Firebreak sees paths as sent. */
	readonly paths?: PathHandling;
	/** Milliseconds that one stream may live: what bounds a permission once given. An hour by default. */
	readonly maxStreamDurationMs?: number;
	/** Upgrades that the proxies carry (`websocket`), over HTTP/2 as extended CONNECT; none by default. */
	readonly upgrades?: readonly string[];
}

/** A JSON document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };
