import type { Cookie } from "./cookie.ts";
import { catchMisspellings } from "./misspelt.ts";
import { EXCHANGE, type SessionRequest } from "./request.ts";
import type { Callback } from "./store.ts";

/**
 * The app's session data, declared once:
 *
 * ```ts
 * declare module "holdfast/express-session" {
 *   interface SessionData { views: number }
 * }
 * ```
 */
export interface SessionData {
  cookie: Cookie;
}

/**
 * `req.session`. Its own properties are the session's data. Each method takes a callback and answers the session itself; without a callback it
 * answers a promise, and the response waits for it.
 */
export class Session {
  /** The session's id: a bearer token, for nobody's eyes. */
  declare readonly id: string;
  declare readonly req: SessionRequest;
  declare cookie: Cookie;

  constructor(req: SessionRequest, data?: object | null) {
    Object.defineProperty(this, "req", { value: req });
    Object.defineProperty(this, "id", { value: req.sessionID });
    if (typeof data !== "object" || data === null) return;
    const own = this as Record<string, unknown>;
    const given = data as Record<string, unknown>;
    for (const name in given) if (!(name in own) || MISSPELLINGS.has(name)) own[name] = given[name];
  }

  /** Starts the cookie's `maxAge` anew. The middleware does so by itself. */
  touch(): this {
    return this.resetMaxAge();
  }

  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }

  /** Saves the session now. The middleware does so by itself, before the response leaves. */
  save(): Promise<void>;
  save(callback?: Callback): this;
  save(callback?: Callback): unknown {
    return run(this, callback, (done) => {
      const { sessionStore, [EXCHANGE]: exchange } = this.req;
      const save = (saved: Callback): void => sessionStore.set(this.id, this as this & SessionData, saved);
      if (exchange) exchange.saving(this, save, done);
      else save(done);
    });
  }

  /** Reads the session again: what this request changed and didn't save is dropped, and `req.session` is a new object. */
  reload(): Promise<void>;
  reload(callback: Callback): this;
  reload(callback?: Callback): unknown {
    return run(this, callback, (done) => {
      const { req } = this;
      req.sessionStore.get(this.id, (error, data) => {
        if (error) return done(error);
        if (!data) return done(new Error("failed to load session"));
        try {
          req.sessionStore.createSession(req, data);
          req[EXCHANGE]?.adopt();
        } catch (failure) {
          return done(failure);
        }
        done();
      });
    });
  }

  /** Ends the session; `req.session` is gone. */
  destroy(): Promise<void>;
  destroy(callback: Callback): this;
  destroy(callback?: Callback): unknown {
    return run(this, callback, (done) => {
      Reflect.deleteProperty(this.req, "session");
      this.req.sessionStore.destroy(this.id, done);
    });
  }

  /** Ends the session and begins an empty one with a new id, as `req.session`: for a login, against session fixation. */
  regenerate(): Promise<void>;
  regenerate(callback: Callback): this;
  regenerate(callback?: Callback): unknown {
    return run(this, callback, (done) => this.req.sessionStore.regenerate(this.req, done));
  }
}

/** With a callback it answers the session, else a promise: the response waits for that one, awaited or not. */
function run(
  session: Session,
  callback: Callback | undefined,
  start: (done: Callback) => void,
): Session | Promise<void> {
  if (callback) {
    start(callback);
    return session;
  }
  const done = new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
  const pending = session.req[EXCHANGE]?.pending;
  pending?.add(done);
  const settled = (): void => void pending?.delete(done);
  // Handled here too: an operation that nobody awaits must not end the process.
  done.then(settled, settled);
  return done;
}

const MISSPELLINGS = catchMisspellings(Session.prototype);
