import type * as own from "./middleware.js" with { "resolution-mode": "import" };

declare function session(options?: own.session.SessionOptions): own.Middleware;

declare namespace session {
  const Store: typeof own.session.Store;
  type Store = own.session.Store;
  const MemoryStore: typeof own.session.MemoryStore;
  type MemoryStore = own.session.MemoryStore;
  const Cookie: typeof own.session.Cookie;
  type Cookie = own.session.Cookie;
  const Session: typeof own.session.Session;
  type Session = own.session.Session;
  const expressStore: typeof own.session.expressStore;
  const expressTransport: typeof own.session.expressTransport;
  const toExpressStore: typeof own.session.toExpressStore;
  type CookieOptions = own.session.CookieOptions;
  type Middleware = own.Middleware;
  type SessionOptions = own.session.SessionOptions;
  interface SessionData extends own.session.SessionData {}
}

declare global {
  namespace Express {
    interface HoldfastSessions {
      /** What CommonJS modules add to the data. */
      commonjs: Partial<session.SessionData>;
    }
  }
}

export = session;
