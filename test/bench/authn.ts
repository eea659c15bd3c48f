/**
 * What authentication costs: a token that is known, beside the whole check without one; a token that is seen for the first
 * time and a DPoP request, beside the bare verification of a signature; whether to verify at once or on other threads; and
 * a flood of forgeries. Prints medians of one run, each beside its own floor; asserts nothing.
 */
import { createPublicKey, hash, verify } from "node:crypto";
import { dpopProof, jwkThumbprint } from "../../demo/proofs.ts";
import { accessToken, jwksOf, makeSigningKey, type SigningAlgorithm, type SigningKey } from "../../demo/tokens.ts";
import { createAuthenticator } from "../../src/authn/authenticator.ts";
import { KeyRing } from "../../src/authn/keys/ring.ts";
import { eventLoopTurns } from "../../src/authn/turns.ts";
import { Lane } from "../../src/core/lane/lane.ts";
import { createCheck } from "../../src/extauthz/check.ts";
import { MemoryLimiter } from "../../src/limiter/memory.ts";
import { checkRequest } from "../support/check-requests.ts";
import { domain, policy, segment, snapshotOf } from "../support/policy-set.ts";
import { AUDIENCE, bearer, demandOf, endlessTurn, issuerRow, proofMemory, REQUEST } from "../support/tokens.ts";
import { measureFlood } from "./flood.ts";
import { microseconds, printTable, quantile, TINY, time, times } from "./measure.ts";
import { reach } from "./reach.ts";

const ISSUER = "https://id.example.org";
const ROUNDS = TINY ? 4 : 400;
const TOGETHER = 32;
const BATCHES = TINY ? 1 : 41;
const URI = `${REQUEST.scheme}://${REQUEST.authority}${REQUEST.rawPath}`;

function tokenOf(key: SigningKey, holder?: SigningKey): string {
	const options = { issuer: ISSUER, audience: AUDIENCE, subject: "orders", now: Date.now() / 1000 };
	const cnf = holder && { cnf: { jkt: jwkThumbprint(holder) } };
	return accessToken(key, { ...options, scope: "payments:read payments:write", ...(cnf && { claims: cnf }) });
}

function setUp(key: SigningKey, turns = eventLoopTurns()) {
	const row = issuerRow({ url: ISSUER, jwks: jwksOf(key), algorithms: [key.alg] });
	const ring = new KeyRing({ clock: Date.now });
	const replay = proofMemory();
	const authenticator = createAuthenticator({ clock: Date.now, keys: ring, replay, turns });
	return { row, authenticator, demand: demandOf([row]) };
}
type SetUp = ReturnType<typeof setUp>;

/** Nanoseconds that a call takes, awaited. */
async function stopwatch(call: () => unknown): Promise<number> {
	const start = process.hrtime.bigint();
	await call();
	return Number(process.hrtime.bigint() - start);
}

/** Batches that are over before a busy machine takes the processor away. */
const SHORT = { batches: 501, size: 40, warmup: 100 };

/** A whole check in memory: under `mtls`, and with a token that is known. */
function measureKnown(): void {
	const key = makeSigningKey("ES256", "k");
	const { row, authenticator } = setUp(key);
	const token = tokenOf(key);
	const checkOf = (flow: "mtls" | "mtls+token") => {
		const snapshot = snapshotOf({
			domains: [domain({ name: "internal", flow })],
			issuers: [row],
			segments: [segment({ name: "orders" }), segment({ name: "payments" })],
			policies: [policy({ name: "p", source: "orders", destination: "payments" })],
		});
		const limiter = new MemoryLimiter({ stopwatch: () => performance.now() * 1e6, liveServers: () => 1 });
		const view = { snapshot, lane: new Lane(), policyConfirmedAt: Date.now(), laneConfirmedAt: Date.now() };
		const check = createCheck({
			view: () => view,
			authenticator,
			limiter,
			ages: { maxPolicyAge: 1e9, maxRevocationAge: 1e9 },
			enforcerIdentity: "none",
			clock: Date.now,
			stopwatch: () => performance.now(),
			newId: () => "id",
			observe: () => {},
			onError: (error) => {
				throw error;
			},
		});
		const message = checkRequest({ headers: { authorization: `Bearer ${token}` } });
		const caller = { enforcer: null, traceparent: undefined, tracestate: undefined };
		return () => check(message, caller);
	};
	const [mtls, known] = [checkOf("mtls"), checkOf("mtls+token")];
	// In turns, so that both see the same machine.
	const differences: number[] = [];
	const floors: number[] = [];
	for (let round = 0; round < (TINY ? 1 : 9); round++) {
		const floor = time(mtls, SHORT).median;
		floors.push(floor);
		differences.push(time(known, SHORT).median - floor);
	}
	const added = quantile(differences, 0.5);
	printTable(
		`A token that is known (${token.length} bytes), in the whole check without gRPC`,
		["", "median"],
		[
			["flow mtls", microseconds(quantile(floors, 0.5))],
			["what mtls+token adds", microseconds(added)],
			["SHA-256 of the token alone", microseconds(time(() => hash("sha256", token, "binary")).median)],
		],
	);
	const beside = `flow mtls alone, ${microseconds(quantile(floors, 0.5))}`;
	reach({ what: "a known token adds", measured: [added / 1_000], most: [8], unit: "us", beside });
}

