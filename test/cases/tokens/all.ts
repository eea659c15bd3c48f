/** All cases of one token and one request. */
import type { TokenCase } from "./case.ts";
import { claims } from "./claims.ts";
import { credentials } from "./credentials.ts";
import { exchanged } from "./exchanged.ts";
import { forms } from "./forms.ts";
import { kubernetes } from "./kubernetes.ts";
import { names } from "./names.ts";
import { passports } from "./passports.ts";
import { profiles } from "./profiles.ts";
import { proofs } from "./proofs.ts";
import { providers } from "./providers.ts";
import { signatures } from "./signatures.ts";

export const CASES: readonly TokenCase[] = [
	...credentials,
	...forms,
	...claims,
	...names,
	...profiles,
	...providers,
	...kubernetes,
	...passports,
	...exchanged,
	...proofs,
	...signatures,
];
