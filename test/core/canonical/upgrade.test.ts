import { expect, test } from "@jest/globals";
import { readUpgrade } from "../../../src/core/canonical/upgrade.ts";

const none = undefined;

test.each([
	[none, none, none, null],
	["websocket", none, "Upgrade", "websocket"],
	["WebSocket", none, "keep-alive, Upgrade", "websocket"],
	["websocket", none, none, "websocket"],
	["h2c", none, "Upgrade, HTTP2-Settings", "h2c"],
	["TLS/1.0", none, "upgrade", "tls/1.0"],
	[none, "websocket", none, "websocket"],
	["websocket", "WebSocket", none, "websocket"],
	[none, "connect-udp", none, "connect-udp"],
	[none, none, "keep-alive", null],
	[none, none, "upgrade", null],
])("upgrade %j, protocol %j, connection %j: %j", (header, protocol, connection, upgrade) => {
	expect(readUpgrade(header, protocol, connection)).toEqual({ ok: true, upgrade });
});

test.each([
	["websocket, h2c", none, none, "upgrade_several"],
	["websocket,websocket", none, none, "upgrade_several"],
	["h2c", "websocket", none, "upgrade_several"],
	["", none, none, "upgrade_malformed"],
	["web socket", none, none, "upgrade_malformed"],
	["websocket/", none, none, "upgrade_malformed"],
	["/13", none, none, "upgrade_malformed"],
	["a/b/c", none, none, "upgrade_malformed"],
	[none, "", none, "upgrade_malformed"],
	[none, none, "close, x-firebreak-subject", "connection_option"],
	[none, none, "X-Firebreak-Principal", "connection_option"],
	[none, none, "close,\tAuthorization", "connection_option"],
	[none, none, "dpop", "connection_option"],
])("upgrade %j, protocol %j, connection %j: refused, %s", (header, protocol, connection, detail) => {
	expect(readUpgrade(header, protocol, connection)).toEqual({ ok: false, detail });
});
