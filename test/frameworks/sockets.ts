import { once } from "node:events";
import { createServer, type OutgoingHttpHeaders } from "node:http";
import type { Sessions } from "holdfast";
import { type SocketIoRefusal, socketIoSessions } from "holdfast/socket.io";
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
  open(headers?: OutgoingHttpHeaders): Promise<Opened<Data> | number>;
  readonly port: number;
}

export type ServeSockets = <Data extends object>(
  sessions: Sessions<Data>,
  options?: SocketSessionsOptions,
) => Promise<Served<Data>>;

export const serveWs: ServeSockets = async (sessions, options) => {
  const wss = new WebSocketServer({ noServer: true });
  const sockets = wsSessions(sessions, wss, options);
  const port = await listening(createServer().on("upgrade", sockets.upgrade));
  return {
    port,
    async open(headers) {
      const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers });
      onTestFinished(() => client.terminate());
      const connected = once(wss, "connection");
      const refused = once(client, "unexpected-response");
      const [first] = await Promise.race([connected, refused]);
      if (!(first instanceof WebSocket)) {
        client.on("error", () => {});
        return (await refused)[1].statusCode;
      }
      return {
        session: sockets.of(first),
        closed: once(client, "close").then(([code, reason]) => `${code} ${reason}`),
        async close() {
          client.close();
          await once(first, "close");
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
    io.use(sockets.middleware);
    const port = await listening(server);
    onTestFinished(() => io.close());
    return {
      port,
      async open(headers = {}) {
        const extraHeaders = headers as Record<string, string>;
        const options = { forceNew: true, transports: [transport], upgrade: false, reconnection: false, extraHeaders };
        const client = connect(`http://127.0.0.1:${port}`, options);
        onTestFinished(() => void client.disconnect());
        const connected = once(io, "connection");
        const refused = new Promise<number>((resolve) => {
          client.on("connect_error", (error: Error & Partial<SocketIoRefusal> & { context?: { status?: number } }) => {
            const { description } = error as { description?: number | { message?: string } };
            const seen = /\d{3}$/.exec(typeof description === "object" ? (description.message ?? "") : `${description}`);
            resolve(error.data?.status ?? Number(seen?.[0]));
          });
        });
        const first = await Promise.race([connected, refused]);
        if (typeof first === "number") return first;
        const [socket] = first;
        return {
          session: sockets.of(socket),
          closed: new Promise((resolve) => client.on("disconnect", resolve)),
          async close() {
            client.disconnect();
            await once(socket, "disconnect");
          },
        };
      },
    };
  };
