import type { Context, MiddlewareHandler } from "hono";
import { isPending } from "../core/after.ts";
import { assertSessions } from "../core/misuse.ts";
import { hasSession, type Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { requestHead } from "../fetch/head.ts";
import { failed, leave, tell } from "../fetch/leave.ts";

export interface HonoSessionsOptions {
  /** Gets what breaks a response's body off: its source's failure, or a change of the session in mid-stream that nobody saved. Default: `console.error`. */
  onStreamError?: (error: unknown) => void;
}

/** What the middleware adds to a Hono app's types. */
export interface HonoSessionsEnv<Data extends object> {
  Variables: {
    /** The visitor's session. */
    session: Session<Data>;
  };
}

/**
 * Middleware for Hono 4: gives each request its session, as `c.var.session` and `c.get("session")`. Chained, or with `new Hono<HonoSessionsEnv<Data>>()`,
 * handlers have its type.
 *
 * ```ts
 * interface Data { views: number }
 *
 * const sessions = createSessions<Data>({ store: memoryStore() });
 * const app = new Hono().use(honoSessions(sessions)).get("/", async (c) => {
 *   const views = await c.var.session.update("views", (n = 0) => n + 1);
 *   return c.text(`${views} views`);
 * });
 * ```
 *
 * What was changed is saved when the handler has answered, and the response leaves after that. A session that can't be read or saved goes to `app.onError`, and
 * nothing of what the handler answered is sent. Where a handler throws, nothing more is saved: `await c.var.session.save()` before it, or in `app.onError`,
 * saves what is to stay. While a body streams, change the session by `update`, or by `data` and `save`.
 */
export function honoSessions<Data extends object>(
  sessions: Sessions<Data>,
  { onStreamError = console.error }: HonoSessionsOptions = {},
): MiddlewareHandler<HonoSessionsEnv<Data>> {
  assertSessions(sessions, "honoSessions");
  return async (c, next) => {
    if (hasSession({ session: c.get("session") }, sessions)) return next();

    const opening = sessions.open(requestHead(c.req.raw));
    const exchange = isPending(opening) ? await opening : opening;
    const before = preparedHeaders(c);
    c.set("session", exchange.session);
    await next();

    // Where no handler answered, Hono makes an error of it, whose response takes on the headers that are here now.
    if (!c.finalized) return tell(c.res.headers, exchange.abandon());
    // What a handler threw, Hono has made a response of by now.
    if (c.error) return replace(c, failed(exchange, c.res));

    try {
      const leaving = leave(exchange, c.res, onStreamError);
      replace(c, isPending(leaving) ? await leaving : leaving);
    } catch (error) {
      takeBack(c, before);
      tell(c.res.headers, exchange.abandon());
      throw error;
    }
  };
}

type Prepared = [name: string, value: string][];

/** What middleware before this one has set for whatever response will come, such as cors(). Hono tells of it only through a response. */
function preparedHeaders(c: Context): Prepared {
  return [...c.body(null).headers];
}

/** Given a second response, Hono carries the first one's headers over, and its cookies in place of the second one's; so it must forget the first. */
function replace(c: Context, response: Response): void {
  if (response === c.res) return;
  c.res = undefined;
  c.res = response;
}

/** Makes the context as it was before the handler answered: its answer was not saved, and the error's must have nothing of it. */
function takeBack(c: Context, before: Prepared): void {
  c.res = undefined;
  c.finalized = false;
  for (const [name] of preparedHeaders(c)) c.header(name, undefined);
  for (const [name, value] of before) c.header(name, value, { append: true });
  // Of an error handler that names no status; the handler may have left a 201.
  c.status(500);
}
