/** What to try while the chapter on tokens stays up. */
import path from "node:path";
import type { Stage } from "../stage.ts";
import { ISSUER } from "./kit.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");

/** Commands to paste into another terminal. Writes the broad token that they use into the workspace. */
export function whatNextOfTokens({ world, issuers, firebreak }: Stage): string {
	const folder = world.workspace.path;
	const scope = "orders:read payments:read reports:read";
	world.workspace.write(
		"broad.token",
		issuers.token({ issuer: "internal", subject: "orders", scope, lifetime: 3_500 }),
	);
	const payment = `https://localhost:${world.envoy.port("payments")}/v1/payments/7`;
	const publicSide = `https://localhost:${firebreak.publicPort}`;
	return `Everything stays up until Ctrl-C. In another terminal:

cd '${ROOT}'
export W=${folder} ${world.postgres ? `DATABASE_URL='${world.databaseUrl}'` : "# and DATABASE_URL, as it is here"}
export FIREBREAK_KEYS_DIR=$W/keys
firebreak() { node_modules/.bin/node src/main.ts "$@"; }
as_orders() { curl -s --cacert $W/authority.pem --cert $W/orders.pem --key $W/orders.key "$@"; echo; }

# The tokens of the story: whose they are, what became of them, and when they were last used.
firebreak token list --all

# The smallest token that the policies ask for; then make it, and use it.
firebreak token suggest --source orders --destination payments
firebreak token issue --domain internal --subject orders --owner orders --purpose "trying it out" \\
  --scope payments:read --source orders --destination payments >$W/cut.token
as_orders -i -H "authorization: Bearer $(cat $W/cut.token)" ${payment}

# A broad token in exchange for one that only orders can use, and only at payments.
as_orders ${publicSide}/oauth/token \\
  -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange -d subject_token="$(cat $W/broad.token)" \\
  -d subject_token_type=urn:ietf:params:oauth:token-type:access_token -d audience=payments

# The keys that sign, and their public halves.
firebreak keys list --domain internal
as_orders ${publicSide}/.well-known/jwks.json

# Everything that one owner has, at once.
firebreak token revoke --owner orders --reason "trying it out"
as_orders -i -H "authorization: Bearer $(cat $W/cut.token)" ${payment}

# Everything that ${ISSUER} has signed until now.
firebreak token revoke --issuer ${ISSUER} --all --reason "trying it out"
`;
}
