import { FROM_CALLERS } from "./callers.ts";
import type { Bypass } from "./case.ts";
import { HEADERS } from "./headers.ts";
import { HOSTS } from "./hosts.ts";
import { METHODS } from "./methods.ts";
import { PATHS } from "./paths.ts";

export const BYPASSES: readonly Bypass[] = [...PATHS, ...HOSTS, ...HEADERS, ...METHODS, ...FROM_CALLERS];
