import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8 from making objects in old space at once because earlier ones of their kind lived long. Each request is a web of
 * short-lived objects that know each other; one of them in old space keeps the whole web until the next major collection, and
 * each scavenge copies it: in a flood of forged tokens they took more than twice as long. To be called before the
 * server does anything; what it holds for long gets to old space by growing old.
 */
export function keepYoungObjectsYoung(): void {
	setFlagsFromString("--no-allocation-site-pretenuring");
}
