import type { IncomingMessage, ServerResponse } from "node:http";
import { isPending } from "../core/after.ts";
import type { Exchange } from "../core/exchange.ts";
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
    }
  }
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

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
export function expressSessions<Data extends object>(sessions: Sessions<Data>): Middleware {
  return (request: ExpressRequest, response, next) => {
    if (hasSession(request)) return next();
    const begin = (exchange: Exchange<Data>): void => {
      hold(response, exchange, next);
      request.session = exchange.session;
      next();
    };
    // Express looks through its settings for it; the answer differs from the socket's only where a proxy has spoken.
    const secure = request.headers["x-forwarded-proto"] === undefined ? undefined : request.secure;
    const exchange = sessions.open(requestHead(request, secure));
    if (isPending(exchange)) exchange.then(begin, next);
    else begin(exchange);
  };
}

/** `secure` is Express's, which knows the proxies that the app trusts; Connect has none. */
type ExpressRequest = IncomingMessage & { session?: unknown; secure?: boolean };
