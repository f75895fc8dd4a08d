import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { assertSessions } from "../core/misuse.ts";
import type { Sessions } from "../core/sessions.ts";
import { isHoldfastError } from "../errors.ts";
import { requestHead } from "../http/head.ts";
import { createSockets, type SocketSession, type SocketSessionsOptions } from "../http/sockets.ts";

export type { SocketSession, SocketSessionsOptions } from "../http/sockets.ts";

/** What is used of a WebSocket of ws. */
export interface WsSocket {
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What is used of a WebSocketServer of ws. */
export interface WsServer<Request extends IncomingMessage, Socket extends WsSocket> {
  handleUpgrade(
    request: Request,
    socket: Duplex,
    head: Buffer,
    callback: (socket: Socket, request: Request) => void,
  ): void;
  emit(event: "connection", ...args: unknown[]): unknown;
}

export interface WsSessions<Data extends object, Request extends IncomingMessage, Socket extends WsSocket> {
  /** The listener for the HTTP server's `upgrade`. It reads the session, and then has ws do its part, up to the event `connection`. */
  upgrade(request: Request, socket: Duplex, head: Buffer): Promise<void>;
  /** The session of a socket that came by `upgrade`. Throws `argument-invalid` of any other. */
  of(socket: Socket): SocketSession<Data>;
}

/**
 * The code with which a socket closes whose session has ended: 4401, as HTTP's 401 in the range that RFC 6455 leaves to applications. By 1008 (policy violation), which
 * servers use for much else, a page could not tell that its visitor has to log in again.
 */
export const SESSION_ENDED = 4401;

/** How long a client may take to answer that, in ms, before the connection is cut: what it sends meanwhile would still arrive. */
const CLOSE_WITHIN = 1000;

/**
 * Gives sockets of ws 8 the session of their handshake, and closes them when it ends.
 *
 * ```ts
 * import { createServer } from "node:http";
 * import { wsSessions } from "holdfast/ws";
 * import { WebSocketServer } from "ws";
 *
 * interface Data { views: number }
 *
 * const sessions = createSessions<Data>({ store: memoryStore() });
 * const wss = new WebSocketServer({ noServer: true });
 * const sockets = wsSessions(sessions, wss);
 * const server = createServer().on("upgrade", sockets.upgrade);
 *
 * wss.on("connection", (socket) => {
 *   const session = sockets.of(socket);
 *   if (session.handshake.userId === undefined) return socket.close(4401, "log in first");
 *   socket.on("error", console.error).on("message", () => {
 *     session.use((now) => now.update("views", (n = 0) => n + 1)).then(
 *       (views) => socket.send(`${views} views`),
 *       () => socket.close(1011), // the store is down, or the session has ended
 *     );
 *   });
 * });
 * ```
 *
 * A handshake that a page of another site sends is answered 403, and one whose session can't be read by the status of its error, 503 for the store's, which
 * is logged. A socket closes with code 4401 when its session ends (logout, `revoke`, `maxPerUser`, time) or its id does (login, `regenerate`, `renew`).
 */
export function wsSessions<Data extends object, Request extends IncomingMessage, Socket extends WsSocket>(
  sessions: Sessions<Data>,
  server: WsServer<Request, Socket>,
  options: SocketSessionsOptions = {},
): WsSessions<Data, Request, Socket> {
  assertSessions(sessions, "wsSessions");
  const sockets = createSockets<Socket, Data>(sessions, options);
  return {
    async upgrade(request, connection, head) {
      const breakOff = (): void => void connection.destroy();
      // Until ws listens: a client that goes away meanwhile must not end the process.
      connection.on("error", breakOff);
      const requested = requestHead(request);
      if (sockets.isForeign(requested)) return refuse(connection, 403);
      const joined = await sockets.join(requested).catch((error: unknown) => {
        console.error(error);
        refuse(connection, isHoldfastError(error) ? error.status : 500);
      });
      if (!joined) return;
      if (connection.destroyed) return joined.leave();
      connection.once("close", joined.leave);
      connection.off("error", breakOff);
      server.handleUpgrade(request, connection, head, (socket, upgraded) => {
        sockets.keep(socket, joined);
        joined.closeBy(() => close(socket, connection));
        server.emit("connection", socket, upgraded);
      });
    },
    of: sockets.of,
  };
}

function close(socket: WsSocket, connection: Duplex): void {
  socket.close(SESSION_ENDED, "session ended");
  const cutting = setTimeout(() => socket.terminate(), CLOSE_WITHIN);
  cutting.unref();
  connection.once("close", () => clearTimeout(cutting));
}

function refuse(connection: Duplex, status: number): void {
  connection.once("finish", () => connection.destroy());
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
