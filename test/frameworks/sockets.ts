import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { Sessions } from "holdfast";
import { socketIoSessions } from "holdfast/socket.io";
import { type SocketSession, type SocketSessionsOptions, wsSessions } from "holdfast/ws";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { listening } from "../http/listen.ts";

/** A socket, seen from both ends. */
export interface Opened<Data extends object> {
  readonly session: SocketSession<Data>;
  /** What the client is told when it closes. */
  readonly closed: Promise<string>;
  /** The client closes it. Resolves when the server knows. */
  close(): Promise<void>;
}

export interface Served<Data extends object> {
  /** Opens a socket; or answers the status that the client is refused with. */
  open(headers?: Readonly<Record<string, string | undefined>>): Promise<Opened<Data> | number>;
  readonly port: number;
}

export type ServeSockets = <Data extends object>(
  sessions: Sessions<Data>,
  options?: SocketSessionsOptions,
) => Promise<Served<Data>>;

/** Finds the server's end of a client's socket, by a header. */
function ends<Socket>() {
  const waiting = new Map<string, (socket: Socket) => void>();
  return {
    connected(socket: Socket, headers: IncomingHttpHeaders): void {
      waiting.get(String(headers["x-end"]))?.(socket);
    },
    next(headers: Readonly<Record<string, string | undefined>>) {
      const { promise, resolve } = Promise.withResolvers<Socket>();
      const end = String(waiting.size);
      waiting.set(end, resolve);
      const given = Object.entries({ ...headers, "x-end": end }).filter(([, value]) => value !== undefined);
      return { other: promise, sent: Object.fromEntries(given) as Record<string, string> };
    },
  };
}

export const serveWs: ServeSockets = async (sessions, options) => {
  const wss = new WebSocketServer({ noServer: true });
  const sockets = wsSessions(sessions, wss, options);
  const { connected, next } = ends<WebSocket>();
  wss.on("connection", (socket, request) => connected(socket, request.headers));
  const port = await listening(createServer().on("upgrade", sockets.upgrade));
  return {
    port,
    async open(headers = {}) {
      const { other, sent } = next(headers);
      const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers: sent });
      client.on("error", () => {});
      onTestFinished(() => client.terminate());
      const refused = new Promise<number>((resolve) => {
        client.on("unexpected-response", (_, response) => resolve(response.statusCode!));
      });
      const closed = new Promise<string>((resolve) => {
        client.on("close", (code, reason) => resolve(`${code} ${reason}`));
      });
      const open = new Promise((resolve) => client.on("open", resolve));
      const socket = await Promise.race([other, refused]);
      if (typeof socket === "number") return socket;
      await open;
      return {
        session: sockets.of(socket),
        closed,
        async close() {
          const gone = once(socket, "close");
          client.close();
          await gone;
        },
      };
    },
  };
};

export const serveSocketIo =
  (transport: "polling" | "websocket", refusesEarly = true): ServeSockets =>
  async (sessions, options) => {
    const sockets = socketIoSessions(sessions, options);
    const server = createServer();
    const io = new Server(server, refusesEarly ? { allowRequest: sockets.allowRequest } : {});
    const { connected, next } = ends<Parameters<Parameters<typeof io.use>[0]>[0]>();
    io.use(sockets.middleware);
    io.on("connection", (socket) => connected(socket, socket.handshake.headers));
    const port = await listening(server);
    onTestFinished(() => io.close());
    return {
      port,
      async open(headers = {}) {
        const { other, sent } = next(headers);
        const options = { forceNew: true, transports: [transport], reconnection: false, extraHeaders: sent };
        const client = connect(`http://127.0.0.1:${port}`, options);
        onTestFinished(() => void client.disconnect());
        const refused = new Promise<number>((resolve) => {
          client.on("connect_error", (error) => resolve(statusOf(error)));
        });
        const closed = new Promise<string>((resolve) => client.on("disconnect", resolve));
        const open = new Promise<void>((resolve) => client.on("connect", () => resolve()));
        const socket = await Promise.race([other, refused]);
        if (typeof socket === "number") return socket;
        await open;
        return {
          session: sockets.of(socket),
          closed,
          async close() {
            const gone = once(socket, "disconnect");
            client.disconnect();
            await gone;
          },
        };
      },
    };
  };

/** How many listeners the sessions have now. */
export function countListeners<Data extends object>(sessions: Sessions<Data>): () => number {
  let count = 0;
  const { on } = sessions;
  sessions.on = (name, listener) => {
    const off = on(name, listener);
    count++;
    return () => {
      count--;
      off();
    };
  };
  return () => count;
}

/** By the server's middleware, or by its HTTP, of which each transport tells in its own way. */
function statusOf(error: Error & { data?: { status: number }; description?: unknown }): number {
  const { data, description } = error;
  if (data) return data.status;
  if (typeof description === "number") return description;
  const { message } = description as { message?: string };
  return Number(/\d{3}$/.exec(String(message))?.[0]);
}
