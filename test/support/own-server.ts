/** The whole server of a company that issues its own tokens, with mutual TLS on its public side. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { firebreakProgram } from "../../demo/firebreak.ts";
import { type Authority, createAuthority, type Leaf } from "../../demo/pki.ts";
import { onFreePorts } from "../../demo/ports.ts";
import { startProcess } from "../../demo/processes.ts";
import { connect, type TestClient } from "../extauthz/client.ts";
import { checkOf } from "../extauthz/fixtures.ts";
import { ORDERS, type OwnTokens, openOwnTokens, PAYMENTS } from "./own-tokens.ts";
import { until } from "./wait.ts";

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly text: string;
	// biome-ignore lint/suspicious/noExplicitAny: whatever a server answers
	readonly json: any;
}

export interface Asking {
	readonly method?: string;
	/** Null: no certificate. */
	readonly certificate?: Pick<Leaf, "certificate" | "key"> | null;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | undefined;
}

export interface OwnServer extends OwnTokens {
	readonly authority: Authority;
	/** Of the workload orders. */
	readonly orders: Leaf;
	readonly publicPort: number;
	readonly adminUrl: string;
	/** Over the public side. */
	ask(path: string, asking?: Asking): Promise<Answer>;
	/** Token exchange by orders, unless told otherwise. */
	exchange(fields: Readonly<Record<string, string>>, asking?: Asking): Promise<Answer>;
	/** GET or what is given, from orders to payments, with this token; what the check says. */
	check(token: string | null, over?: CheckOver): Promise<Checked>;
	/** Everything that is logged. */
	log(): string;
	/** Until the server enforces everything that was committed. */
	settled(): Promise<void>;
	/** Ends the server in order, so that everything is written; what is in the database stays until the end. */
	stop(): Promise<void>;
}

export interface CheckOver {
	readonly method?: string;
	readonly path?: string;
	readonly from?: string;
	readonly to?: string;
	readonly leaf?: Leaf | null;
}

export interface Checked {
	readonly status: number;
	readonly reason: string;
	readonly detail: string | null;
}