function measureParts(): void {
	const key = makeSigningKey("ES256", "k");
	// Nothing waits for its turn here, since nobody waits for what comes of it.
	const { authenticator, demand } = setUp(key, endlessTurn());
	const token = tokenOf(key);
	const request = bearer(token);
	const many = Array.from({ length: 1_000 }, () => bearer(tokenOf(key)));
	for (const one of many) authenticator.authenticate(one, demand);
	const forged = bearer(`${token.slice(0, -8)}AAAAAAAA`);
	const [header, , signature] = token.split(".");
	const nested = Buffer.from(`{"a":${"[".repeat(3_000)}${"]".repeat(3_000)}}`).toString("base64url");
	const median = (call: (index: number) => unknown, size = 1_000) => microseconds(time(call, { size }).median);
	const ask = (one: ReturnType<typeof bearer>) => authenticator.authenticate(one, demand);
	printTable(
		"Authentication alone, at once",
		["", "median"],
		[
			["one known token", median(() => ask(request))],
			["a thousand known tokens", median((index) => ask(many[index % 1_000]!))],
			["a known forgery", median(() => ask(forged))],
			["no credential", median(() => ask(REQUEST))],
			["no token at all", median(() => ask(bearer("x".repeat(600))), 100)],
			["deep JSON, 8 KB", median(() => ask(bearer(`${header}.${nested}.${signature}`)), 100)],
			["too large, 60 KB", median(() => ask(bearer("x".repeat(60_000))), 100)],
		],
	);
}

/** A call that checks one signature and nothing else. */
function bareVerification(key: SigningKey, text: string): () => unknown {
	const end = text.lastIndexOf(".");
	const input = Buffer.from(text.slice(0, end));
	const signature = Buffer.from(text.slice(end + 1), "base64url");
	const publicKey = { key: createPublicKey(key.privateKey), dsaEncoding: "ieee-p1363" } as const;
	const digest = key.alg === "EdDSA" ? null : `sha${key.alg.slice(2)}`;
	return () => verify(digest, input, publicKey, signature);
}

/** Requests as they come: the token, and what is asked. */
type Maker = (setUp: SetUp) => { readonly text: string; readonly ask: () => unknown };

/** Each request beside a bare verification: one caller after the other, and 32 callers at once. */
async function measureBeside(key: SigningKey, make: Maker) {
	const world = setUp(key);
	const bare: number[] = [];
	const alone: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const { text, ask } = make(world);
		bare.push(await stopwatch(bareVerification(key, text)));
		alone.push(await stopwatch(ask));
	}
	const bareTogether: number[] = [];
	const together: number[] = [];
	for (let batch = 0; batch < BATCHES; batch++) {
		const requests = Array.from({ length: TOGETHER }, () => make(world));
		const floors = requests.map(({ text }) => bareVerification(key, text));
		bareTogether.push((await stopwatch(() => Promise.all(floors.map((verify) => verify())))) / TOGETHER);
		together.push((await stopwatch(() => Promise.all(requests.map(({ ask }) => ask())))) / TOGETHER);
	}
	const [floor, one, floorTogether, many] = [bare, alone, bareTogether, together].map((samples) =>
		quantile(samples, 0.5),
	) as [number, number, number, number];
	return { floor, one, many, ratios: [one / floor, many / floorTogether] };
}

