import type { IncomingMessage, ServerResponse } from "node:http";
import { isPending } from "../core/after.ts";
import type { Exchange } from "../core/exchange.ts";
import { assertSessions, openedLate, sessionTaken } from "../core/misuse.ts";
import { hasSession, type Session, type SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { RequestSession } from "../http/express-request.ts";
import { requestHead } from "../http/head.ts";
import { hold } from "../http/hold.ts";

declare global {
  namespace Express {
    interface HoldfastSessions {
      express: Session<SessionData>;
    }

    interface Request {
      /** The visitor's session, by the middleware of `holdfast/express`. */
      session: RequestSession;
      /** Reads the session, of a request that came through `expressSessions(sessions, { lazy: true })`. */
      openSession(): Promise<RequestSession>;
    }
  }
}

export interface ExpressSessionsOptions {
  /**
   * Read a session only when a handler asks for it, by `await req.openSession()`: a request whose handlers don't costs the store nothing. `req.session` is
   * there from then on. Default: false, and each request's session is read before its handlers run.
   */
  lazy?: boolean;
}

type Next = (error?: unknown) => void;
type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/**
 * Middleware for Express 4 and 5, and Connect: gives each request its session, as `req.session`.
 *
 * ```ts
 * declare module "holdfast" {
 *   interface SessionData { views: number }
 * }
 *
 * app.use(expressSessions(sessions));
 * app.get("/", async (req, res) => {
 *   res.send(`${await req.session.update("views", (n = 0) => n + 1)} views`);
 * });
 * ```
 *
 * The response leaves when what the handlers changed is saved. A session that can't be read or saved goes to the app's error handler.
 * Put it behind static files, which need no session. Express's "trust proxy" setting is honoured, as is `trustProxy` of `createSessions`.
 */
export function expressSessions<Data extends object>(
  sessions: Sessions<Data>,
  { lazy = false }: ExpressSessionsOptions = {},
): Middleware {
  assertSessions(sessions, "expressSessions");
  /** Calls `next`, at once where the store answers at once, when the session is there; or with what failed. */
  function begin(request: ExpressRequest, response: ServerResponse, fail: Next, next: Next): void {
    const found = (exchange: Exchange<Data>): void => {
      hold(response, exchange, fail);
      request.session = exchange.session;
      next();
    };
    const exchange = sessions.open(requestHead(request, () => request.secure));
    if (isPending(exchange)) exchange.then(found).catch(next);
    else found(exchange);
  }

  function opener(request: ExpressRequest, response: ServerResponse, fail: Next): () => Promise<unknown> {
    let opened: Promise<unknown> | undefined;
    const open = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        if (response.headersSent) return reject(openedLate());
        begin(request, response, fail, (error) => (error ? reject(error) : resolve(request.session)));
      });
    const openSession = (): Promise<unknown> => {
      opened ??= open();
      return opened;
    };
    openedBy.set(openSession, sessions.on);
    return openSession;
  }

  return (request: ExpressRequest, response, next) => {
    if (hasSession(request, sessions)) return next();
    if (!lazy) return begin(request, response, next, next);
    if (request.openSession && openedBy.get(request.openSession) !== sessions.on) throw sessionTaken();
    request.openSession ??= opener(request, response, next);
    next();
  };
}

/** Whose session a request's `openSession` opens: by the mark that sessions themselves have. */
const openedBy = new WeakMap<() => Promise<unknown>, Sessions["on"]>();

/** `secure` is Express's, which knows the proxies that the app trusts; Connect has none. */
type ExpressRequest = IncomingMessage & { session?: unknown; openSession?: () => Promise<unknown>; secure?: boolean };
