import { isOwnOrigin } from "../core/csrf.ts";
import { type Duration, LONGEST_TIMER, milliseconds } from "../core/duration.ts";
import type { Exchange } from "../core/exchange.ts";
import { checkOrigins, isSessionGone, socketOutlived, socketUnknown } from "../core/misuse.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { RequestHead } from "../core/transport.ts";
import { watchSessions } from "./socket-watch.ts";

export interface SocketSessionsOptions {
  /**
   * How often the store is asked whether the sessions of open sockets live, for those that end in other processes or by time: one read for each socket, which
   * is no use of its session. What this process ends closes its sockets at once. Default: `"30s"`.
   */
  checkEvery?: Duration;
  /**
   * The origins whose pages may open sockets beside the server's own: `["https://app.example.com"]`. Browsers send cookies with other sites' handshakes too, and
   * leave it to the server to refuse them. Default: only pages of the host that the handshake names; behind a proxy that changes `Host`, name your own here.
   */
  allowOrigins?: readonly string[];
}

/** A socket's session: as its handshake found it, and anew for each message. */
export interface SocketSession<Data extends object> {
  /**
   * The session that the handshake's cookie opened, read anew at each check. Its `data` can't be changed, and no session can begin here: no cookie can leave.
   * `isNew` where the client came without a session; such a socket stays without one until its client connects again.
   */
  readonly handshake: Session<Data>;
  /**
   * Opens the session as it is now, and saves what `fn` changed when it is done: a use of the session, as a request is. Rejects with what `fn` throws, and then
   * saves nothing more; with `store-…` where the store fails; with `headers-sent` where `fn` would begin a session, log in or regenerate, for no
   * cookie can leave. Where the session has ended, or has got a new id since the handshake, rejects with `session-gone` and the socket closes.
   *
   * ```ts
   * await socketSession.use(({ data }) => {
   *   data.room = "tea";
   * });
   * ```
   */
  use<T>(fn: (session: Session<Data>) => T | Promise<T>): Promise<T>;
}

/** A socket's hold on its session, from the handshake on. */
export interface Joined<Data extends object> {
  readonly session: SocketSession<Data>;
  /** Says how the socket is closed once its session has ended. It may have, since the handshake: then it is closed now. */
  closeBy(close: () => void): void;
  /** The socket is closed. */
  leave(): void;
}

/** What the adapters of sockets share. */
export interface Sockets<Socket extends object, Data extends object> {
  /** Whether a page of another site opens the socket. To be asked before the store is. */
  isForeign(head: RequestHead): boolean;
  /** Finds the session of a handshake. Rejects with the store's error. */
  join(head: RequestHead): Promise<Joined<Data>>;
  keep(socket: Socket, joined: Joined<Data>): void;
  of(socket: Socket): SocketSession<Data>;
}

export function createSockets<Socket extends object, Data extends object>(
  sessions: Sessions<Data>,
  { checkEvery = "30s", allowOrigins = [] }: SocketSessionsOptions,
): Sockets<Socket, Data> {
  checkOrigins(allowOrigins, "allowOrigins");
  const watch = watchSessions(sessions, Math.min(milliseconds(checkEvery, "checkEvery"), LONGEST_TIMER));
  const kept = new WeakMap<Socket, SocketSession<Data>>();

  /** An exchange of which no cookie leaves. */
  async function open(head: RequestHead): Promise<Exchange<Data>> {
    const exchange = await sessions.open(head);
    exchange.detach();
    // A socket that no session is known of can't be closed with it, so there is none without; this throws what failed.
    if (exchange.session.isReadOnly) await exchange.session.reload();
    return exchange;
  }

  return {
    // Every browser says so in a handshake's Origin (RFC 6455 10.2); what sends none is a program, which has no other site's cookies.
    isForeign(head) {
      const origin = head.header("origin");
      if (origin === undefined || allowOrigins.includes(origin)) return false;
      return !isOwnOrigin(head, origin);
    },

    async join(head) {
      const { session: handshake, member } = await watch.join(async () => {
        const exchange = await open(head);
        await exchange.commit();
        exchange.seal();
        return exchange.session;
      });

      const { handle, isNew } = handshake;
      const gone = (): Error => {
        member.end();
        return socketOutlived(handle);
      };

      async function use<T>(fn: (session: Session<Data>) => T | Promise<T>): Promise<T> {
        if (member.hasEnded) throw gone();
        const exchange = await open(head);
        const { session } = exchange;
        // Whatever else the cookies open now, the socket is of the session that it began with.
        if (isNew ? !session.isNew : session.handle !== handle) throw gone();
        try {
          const value = await fn(session);
          await exchange.prepare();
          exchange.end();
          return value;
        } catch (error) {
          exchange.abandon();
          if (isSessionGone(error, handle)) member.end();
          throw error;
        }
      }

      return { session: { handshake, use }, closeBy: member.closeBy, leave: member.leave };
    },

    keep(socket, { session }) {
      kept.set(socket, session);
    },

    of(socket) {
      const session = kept.get(socket);
      if (session) return session;
      throw socketUnknown();
    },
  };
}
