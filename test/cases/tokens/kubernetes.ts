/** Projected service-account tokens of Kubernetes: the profile `kubernetes`. Case 22. */
import type { TokenWorld } from "../../support/tokens.ts";
import { accepted, refused, type TokenCase } from "./case.ts";

const SUBJECT = "system:serviceaccount:orders:export";
const POD = { name: "export-7d9", uid: "6a1cbf0b-5ac7-4f0c-8f06-2b3a2a1f3b39" };
const ACCOUNT = { name: "export", uid: "f0c5e8a0-53ab-4b6c-9c54-9d4f7c1b6a77" };
const TOLD = { namespace: "orders", node: { name: "n1", uid: "u" }, pod: POD, serviceaccount: ACCOUNT, warnafter: 1 };

const token =
	(told: unknown = TOLD, over: Record<string, unknown> = {}, header: object = { typ: undefined }) =>
	(world: TokenWorld) =>
		world.tokenOf(
			"kubernetes",
			{ sub: SUBJECT, scope: undefined, jti: undefined, nbf: world.now, "kubernetes.io": told, ...over },
			header,
		);
const at =
	(name: "podless" | "namespaced", told: object, over: object = {}) =>
	(world: TokenWorld) =>
		world.tokenOf(
			name,
			{ sub: SUBJECT, scope: undefined, jti: undefined, nbf: world.now, "kubernetes.io": told, ...over },
			{ typ: undefined },
		);

const facts = { subject: SUBJECT, subjectKind: "workload", scopes: [], id: null } as const;
const { pod: _, ...podless } = TOLD;

export const kubernetes: readonly TokenCase[] = [
	accepted(22, "a projected token", token(), facts),
	accepted(22, "a projected token of typ JWT", token(TOLD, {}, { typ: "JWT" }), facts),
	accepted(22, "a projected token with jti, as of Kubernetes 1.32", token(TOLD, { jti: "k-1" }), {
		...facts,
		id: "k-1",
	}),
	accepted(22, "a projected token grants no scopes", token(TOLD, { scope: "admin" }), facts),
	accepted(10, "a projected token for several audiences", (world) =>
		token(TOLD, { aud: ["https://kubernetes.default.svc", world.claims().aud] })(world),
	),
	refused(22, "a projected token of typ at+jwt", "type", token(TOLD, {}, { typ: "at+jwt" })),
	refused(22, "a projected token of typ jwt", "type", token(TOLD, {}, { typ: "jwt" })),
	refused(
		22,
		"a projected token for the API server alone",
		"audience",
		token(TOLD, { aud: ["https://kubernetes.default.svc"] }),
	),
	refused(
		22,
		"a token from a secret",
		"claims",
		token(undefined, { nbf: undefined, iat: undefined, "kubernetes.io/serviceaccount/namespace": "orders" }),
	),
	refused(22, "a projected token without iat", "claims", token(TOLD, { iat: undefined })),
	refused(22, "a projected token without nbf", "claims", token(TOLD, { nbf: undefined })),
	refused(22, "a projected token without exp", "claims", token(TOLD, { exp: undefined })),
	refused(22, "a projected token whose jti is no text", "claims", token(TOLD, { jti: 1 })),
	...[
		"orders",
		"system:node:n1",
		"system:serviceaccount:orders",
		"system:serviceaccount:orders:export:x",
		"system:serviceaccount::export",
		"system:serviceaccount:orders:",
		"system:serviceaccount:Orders:export",
		"system:serviceaccount:a.b:export",
		` ${SUBJECT}`,
		`${SUBJECT}.`,
	].map((sub) => refused(22, `a projected token whose sub is ${JSON.stringify(sub)}`, "subject", token(TOLD, { sub }))),
	...[
		undefined,
		null,
		"orders",
		[],
		{},
		{ ...TOLD, namespace: "payments" },
		{ ...TOLD, namespace: undefined },
		{ ...TOLD, serviceaccount: undefined },
		{ ...TOLD, serviceaccount: { ...ACCOUNT, name: "import" } },
		{ ...TOLD, serviceaccount: { name: "export" } },
		{ ...TOLD, serviceaccount: { ...ACCOUNT, uid: "" } },
		podless,
		{ ...TOLD, pod: null },
		{ ...TOLD, pod: "export-7d9" },
		{ ...TOLD, pod: { name: "export-7d9" } },
	].map((told) =>
		refused(
			22,
			`a projected token with kubernetes.io ${JSON.stringify(told)}`,
			"claims",
			token(told, told === undefined ? { "kubernetes.io": undefined } : {}),
		),
	),
	accepted(22, "require_pod false: a token of no pod", at("podless", podless), facts),
	refused(22, "require_pod false: a pod that is none", "claims", at("podless", { ...TOLD, pod: {} })),
	accepted(22, "namespaces: one that is named", at("namespaced", TOLD)),
	refused(
		22,
		"namespaces: another",
		"subject",
		at("namespaced", { ...TOLD, namespace: "payments" }, { sub: "system:serviceaccount:payments:export" }),
	),
];