const unknownToken =
	(key: SigningKey): Maker =>
	({ authenticator, demand }) => {
		const text = tokenOf(key);
		const request = bearer(text);
		return { text, ask: () => authenticator.authenticate(request, demand) };
	};

function dpopRequest(key: SigningKey, holder: SigningKey, known: boolean): Maker {
	const one = tokenOf(key, holder);
	return ({ authenticator, demand }) => {
		const token = known ? one : tokenOf(key, holder);
		const proof = dpopProof(holder, { method: REQUEST.method, uri: URI, token, now: Date.now() / 1000 });
		const request = { ...REQUEST, authorization: [`DPoP ${token}`], dpop: [proof] };
		return { text: token, ask: () => authenticator.authenticate(request, demand) };
	};
}

async function measureUnknown(): Promise<void> {
	const es256 = makeSigningKey("ES256", "k");
	const holder = makeSigningKey("ES256", "holder");
	const rows: string[][] = [];
	const measure = async (name: string, key: SigningKey, make: Maker, most?: number) => {
		const { floor, one, many, ratios } = await measureBeside(key, make);
		rows.push([name, ...[floor, one, many].map(microseconds), ...ratios.map(times)]);
		const beside = `one bare crypto.verify of ES256, ${microseconds(floor)}`;
		if (most)
			reach({
				what: `${name}: one caller, ${TOGETHER} at once`,
				measured: ratios,
				most: [most, most],
				unit: "x",
				beside,
			});
	};
	await measure("a first ES256 token", es256, unknownToken(es256), 2.5);
	await measure("a DPoP request, token known", es256, dpopRequest(es256, holder, true), 5);
	await measure("a DPoP request, token not known", es256, dpopRequest(es256, holder, false), 5);
	for (const alg of ["RS256", "EdDSA", "ES384"] as const) {
		const key = makeSigningKey(alg, "k");
		await measure(`a first ${alg} token`, key, unknownToken(key));
	}
	const header = ["", "crypto.verify", "one caller", `${TOGETHER} at once`, "", ""];
	printTable("Seen for the first time, each request beside the bare verification of its token", header, rows);
}

/** At once on this thread, or handed to libuv's; and how long this thread is held by each. */
async function measureThreads(): Promise<void> {
	const rows: string[][] = [];
	for (const alg of ["RS256", "ES256", "EdDSA", "ES384", "ES512"] as const satisfies readonly SigningAlgorithm[]) {
		const { privateKey } = makeSigningKey(alg, "k");
		const key = { key: createPublicKey(privateKey), dsaEncoding: "ieee-p1363" } as const;
		const input = Buffer.alloc(600, 65);
		const digest = alg === "EdDSA" ? null : `sha${alg.slice(2)}`;
		const signature = Buffer.alloc(alg === "RS256" ? 256 : ({ ES384: 96, ES512: 132 }[alg as string] ?? 64), 1);
		const handed = () => new Promise((resolve) => verify(digest, input, key, signature, resolve));
		const samples = { sync: [] as number[], one: [] as number[], many: [] as number[], held: [] as number[] };
		for (let round = 0; round < (TINY ? 1 : 60); round++) {
			samples.sync.push(await stopwatch(() => verify(digest, input, key, signature)));
			samples.one.push(await stopwatch(handed));
			const start = process.hrtime.bigint();
			const all = Array.from({ length: TOGETHER }, handed);
			samples.held.push(Number(process.hrtime.bigint() - start) / TOGETHER);
			await Promise.all(all);
			samples.many.push(Number(process.hrtime.bigint() - start) / TOGETHER);
		}
		rows.push([alg, ...Object.values(samples).map((list) => microseconds(quantile(list, 0.5)))]);
	}
	const header = ["", "at once", "threads, one caller", `${TOGETHER} at once, each`, "holds this thread"];
	printTable("A bad signature, verified at once or on other threads", header, rows);
}

measureKnown();
measureParts();
await measureUnknown();
await measureThreads();
await measureFlood();
