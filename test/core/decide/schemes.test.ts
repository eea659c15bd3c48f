import { expect, test } from "@jest/globals";
import { schemesOf } from "../../../src/core/decide/schemes.ts";
import type { IssuerRow } from "../../../src/core/model.ts";
import { issuer } from "../../support/policy-set.ts";

const row = (binding: IssuerRow["binding"], profile: IssuerRow["profile"] = "rfc9068") =>
	issuer({ url: "https://id.example.org", domain: "internal", binding, profile });

test.each([
	[[], false, ["Bearer"]],
	[[row("none")], false, ["Bearer"]],
	[[row("none")], true, ["Bearer", "DPoP"]],
	[[row("mtls")], true, ["Bearer"]],
	[[row("dpop")], false, ["DPoP"]],
	[[row("dpop")], true, ["DPoP"]],
	[[row("any")], false, ["Bearer", "DPoP"]],
	[[row("dpop"), row("none")], false, ["Bearer", "DPoP"]],
	[[row("dpop"), row("mtls")], true, ["Bearer", "DPoP"]],
	[[row("none", "api_key")], true, ["Bearer"]],
] as const)("issuers %# bound %s", (issuers, bound, schemes) => {
	expect(schemesOf(issuers, bound)).toEqual(schemes);
});
