/** Servlet containers and Spring: parameters behind `;`, and the order in which they are cut, decoded and resolved. */
import {
	backslashes,
	cleaned,
	cleanedStrictly,
	decode,
	decodeStrictly,
	mergeSlashes,
	pipe,
	type Reading,
	untilQuery,
} from "./bytes.ts";

const withoutParameters = (path: string) => path.replace(/;[^/]*/g, "");
/** Spring's UrlPathHelper before 5.3 cut at the first `;` of the whole rest. */
const untilParameter = (path: string) => path.split(";", 1)[0] as string;

/** Tomcat: parameters are cut as written, then it decodes, then it resolves; `allowBackslash` off, and on. */
const tomcat: Reading = pipe(
	untilQuery,
	withoutParameters,
	decodeStrictly,
	(path) => (/[\\\0]/.test(path) ? null : path),
	cleanedStrictly,
);
const tomcatBackslashes: Reading = pipe(untilQuery, withoutParameters, decodeStrictly, backslashes, cleanedStrictly);

/** Spring MVC: getRequestURI as written, cut, decoded, slashes merged. */
const spring: Reading = pipe(untilQuery, withoutParameters, decode, mergeSlashes);
const springUntilParameter: Reading = pipe(untilQuery, untilParameter, decode, mergeSlashes);

/** Containers that decode before they cut, as Jetty and Undertow did. */
const decodedFirst: Reading = pipe(untilQuery, decode, withoutParameters, cleaned);

/** A proxy that decodes in front of one that decodes. */
const decodedTwice: Reading = pipe(untilQuery, decode, decode, withoutParameters, cleaned);

export const JAVA: Readonly<Record<string, Reading>> = {
	tomcat,
	tomcatBackslashes,
	spring,
	springUntilParameter,
	decodedFirst,
	decodedTwice,
};
