import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { connect } from "node:net";
import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { wsSessions } from "holdfast/ws";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { client, head } from "../core/client.ts";
import { watchedStore } from "../core/stores.ts";
import { listening, tls } from "../http/listen.ts";

afterEach(() => void vi.useRealTimers());

async function setUp(options?: ConstructorParameters<typeof WebSocketServer>[0]) {
  const store = watchedStore();
  const sessions = createSessions<{ room: string }>({ store });
  const browser = client(sessions);
  await browser.request((session) => session.login("ada"));
  const wss = new WebSocketServer({ noServer: true, ...options });
  const sockets = wsSessions(sessions, wss);
  const server = createServer().on("upgrade", sockets.upgrade);
  const port = await listening(server);
  const off = vi.fn();
  const on = vi.spyOn(sessions, "on").mockImplementation(() => off);
  /** How many listeners the sessions have now. */
  const listeners = () => on.mock.calls.length - off.mock.calls.length;
  const dial = (path = "/") => new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { cookie: browser.cookie } });
  return { server, store, sessions, browser, wss, sockets, port, on, listeners, dial };
}

it("cuts a client that doesn't answer when its session ends", async () => {
  const { sessions, wss, on, dial, sockets } = await setUp();
  on.mockRestore();
  const client = dial();
  const [[socket]] = await Promise.all([once(wss, "connection"), once(client, "open")]);
  // Neither reads the closing, nor answers.
  client.pause();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const closed = once(socket, "close");
  await sessions.revoke(sockets.of(socket).handshake.handle);
  expect(socket.readyState).toBe(WebSocket.CLOSING);
  await vi.advanceTimersByTimeAsync(1000);
  await closed;
  client.terminate();
});

it.each(["is reset", "is destroyed"])("lets go of a connection that %s while its session is read", async (how) => {
  const { server, store, port, browser, listeners } = await setUp();
  const { promise: parked, resolve: goOn } = Promise.withResolvers<void>();
  store.before = () => parked;
  const upgraded = once(server, "upgrade");
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${btoa("0123456789abcdef")}\r\nCookie: ${browser.cookie}\r\n\r\n`,
  );
  const [, connection] = await upgraded;
  expect(listeners()).toBeGreaterThan(0);
  if (how === "is destroyed") await once(connection.destroy(), "close");
  socket.resetAndDestroy();
  await once(socket, "close");
  goOn();
  await vi.waitFor(() => expect(listeners()).toBe(0));
});

it("closes where the session is ended while ws verifies the client", async () => {
  let revoke = (): Promise<unknown> => Promise.resolve();
  const { sessions, dial, on } = await setUp({
    verifyClient(_info: unknown, answer: (isVerified: boolean) => void) {
      void revoke().then(() => answer(true));
    },
  });
  revoke = () => sessions.revokeAll({ userId: "ada" });
  on.mockRestore();
  const [code] = await once(dial(), "close");
  expect(code).toBe(4401);
});

it("lets go of a handshake that ws refuses", async () => {
  const { dial, listeners } = await setUp({ path: "/chat" });
  const client = dial("/other");
  client.on("error", () => {});
  const [, response] = await once(client, "unexpected-response");
  expect(response.statusCode).toBe(400);
  response.destroy();
  await vi.waitFor(() => expect(listeners()).toBe(0));
});

it("knows no other sockets", async () => {
  const { sockets } = await setUp();
  const stranger = new WebSocket("ws://127.0.0.1:1").on("error", () => {});
  expect(() => sockets.of(stranger)).toThrow(expect.objectContaining({ code: "argument-invalid" }));
});

it("closes a session's other sockets where closing one throws", async () => {
  const { sessions, wss, on, dial, sockets } = await setUp();
  on.mockRestore();
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const clients = [dial(), dial()];
  const opened: WebSocket[] = [];
  wss.on("connection", (socket) => opened.push(socket));
  await vi.waitFor(() => expect(opened).toHaveLength(2));
  opened[0]!.close = () => {
    throw new Error("the app's own");
  };
  const closed = Promise.race(clients.map((each) => once(each, "close")));
  await sessions.revoke(sockets.of(opened[0]!).handshake.handle);
  expect((await closed)[0]).toBe(4401);
  expect(log).toHaveBeenCalledWith(expect.objectContaining({ message: "the app's own" }));
  log.mockRestore();
  for (const each of clients) each.terminate();
});

it("needs no store that answers later", async () => {
  const sessions = createSessions({ store: memoryStore() });
  const wss = new WebSocketServer({ noServer: true });
  const sockets = wsSessions(sessions, wss);
  const port = await listening(createServer().on("upgrade", sockets.upgrade));
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = await Promise.all([once(wss, "connection"), once(client, "open")]);
  expect(sockets.of(socket).handshake.isNew).toBe(true);
  client.terminate();
});

it("looks for the cookie of https where the handshake came by it", async () => {
  const sessions = createSessions({ store: memoryStore() });
  const request = await sessions.open(head({}, true));
  await request.session.login("ada");
  const cookie = (await request.commit()).setCookie!.split(";", 1)[0]!;
  expect(cookie).toMatch(/^__Host-sid=/);
  const wss = new WebSocketServer({ noServer: true });
  const sockets = wsSessions(sessions, wss);
  const port = await listening(createSecure(tls).on("upgrade", sockets.upgrade));
  const origin = `https://localhost:${port}`;
  const headers = { cookie, origin, host: `localhost:${port}` };
  const client = new WebSocket(`wss://127.0.0.1:${port}`, { headers, rejectUnauthorized: false });
  const [[socket]] = await Promise.all([once(wss, "connection"), once(client, "open")]);
  expect(sockets.of(socket).handshake.userId).toBe("ada");
  client.terminate();
});
