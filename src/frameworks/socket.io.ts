import { type IncomingMessage, STATUS_CODES } from "node:http";
import { assertSessions } from "../core/misuse.ts";
import type { Sessions } from "../core/sessions.ts";
import type { RequestHead } from "../core/transport.ts";
import { HoldfastError, isHoldfastError } from "../errors.ts";
import { requestHead } from "../http/head.ts";
import { createSockets, type SocketSession, type SocketSessionsOptions } from "../http/sockets.ts";

export type { SocketSession, SocketSessionsOptions } from "../http/sockets.ts";

/** What is used of a Socket of Socket.IO. */
export interface SocketIoSocket {
  /** None where the client came by WebTransport. */
  readonly request: IncomingMessage | null;
  readonly conn: {
    readonly readyState: string;
    once(event: "close", listener: () => void): unknown;
    off(event: "close", listener: () => void): unknown;
    close(): unknown;
  };
  readonly connected: boolean;
  readonly nsp?: { readonly server: { readonly _opts: { connectionStateRecovery?: { skipMiddlewares?: boolean } } } };
  once(event: "disconnect", listener: () => void): unknown;
  disconnect(close: boolean): unknown;
}

/** WebTransport sends no cookies: its clients have no session. */
const NO_HEAD: RequestHead = { header: () => undefined, encrypted: true };

/** What a client gets as `connect_error`'s error: its `message` is the status' name. */
export interface SocketIoRefusal extends Error {
  data: { status: number; code?: string };
}

export interface SocketIoSessions<Data extends object> {
  /** For `new Server(server, { allowRequest })`: answers 403 to pages of other sites. Without it `middleware` refuses them, once they are connected. */
  allowRequest(
    request: IncomingMessage,
    decide: (message: string | null | undefined, isAllowed: boolean) => void,
  ): void;
  /** For `io.use()`, and `io.of(…).use()` of each namespace whose sockets have sessions. */
  middleware(socket: SocketIoSocket, next: (error?: SocketIoRefusal) => void): Promise<void>;
  /** The session of a socket that came through the middleware. Throws `argument-invalid` of any other. */
  of(socket: SocketIoSocket): SocketSession<Data>;
}

/**
 * Gives sockets of Socket.IO 4 the session of their handshake, and disconnects them when it ends.
 *
 * ```ts
 * import { createServer } from "node:http";
 * import { socketIoSessions } from "holdfast/socket.io";
 * import { Server } from "socket.io";
 *
 * interface Data { views: number }
 *
 * const sessions = createSessions<Data>({ store: memoryStore() });
 * const sockets = socketIoSessions(sessions);
 * const io = new Server(createServer(), { allowRequest: sockets.allowRequest });
 * io.use(sockets.middleware);
 * io.on("connection", (socket) => {
 *   const session = sockets.of(socket);
 *   socket.on("views", (answer) => {
 *     session.use((now) => now.update("views", (n = 0) => n + 1)).then(
 *       (views) => answer({ views }),
 *       () => answer({ error: "try again" }), // the store is down, or the session has ended
 *     );
 *   });
 * });
 * ```
 *
 * A client whose session can't be read gets `connect_error`, with `error.data.status` 503 where the store failed, and the error is logged. A socket is
 * disconnected, by `socket.disconnect(true)`, when its session ends (logout, `revoke`, `maxPerUser`, time) or its id does (login, `regenerate`, `renew`).
 * With `connectionStateRecovery`, set its `skipMiddlewares` to false: else nobody is let in, for a socket that is recovered past the middleware would stay open after
 * its session's end.
 */
export function socketIoSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: SocketSessionsOptions = {},
): SocketIoSessions<Data> {
  assertSessions(sessions, "socketIoSessions");
  // Not in `socket.data`, which adapters send to other servers, and recovery gives to a later connection.
  const sockets = createSockets<SocketIoSocket, Data>(sessions, options);
  return {
    allowRequest(request, decide) {
      const isForeign = sockets.isForeign(requestHead(request));
      decide(isForeign ? STATUS_CODES[403] : undefined, !isForeign);
    },

    async middleware(socket, next) {
      if (socket.nsp?.server._opts.connectionStateRecovery?.skipMiddlewares) {
        console.error(recoveredPast());
        return next(refusal(500));
      }
      const { conn } = socket;
      const head = socket.request ? requestHead(socket.request) : NO_HEAD;
      if (sockets.isForeign(head)) return next(refusal(403, "cross-site-request"));
      const joined = await sockets.join(head).catch((error: unknown) => {
        console.error(error);
        next(isHoldfastError(error) ? refusal(error.status, error.code) : refusal(500));
      });
      if (!joined) return;
      // A socket that never gets connected ends with its connection; others may end before.
      const leave = (): void => {
        conn.off("close", leave);
        joined.leave();
      };
      if (conn.readyState === "open") conn.once("close", leave);
      // Socket.IO drops the socket by itself.
      else leave();
      socket.once("disconnect", leave);
      joined.closeBy(() => void (socket.connected ? socket.disconnect(true) : conn.close()));
      sockets.keep(socket, joined);
      next();
    },

    of: sockets.of,
  };
}

/** Socket.IO's default, which would let in who was logged out meanwhile. */
function recoveredPast(): HoldfastError<"option-conflict"> {
  const options = ["connectionStateRecovery"];
  const message =
    "Socket.IO recovers connections past its middleware, and so past the question whether their sessions live: sockets would stay open after a logout. Set connectionStateRecovery: { skipMiddlewares: false }.";
  return new HoldfastError("option-conflict", message, { options });
}

/** Tells the client as much as HTTP would. */
function refusal(status: number, code?: string): SocketIoRefusal {
  return Object.assign(new Error(STATUS_CODES[status]), { data: { status, ...(code !== undefined && { code }) } });
}
