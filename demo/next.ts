/** What to try while the demo stays up. */
import path from "node:path";
import type { Stage } from "./stage.ts";

const ROOT = path.join(import.meta.dirname, "..");

/** Commands to paste into another terminal. Writes the token that they use into the workspace. */
export function whatNext({ world, issuers, firebreak, policies }: Stage): string {
	const folder = world.workspace.path;
	const token = { issuer: "internal", subject: "orders", scope: "payments:read", lifetime: 3_500 } as const;
	world.workspace.write("orders.token", issuers.token(token));
	const payment = `https://localhost:${world.envoy.port("payments")}/v1/payments/7`;
	return `Everything stays up until Ctrl-C. In another terminal:

cd '${ROOT}'
export W=${folder} ${world.postgres ? `DATABASE_URL='${world.databaseUrl}'` : "# and DATABASE_URL, as it is here"}
firebreak() { node_modules/.bin/node src/main.ts "$@"; }

# Row 1 by hand. Then as storefront (row 8), without -H (row 2), without --cert and --key (row 14).
curl -i --cacert $W/authority.pem --cert $W/orders.pem --key $W/orders.key \\
  -H "authorization: Bearer $(cat $W/orders.token)" ${payment}

# Why orders may not delete a payment (row 7), step by step.
firebreak explain --source orders --destination payments --method DELETE --path /v1/payments/7 --token-file $W/orders.token

# Let it: a policy is a migration. It is enforced as soon as it is committed.
cat > $W/policy/payments/$(date -u +%Y%m%d%H%M%S)_orders_delete_payments.sql <<'SQL'
select firebreak.allow(
  name => 'orders-delete-payments', source => 'orders', destination => 'payments', owner => 'payments',
  methods => array['DELETE'], paths => array['/v1/payments/{id}'], scopes => array['payments:read']
);
SQL
firebreak migrate up --wait --dir ${policies.path.replace(folder, "$W")}
curl -i -X DELETE --cacert $W/authority.pem --cert $W/orders.pem --key $W/orders.key \\
  -H "authorization: Bearer $(cat $W/orders.token)" ${payment}

# Look around.
curl ${firebreak.adminUrl}/v1/status
curl ${firebreak.adminUrl}/metrics
curl '${world.envoy.adminUrl}/stats?usedonly&filter=ext_authz'
tail $W/access.log $W/firebreak.log
psql "$DATABASE_URL" -c 'select name, owner, source, destination from firebreak.policy'
`;
}
