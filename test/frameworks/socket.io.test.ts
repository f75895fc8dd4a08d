import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { createSessions } from "holdfast";
import { socketIoSessions } from "holdfast/socket.io";
import { memoryStore } from "holdfast/stores/memory";
import { Server, type ServerOptions } from "socket.io";
import { io as connect } from "socket.io-client";
import { expect, it, onTestFinished, vi } from "vitest";
import { client } from "../core/client.ts";
import { watchedStore } from "../core/stores.ts";
import { listening } from "../http/listen.ts";
import { countListeners } from "./sockets.ts";

async function setUp(options: Partial<ServerOptions> = {}) {
  const store = watchedStore();
  const sessions = createSessions<{ room: string }>({ store });
  const browser = client(sessions);
  await browser.request((session) => session.login("ada"));
  const listeners = countListeners(sessions);
  const sockets = socketIoSessions(sessions);
  const server = createServer();
  const io = new Server(server, { allowRequest: sockets.allowRequest, ...options });
  const port = await listening(server);
  onTestFinished(() => io.close());
  const extraHeaders = { cookie: browser.cookie! };
  const dial = (namespace = "/", multiplex = false) => {
    const dialled = connect(`http://127.0.0.1:${port}${namespace}`, {
      transports: ["websocket"],
      extraHeaders,
      multiplex,
      reconnectionDelay: 1,
    });
    onTestFinished(() => void dialled.disconnect());
    return dialled;
  };
  return { store, sessions, sockets, io, dial, listeners };
}

it("gives a session to each namespace that asks for it, and disconnects all of them", async () => {
  const { sessions, sockets, io, dial } = await setUp();
  io.use(sockets.middleware);
  io.of("/chat").use(sockets.middleware);
  const [main] = await Promise.all([once(io, "connection"), dial("/", true)]);
  const [chat] = await Promise.all([once(io.of("/chat"), "connection"), dial("/chat", true)]);
  const { handshake } = sockets.of(main[0]);
  expect(sockets.of(chat[0]).handshake.handle).toBe(handshake.handle);
  const gone = [once(main[0], "disconnect"), once(chat[0], "disconnect")];
  await sessions.revoke(handshake.handle);
  await Promise.all(gone);
});

it("leaves nothing on a connection whose namespaces come and go", async () => {
  const { sockets, io, dial } = await setUp();
  const stays = dial("/", true);
  const [socket] = await once(io, "connection");
  const before = socket.conn.listenerCount("close");
  for (const name of ["/one", "/two", "/three"]) {
    const comes = once(io.of(name).use(sockets.middleware), "connection");
    const visiting = stays.io.socket(name);
    await new Promise<void>((resolve) => visiting.on("connect", () => resolve()));
    const [joined] = await comes;
    expect(joined.conn).toBe(socket.conn);
    expect(socket.conn.listenerCount("close")).toBe(before + 1);
    const goes = once(joined, "disconnect");
    visiting.disconnect();
    await goes;
    expect(socket.conn.listenerCount("close")).toBe(before);
  }
});

it("closes the connection where the session ends before the socket is connected", async () => {
  const { sessions, sockets, io, dial } = await setUp();
  const connected = vi.fn();
  io.use(sockets.middleware);
  io.use((socket, next) => {
    void sessions.revoke(sockets.of(socket).handshake.handle).then(() => next());
  });
  io.on("connection", connected);
  const opened = once(io.engine, "connection");
  const dialled = dial();
  const [conn] = await opened;
  await once(conn, "close");
  dialled.disconnect();
  expect(connected).not.toHaveBeenCalled();
});

it("lets go of a client that goes away while its session is read", async () => {
  const { store, sockets, io, dial, listeners } = await setUp();
  const { promise: parked, resolve: goOn } = Promise.withResolvers<void>();
  const { promise: isReading, resolve: reads } = Promise.withResolvers<void>();
  store.before = () => {
    reads();
    return parked;
  };
  io.use(sockets.middleware);
  const opened = once(io.engine, "connection");
  const dialled = dial();
  const [conn] = await opened;
  await isReading;
  expect(listeners()).toBeGreaterThan(0);
  const closed = once(conn, "close");
  dialled.disconnect();
  await closed;
  goOn();
  await vi.waitFor(() => expect(listeners()).toBe(0));
});

it("lets nobody in where sockets would be recovered past the middleware, and stay open after a logout", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => error.mockRestore());
  const { sockets, io, dial } = await setUp({ connectionStateRecovery: {} });
  io.use(sockets.middleware);
  const refused = await new Promise<{ data?: unknown }>((resolve) => dial().on("connect_error", resolve));
  expect(refused.data).toEqual({ status: 500 });
  expect(error).toHaveBeenCalledWith(
    expect.objectContaining({ code: "option-conflict", message: expect.stringContaining("skipMiddlewares: false") }),
  );
});

it("has no session for a client of WebTransport, which sends no cookie", async () => {
  const sockets = socketIoSessions(createSessions({ store: memoryStore() }));
  // What Engine.IO makes of one; the transport itself needs HTTP/3.
  const conn = Object.assign(new EventEmitter(), { readyState: "open", close() {} });
  const socket = Object.assign(new EventEmitter(), { request: null, conn, connected: false, disconnect() {} });
  const next = vi.fn();
  await sockets.middleware(socket, next);
  expect(next.mock.calls).toEqual([[]]);
  expect(sockets.of(socket).handshake.isNew).toBe(true);
});

it.each([true, false])(
  "recovers a connection through the middleware where skipMiddlewares is false (%s)",
  async (isLive) => {
    const { sessions, sockets, io, dial } = await setUp({ connectionStateRecovery: { skipMiddlewares: false } });
    io.use(sockets.middleware);
    const dialled = dial();
    const [socket] = await once(io, "connection");
    const { handle } = sockets.of(socket).handshake;
    const given = new Promise((resolve) => dialled.on("news", resolve));
    socket.emit("news");
    await given;
    const again = once(io, "connection");
    const gone = once(socket, "disconnect");
    dialled.io.engine.close();
    await gone;
    if (!isLive) await sessions.revoke(handle);
    const [recovered] = await again;
    expect(recovered.recovered).toBe(true);
    expect(sockets.of(recovered).handshake.userId).toBe(isLive ? "ada" : undefined);
  },
);

it("tells a client no more than HTTP would", async () => {
  const sessions = createSessions({ store: memoryStore() });
  vi.spyOn(sessions, "open").mockImplementation(() => {
    throw new Error("secret");
  });
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const sockets = socketIoSessions(sessions);
  const server = createServer();
  const io = new Server(server);
  io.use(sockets.middleware);
  onTestFinished(() => io.close());
  const dialled = connect(`http://127.0.0.1:${await listening(server)}`, { transports: ["websocket"] });
  const error = await new Promise<Error & { data?: unknown }>((resolve) => dialled.on("connect_error", resolve));
  dialled.disconnect();
  expect([error.message, error.data]).toEqual(["Internal Server Error", { status: 500 }]);
  expect(log).toHaveBeenCalledWith(expect.objectContaining({ message: "secret" }));
  log.mockRestore();
});