export async function openOwnServer(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
	const own = await openOwnTokens();
	const folder = mkdtempSync(join(tmpdir(), "firebreak-own-"));
	const authority = await createAuthority();
	const server = await authority.issue({ uris: ["spiffe://prod.example.org/firebreak"], dns: ["firebreak"] });
	const orders = await authority.issue({ uris: [ORDERS] });
	const file = (name: string, content: string) => {
		const path = join(folder, name);
		writeFileSync(path, content);
		return path;
	};
	const socket = join(folder, "grpc.sock");
	// What a server has in production, and no more: it signs tokens with that.
	const login = `own_server_${randomBytes(6).toString("hex")}`;
	await own.query(
		`create role ${login} login password 'own' in role firebreak_server, firebreak_recorder, firebreak_reader`,
	);
	const serverUrl = new URL(own.database.url);
	[serverUrl.username, serverUrl.password] = [login, "own"];
	const ours = {
		DATABASE_URL: serverUrl.href,
		FIREBREAK_GRPC_ADDR: `unix:${socket}`,
		FIREBREAK_PUBLIC_TLS_CERT: file("cert.pem", server.certificate),
		FIREBREAK_PUBLIC_TLS_KEY: file("key.pem", server.key),
		FIREBREAK_PUBLIC_TLS_CLIENT_CA: file("ca.pem", authority.certificate),
		FIREBREAK_KEYS_DIR: own.keysDirectory,
		FIREBREAK_POLL_INTERVAL: "50ms",
		FIREBREAK_DRAIN_TIMEOUT: "0ms",
		...settings,
	};
	const inherited = Object.entries(process.env).filter(([name]) => !/^(FIREBREAK_|OTEL_|DATABASE_URL$)/.test(name));
	let log = "";
	const { running, publicPort, adminUrl } = await onFreePorts(2, async ([publicPort = 0, adminPort = 0]) => {
		const addresses = {
			FIREBREAK_ADMIN_ADDR: `127.0.0.1:${adminPort}`,
			FIREBREAK_PUBLIC_ADDR: `127.0.0.1:${publicPort}`,
		};
		const adminUrl = `http://127.0.0.1:${adminPort}`;
		log = "";
		const running = await startProcess({
			...firebreakProgram(["serve"], { ...Object.fromEntries(inherited), ...addresses, ...ours }),
			name: "Firebreak",
			onOutput: (written) => {
				log += written;
			},
			ready: async () => (await fetch(`${adminUrl}/readyz`)).ok,
		});
		return { running, publicPort, adminUrl };
	});
	const client: TestClient = connect({ kind: "unix", path: socket });
	const plain = ours.FIREBREAK_PUBLIC_TLS_CERT === "";
	const ask = (path: string, asking: Asking = {}) => {
		const { certificate = orders, method = "GET", headers = {}, body } = asking;
		const place = { host: "127.0.0.1", port: publicPort, path, method, headers, agent: false } as const;
		if (plain) return answerOf(httpRequest(place), body);
		const tls = { ca: authority.certificate, servername: "firebreak" };
		const shown = certificate === null ? {} : { cert: certificate.certificate, key: certificate.key };
		return answerOf(httpsRequest({ ...place, ...tls, ...shown }), body);
	};
	const status = async () => (await (await fetch(`${adminUrl}/v1/status`)).json()) as Status;
	return {
		...own,
		authority,
		orders,
		publicPort,
		adminUrl,
		ask,
		exchange: (fields, asking = {}) =>
			ask("/oauth/token", {
				method: "POST",
				headers: { "content-type": "application/x-www-form-urlencoded" },
				body: new URLSearchParams({ ...EXCHANGE, ...fields }).toString(),
				...asking,
			}),
		async check(token, { method = "GET", path = "/v1/payments/42", from = ORDERS, to = PAYMENTS, leaf = orders } = {}) {
			const headers = token === null ? {} : { authorization: `Bearer ${token}` };
			const certificate = leaf === null ? "" : encodeURIComponent(leaf.certificate);
			const message = checkOf({
				principal: from,
				destination: to,
				method,
				path,
				headers,
				certificate,
				host: "payments",
			});
			const answer = (await client.check(message)) as {
				deniedResponse?: { status?: { code?: number } };
				dynamicMetadata?: { fields: Record<string, { stringValue?: string }> };
			};
			const told = (name: string) => answer.dynamicMetadata?.fields[name]?.stringValue ?? null;
			return {
				status: answer.deniedResponse?.status?.code ?? 200,
				reason: told("reason") ?? "",
				detail: told("detail"),
			};
		},
		log: () => log,
		async settled() {
			await until("the server enforces everything", async () => {
				const { policy, database } = await status();
				const { head } = database;
				return (
					head !== null && policy.revision === head.revision && policy.seq === head.seq && (await newest(own, head))
				);
			});
		},
		stop: () => running.stop(),
		async close() {
			client.close();
			await running.stop();
			await own.query(`drop role ${login}`);
			await own.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

const EXCHANGE = {
	grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
	subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
};

interface Status {
	readonly policy: { readonly revision: number; readonly seq: number };
	readonly database: { readonly head: { readonly revision: number; readonly seq: number } | null };
}

async function newest(own: OwnTokens, { revision, seq }: { revision: number; seq: number }): Promise<boolean> {
	const [head] = await own.query<{ revision: string; seq: string }>("select revision, seq from firebreak.head");
	return Number(head!.revision) === revision && Number(head!.seq) === seq;
}

function answerOf(request: ClientRequest, body: string | undefined): Promise<Answer> {
	return new Promise((resolve, reject) => {
		request
			.on("response", async (response) => {
				const whole = await text(response);
				const json =
					/json/.test(response.headers["content-type"] ?? "") && whole !== "" ? JSON.parse(whole) : undefined;
				resolve({ status: response.statusCode ?? 0, headers: response.headers, text: whole, json });
			})
			.on("error", reject)
			.end(body);
	});
}
