/** Errors of the token endpoint: RFC 6749, 5.2, and RFC 8693, 2.2.2. The client learns the code and nothing of the policy. */

const STATUS = {
	invalid_request: 400,
	invalid_client: 401,
	invalid_scope: 400,
	invalid_target: 400,
	unsupported_grant_type: 400,
	too_many_requests: 429,
	temporarily_unavailable: 503,
	server_error: 500,
} as const;
export type OAuthErrorCode = keyof typeof STATUS;

export class OAuthError extends Error {
	override readonly name = "OAuthError";
	readonly code: OAuthErrorCode;
	/** For operators alone. */
	readonly detail: string;
	/** Seconds, or null. */
	readonly retryAfter: number | null;

	constructor(code: OAuthErrorCode, detail: string, retryAfter: number | null = null) {
		super(code);
		this.code = code;
		this.detail = detail;
		this.retryAfter = retryAfter;
	}

	get status(): number {
		return STATUS[this.code];
	}

	/** One public text for all causes of a code. */
	get body(): { readonly error: string; readonly error_description: string } {
		return { error: this.code, error_description: TEXTS[this.code] };
	}
}

const TEXTS: Readonly<Record<OAuthErrorCode, string>> = {
	invalid_request: "The request, or the token in it, cannot be used",
	invalid_client: "A client certificate of a known workload is needed",
	invalid_scope: "These scopes cannot be granted",
	invalid_target: "No token can be issued for this target",
	unsupported_grant_type: "Only token exchange is supported",
	too_many_requests: "Too many requests",
	temporarily_unavailable: "Temporarily unavailable",
	server_error: "Internal error",
};
