/** What `npm run typecheck` must accept of code written for @types/express-session, with the module's name changed, beside the native API. */
import type { EventEmitter } from "node:events";
import express, { type Request, type RequestHandler } from "express";
import session, {
  type Cookie,
  type CookieOptions,
  MemoryStore,
  type SessionOptions,
  Store,
} from "holdfast/express-session";
import "holdfast/express";

declare module "holdfast/express-session" {
  interface SessionData {
    count: number;
    visitor: { id: string };
  }
}

function same<A, B>(_: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false): void {}

/** As stores have been written: an abstract class that is extended. */
class MyStore extends session.Store {
  #rows = new Map<string, session.SessionData>();

  override get = (sid: string, callback: (err: unknown, session?: session.SessionData | null) => void): void =>
    callback(null, this.#rows.get(sid));
  override set = (sid: string, data: session.SessionData, callback?: (err?: unknown) => void): void => {
    this.#rows.set(sid, data);
    callback?.();
  };
  override destroy = (sid: string, callback?: (err?: unknown) => void): void => {
    this.#rows.delete(sid);
    callback?.();
  };
}

/** As stores are typed that come with @types/express-session's own classes: alike in their methods alone. */
declare const foreign: EventEmitter & {
  get(sid: string, callback: (err: unknown, session?: { cookie: object } | null) => void): void;
  set(sid: string, session: { cookie: object }, callback?: (err?: unknown) => void): void;
  destroy(sid: string, callback?: (err?: unknown) => void): void;
};

const cookie: CookieOptions = { maxAge: 1000, sameSite: "lax", secure: "auto" };
const options: SessionOptions = {
  secret: ["tea", Buffer.from("kettle")],
  store: new MyStore(),
  cookie,
  genid: (req) => `${req.ip}-${req.get("x-id")}`,
  unset: "destroy",
};
const middleware: RequestHandler = session(options);
session({
  secret: "tea",
  store: foreign,
  cookie: (req: Request) => ({ secure: req.secure }),
  genid: (req: Request) => req.hostname,
});
session({ store: new MemoryStore(), cookie: (req) => ({ domain: req.hostname }) });
// @ts-expect-error
session({ unset: "sometimes" });
// @ts-expect-error a store has methods
session({ store: {} });
// @ts-expect-error an abstract class
new Store();
same<session.SessionOptions, SessionOptions>(true);
new session.Cookie() satisfies Cookie;

const app = express();
app.use(middleware, session({ secret: "tea" }));
app.get("/", async (req, res, next) => {
  req.session.count = (req.session.count ?? 0) + 1;
  same<typeof req.session.visitor, { id: string } | undefined>(true);
  // @ts-expect-error no such entry
  req.session.cuont;
  // @ts-expect-error not the entry's type
  req.session.count = "1";
  req.session.cookie.maxAge = 60_000;
  req.session.cookie.expires = null;
  req.session.save((error) => next(error?.message));
  req.session.save((error: Error) => next(error));
  req.session.regenerate(() => {});
  req.session.reload((error: unknown) => error);
  req.session.destroy(() => res.end());
  req.session.touch().resetMaxAge();
  await req.session.save();
  await req.session.regenerate();
  req.sessionID.length;
  req.sessionStore.generate(req);
  req.sessionStore.all?.((_error, sessions) => sessions);
  // And the native API's, in an app that moves to it route by route.
  await req.session.login("1");
  res.end(req.session.handle);
});
