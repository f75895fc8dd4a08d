import { EventEmitter } from "node:events";
import { Cookie } from "./cookie.ts";
import type { SessionRequest } from "./request.ts";
import { Session, type SessionData } from "./session.ts";

/** How an operation answers; an error whose `code` is ENOENT means "not found". */
export type Callback = (error?: CallbackError) => void;

/** As express-session's types have it: apps read `error.message` without a question. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type CallbackError = any;

/**
 * What a store of express-session's inherits from. `disconnect` and `connect` events tell the middleware when to pass requests on without a
 * session.
 */
abstract class BaseStore extends EventEmitter {
  /** Set by the middleware: gives the request a new session. */
  declare generate: (req: SessionRequest) => void;

  abstract get(sid: string, callback: (error: CallbackError, session?: SessionData | null) => void): void;
  abstract set(sid: string, session: SessionData, callback?: Callback): void;
  abstract destroy(sid: string, callback?: Callback): void;
  /** Moves the session's expiry to its cookie's, and changes nothing else. */
  touch?(sid: string, session: SessionData, callback?: Callback): void;
  all?(
    callback: (error: CallbackError, sessions?: SessionData[] | { [sid: string]: SessionData } | null) => void,
  ): void;
  length?(callback: (error: CallbackError, length?: number) => void): void;
  clear?(callback?: Callback): void;

  /** Ends the request's session, and begins a new one under a new id. */
  regenerate(req: SessionRequest, callback: Callback): void {
    this.destroy(req.sessionID, (error) => {
      try {
        this.generate(req);
      } catch (failure) {
        return callback(error ?? failure);
      }
      callback(error);
    });
  }

  /** The session of this id, outside of its requests. */
  load(sid: string, callback: (error?: CallbackError, session?: Session & SessionData) => void): void {
    this.get(sid, (error, data) => {
      if (error || !data) return callback(error || undefined);
      callback(
        null,
        this.createSession({ sessionID: sid, sessionStore: this } as Partial<SessionRequest> as SessionRequest, data),
      );
    });
  }

  /** Makes `req.session` of what the store has kept. */
  createSession(req: SessionRequest, data: SessionData): Session & SessionData {
    const stored = data.cookie;
    // Read one by one: the error for a row without a cookie has then the text it had.
    const expires: unknown = stored.expires;
    const originalMaxAge = stored.originalMaxAge;
    const cookie = new Cookie(stored);
    if (typeof expires === "string") cookie.expires = new Date(expires);
    cookie.originalMaxAge = originalMaxAge;
    data.cookie = cookie;
    const session = new Session(req, data) as Session & SessionData;
    req.session = session;
    return session;
  }
}

/**
 * A class that may also be called without `new`: stores older than classes inherit by `Store.call(this)` and `util.inherits`. `initialize` is its
 * constructor's body.
 */
export function callable<Class extends abstract new () => object>(
  Class: Class,
  initialize: (self: InstanceType<Class>) => void,
): Class {
  function Callable(this: InstanceType<Class>): void {
    initialize(this);
  }
  Object.defineProperty(Class.prototype, "constructor", { value: Callable });
  Object.setPrototypeOf(Callable, Object.getPrototypeOf(Class));
  Object.defineProperty(Callable, "name", { value: Class.name.replace("Base", "") });
  Callable.prototype = Class.prototype;
  return Callable as unknown as Class;
}

export type Store = BaseStore;
export const Store: typeof BaseStore = callable(BaseStore, (store) => {
  EventEmitter.call(store);
});
