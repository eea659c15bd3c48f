/** How a token names a subject that is another domain's. No issuer's URL holds a `|`. */
export function foreignSubject(issuer: string, subject: string): string {
	return `${issuer}|${subject}`;
}
