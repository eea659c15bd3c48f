/** Database URLs hold passwords: they are taken apart in this one place, and only host, port and database are ever shown. */
import { Client } from "pg";
import { FirebreakError } from "../core/errors.ts";

/** `host:port/database`, or a socket's directory in place of the host. Safe to log; says so when the URL is unreadable. */
export function describeDatabase(url: string): string {
	try {
		const { host, port, database } = new Client({ connectionString: url });
		return `${host}:${port}/${database ?? ""}`;
	} catch {
		// What the parser throws may quote its input.
		return "an unreadable database URL";
	}
}

/** @throws FirebreakError config_invalid when this is no usable PostgreSQL URL. Never quotes it. */
export function checkDatabaseUrl(url: string): void {
	const wrong = (message: string, cure: string) =>
		new FirebreakError("config_invalid", "the database URL is not usable", {
			problems: [{ object: "DATABASE_URL", message, cure }],
		});
	if (!/^postgres(ql)?:\/\//.test(url)) {
		throw wrong("it is no PostgreSQL URL", "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
	}
	try {
		new Client({ connectionString: url });
	} catch {
		throw wrong(
			"it is malformed, or names a certificate file that cannot be read",
			"percent-encode special characters in user and password, and check sslrootcert, sslcert and sslkey",
		);
	}
}
