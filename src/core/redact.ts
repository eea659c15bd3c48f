/** Last line of defence for texts that other libraries wrote: no password survives in a URL that an error quotes. */

// The scheme's length is bounded, so that the time to search is linear in the text.
const USERINFO = /(\b[a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#]*@/gi;
const SECRET_PARAMETER = /([?&](?:password|sslpassword|token|access_token|api_key)=)[^\s&#]*/gi;

/** The text with user names and passwords, and passwords in parameters, of every URL in it replaced by `***`. */
export function redactUrls(text: string): string {
	return text.replace(USERINFO, "$1***@").replace(SECRET_PARAMETER, "$1***");
}
