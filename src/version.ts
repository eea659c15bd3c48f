/** The package's own version, from its package.json, which stands one folder above both the sources and the build. */
import { readFileSync } from "node:fs";

const PACKAGE = new URL("../package.json", import.meta.url);

export const VERSION: string = (JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string }).version;
