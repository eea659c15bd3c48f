/** Each finding, with a configuration that has it and no other: a sound one, and what is broken in it. */
import type { Case } from "./cases/case.ts";
import { CLUSTER_CASES } from "./cases/cluster.ts";
import { FILTER_CASES } from "./cases/filter.ts";
import { LISTENER_CASES } from "./cases/listener.ts";
import { WAY_CASES } from "./cases/way.ts";

export const CASES: readonly Case[] = [...FILTER_CASES, ...CLUSTER_CASES, ...LISTENER_CASES, ...WAY_CASES];
