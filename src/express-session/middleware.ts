import type { RequestSession } from "../http/express-request.ts";
import type { NodeRequest } from "../http/head.ts";
import { hold } from "../http/hold.ts";
import type { NodeResponse } from "../http/response.ts";
import { Cookie, type CookieOptions } from "./cookie.ts";
import { Exchange } from "./exchange.ts";
import { expressStore } from "./express-store.ts";
import { MemoryStore } from "./memory.ts";
import { type SessionOptions, type Settings, settle } from "./options.ts";
import { holdPartial } from "./partial.ts";
import { EXCHANGE, isBelow, presentedIds, resolveAuto, type SessionRequest } from "./request.ts";
import { Session, type SessionData } from "./session.ts";
import { Store } from "./store.ts";
import { toExpressStore } from "./to-express-store.ts";
import { expressTransport } from "./transport.ts";

declare global {
  namespace Express {
    interface HoldfastSessions {
      compatible: Session & Partial<SessionData>;
    }

    interface Request {
      session: RequestSession;
      /** The id of `session`: a bearer token, for nobody's eyes. */
      sessionID: string;
      sessionStore: Store & { generate: (req: Request) => void };
    }
  }
}

type Next = (error?: unknown) => void;

/** For Express 4 and 5, Connect, and node:http, https and http2 by themselves. */
export type Middleware = (request: NodeRequest, response: NodeResponse, next: Next) => void;

/**
 * The middleware of express-session: each request gets its session as `req.session`, found by a signed cookie.
 *
 * ```ts
 * app.use(session({ secret: process.env.SECRET, resave: false, saveUninitialized: false }));
 * app.get("/", (req, res) => {
 *   req.session.views = (req.session.views ?? 0) + 1;
 *   res.send(`${req.session.views} views`);
 * });
 * ```
 *
 * The response leaves when the session is saved; where that fails, the error goes to `next` and the client never reads success. Throws a TypeError for
 * an option that it can't take.
 */
export function session(options?: SessionOptions): Middleware {
  const settings = settle(options || {}, session);
  const { store } = settings;
  // Several middlewares may share a store: each request's new session is made as its own middleware says.
  store.generate = (req) => generateWith(req[EXCHANGE]?.settings ?? settings, req);
  let isReady = true;
  store.on("disconnect", () => {
    isReady = false;
  });
  store.on("connect", () => {
    isReady = true;
  });

  return (request, response, next) => {
    const req = request as unknown as SessionRequest;
    if (req.session || !isReady) return next();
    let exchange: Exchange | undefined;
    try {
      exchange = receive(settings, req, (error) => afterwards(response, () => next(error)));
    } catch (error) {
      return next(error);
    }
    if (!exchange) return next();
    exchange.open((error) => {
      if (error) return next(error);
      try {
        if (isWhole(response)) hold(response, exchange, next);
        else holdPartial(response, exchange, next);
      } catch (failure) {
        return next(failure);
      }
      next();
    });
  };
}

/** What `import session from "express-session"` has always carried, and the bridges: CommonJS gets nothing but the function. */
export declare namespace session {
  export {
    Cookie,
    type CookieOptions,
    expressStore,
    expressTransport,
    MemoryStore,
    Session,
    type SessionData,
    type SessionOptions,
    Store,
    toExpressStore,
  };
}

Object.assign(session, { Store, Cookie, Session, MemoryStore });
// Not enumerable: a copy of the exports is what it was of express-session's.
Object.defineProperties(session, {
  expressStore: { value: expressStore },
  expressTransport: { value: expressTransport },
  toExpressStore: { value: toExpressStore },
});

/** Undefined where the request is none of this middleware's. */
function receive(settings: Settings, req: SessionRequest, report: Next): Exchange | undefined {
  if (!isBelow(req, settings.cookie(req).path || "/")) return undefined;
  const keys = settings.keys(req);
  if (keys.length === 0) throw new Error("secret option required for sessions");
  req.sessionStore = settings.store;
  const exchange = new Exchange(settings, req, presentedIds(req, settings.name, keys), report);
  req[EXCHANGE] = exchange;
  return exchange;
}

/** Gives the request a new session, by the options of the middleware that it went through. */
function generateWith(settings: Settings, req: SessionRequest): void {
  req.sessionID = settings.genid(req);
  const session = new Session(req);
  session.cookie = new Cookie(settings.cookie(req));
  req.session = session;
  resolveAuto(req, settings);
}

/** Who hands the middleware a websocket's upgrade has no response, and makes up some of one. */
function isWhole(response: Partial<NodeResponse>): boolean {
  return typeof response.appendHeader === "function";
}

/** Express breaks the connection off where an error comes in the middle of an answer. */
function afterwards(response: NodeResponse, tell: () => void): void {
  if (isWhole(response)) response.once("finish", tell);
  else tell();
}
