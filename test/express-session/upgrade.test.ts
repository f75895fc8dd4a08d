import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import session, { MemoryStore, type Session } from "holdfast/express-session";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { expect, it, onTestFinished } from "vitest";
import { listening } from "../http/listen.ts";
import { quiet, rows, signed } from "./serve.ts";

type Visited = IncomingMessage & { session: Session & { views?: number } };

it("a websocket's upgrade, which has part of a response, gets its session and its cookie", async () => {
  const store = new MemoryStore();
  store.sessions.known = JSON.stringify({ cookie: { path: "/", originalMaxAge: null, expires: null }, views: 41 });
  const server = createServer();
  const sockets = new Server(server, { transports: ["websocket"] });
  sockets.engine.use(session({ ...quiet, store, rolling: true }));
  const cookies: unknown[] = [];
  sockets.engine.on("headers", (headers: Record<string, unknown>) => void cookies.push(headers["Set-Cookie"]));
  sockets.on("connection", (socket) => {
    const { session } = socket.request as Visited;
    socket.on("view", async (answer) => {
      session.views = (session.views ?? 0) + 1;
      await session.save();
      answer(session.views);
    });
  });
  const port = await listening(server);
  const cookie = signed("known", "tea");
  const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], extraHeaders: { cookie } });
  onTestFinished(() => {
    client.close();
    sockets.close();
  });
  expect(await client.emitWithAck("view")).toBe(42);
  expect(rows(store)).toEqual([expect.objectContaining({ views: 42 })]);
  expect(cookies).toEqual([[`${cookie}; Path=/; HttpOnly`]]);
});

it("no response at all will do, where only the session is asked for", async () => {
  const visited = { headers: {}, url: "/" } as Visited;
  await new Promise((resolve) => session(quiet)(visited, {} as never, resolve));
  expect(visited.session.cookie.path).toBe("/");
});

it("a partial response's end saves the session first", async () => {
  const store = new MemoryStore();
  const visited = { headers: {}, url: "/" } as Visited;
  const ended = Promise.withResolvers<unknown>();
  const headers: unknown[] = [];
  const response = {
    setHeader: (...header: unknown[]) => void headers.push(header),
    end: ended.resolve,
  } as unknown as ServerResponse;
  await new Promise((resolve) => session({ ...quiet, store })(visited, response, resolve));
  visited.session.views = 1;
  response.end("done");
  expect(await ended.promise).toBe("done");
  expect(rows(store)).toEqual([expect.objectContaining({ views: 1 })]);
  expect(headers).toEqual([["Set-Cookie", [expect.stringMatching(/^connect\.sid=/)]]]);
});
