/** nginx: ngx_http_parse_complex_uri, which decodes once, merges slashes and resolves dots, with `merge_slashes` on or off. */
import { clean, decodeStrictly, holdsControl, mergeSlashes, pipe, type Reading } from "./bytes.ts";

/** Arguments and fragment end the path as they are written; an escaped NUL is refused. */
const uri = (target: string): string | null => {
	if (holdsControl(target) || !target.startsWith("/")) return null;
	const decoded = decodeStrictly(target.split(/[?#]/, 1)[0] as string);
	return decoded?.includes("\0") ? null : decoded;
};

const merging: Reading = pipe(uri, mergeSlashes, (path) => clean(path, "refuse"));

/** With `merge_slashes off` an empty segment is a segment, which `..` removes. */
const notMerging: Reading = pipe(uri, (path) => {
	const kept: string[] = [];
	const segments = path.slice(1).split("/");
	for (const [index, segment] of segments.entries()) {
		const last = index === segments.length - 1;
		if (segment === "..") {
			if (kept.length === 0) return null;
			kept.pop();
			if (last) kept.push("");
		} else if (segment !== ".") kept.push(segment);
		else if (last) kept.push("");
	}
	return `/${kept.join("/")}`;
});

/** proxy_pass without a URI passes the target on as it came; with one it passes `merging`, escaped anew: decoded twice behind it. */
const decodedAgain: Reading = pipe(merging, decodeStrictly);

export const NGINX: Readonly<Record<string, Reading>> = { merging, notMerging, decodedAgain };
