import type { IncomingMessage, ServerResponse } from "node:http";
import { isPending } from "../core/after.ts";
import type { Exchange } from "../core/exchange.ts";
import { assertSessions, nullEnds } from "../core/misuse.ts";
import { hasSession, type Session, type SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { requestHead } from "../http/head.ts";
import { hold } from "../http/hold.ts";
import { clearContent } from "../http/response.ts";

/** What the middleware gives to the context: `new Koa<Koa.DefaultState, KoaSessionContext<Data>>()` has it in every handler. */
export interface KoaSessionContext<Data extends object = SessionData> {
  /** The visitor's session, by the middleware of `holdfast/koa`. */
  get session(): Session<Data>;
  /** Ends the session before the response leaves, as with koa-session. A handler that goes on with it writes `await ctx.session.destroy()`. */
  set session(ended: null);
}

/** What the middleware needs of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly secure: boolean;
  respond?: boolean | undefined;
  body: unknown;
  status: number;
  onerror(error: Error): void;
}

/**
 * Middleware for Koa 3: gives each request its session, as `ctx.session`.
 *
 * ```ts
 * import { type KoaSessionContext, koaSessions } from "holdfast/koa";
 * import Koa from "koa";
 *
 * interface Data { views: number }
 *
 * const sessions = createSessions<Data>({ store: memoryStore() });
 * const app = new Koa<Koa.DefaultState, KoaSessionContext<Data>>();
 * app.use(koaSessions(sessions));
 * app.use(async (ctx) => {
 *   ctx.body = `${await ctx.session.update("views", (n = 0) => n + 1)} views`;
 * });
 * ```
 *
 * What was changed is saved when the middleware behind it is done, and Koa answers after that. A session that can't be read or saved is thrown, so that the
 * app's own error handling, in middleware before this one, sees it; without any, Koa answers the error's status, such as 503. What is written past Koa
 * (`ctx.res`, `ctx.respond = false`) waits for the session too; where saving that fails, it goes to `ctx.onerror`. Koa's `app.proxy` is honoured, as is
 * `trustProxy` of `createSessions`.
 */
export function koaSessions<Data extends object>(
  sessions: Sessions<Data>,
): (ctx: KoaContext & KoaSessionContext<Data>, next: () => Promise<unknown>) => Promise<void> {
  assertSessions(sessions, "koaSessions");
  return async (ctx: KoaContext & Opened & { session?: unknown }, next) => {
    if (hasSession(ctx, sessions)) return void (await next());

    const opening = sessions.open(requestHead(ctx.req, () => ctx.secure));
    const exchange = isPending(opening) ? await opening : opening;
    hold(ctx.res, exchange, (error) => fail(ctx, error));
    ctx[SESSION] = exchange.session as Session<object>;
    Object.defineProperty(ctx, "session", ACCESSOR);

    await next();
    if (ctx[ENDING]) await ctx[ENDING];
    if (ctx.respond !== false && !ctx.res.headersSent) await prepare(ctx, exchange);
  };
}

const SESSION = Symbol("holdfast.session");
const ENDING = Symbol("holdfast.ending");

interface Opened {
  [SESSION]?: Session<object>;
  /** The end that nobody awaits; awaited by the middleware, for it may fail. */
  [ENDING]?: Promise<void>;
}

const ACCESSOR: PropertyDescriptor & ThisType<Opened> = {
  configurable: true,
  enumerable: true,
  get() {
    return this[SESSION];
  },
  set(value: unknown) {
    if (value !== null) throw nullEnds();
    this[ENDING] = this[SESSION]?.destroy();
  },
};

/** While the app's own middleware can still catch what it throws. The hold commits after it, and has nothing left to save. */
async function prepare(ctx: KoaContext, exchange: Pick<Exchange<object>, "prepare" | "abandon">): Promise<void> {
  try {
    const prepared = exchange.prepare();
    if (isPending(prepared)) await prepared;
  } catch (error) {
    // Not to be tried again with the error's answer.
    exchange.abandon();
    // Nor is that to tell of success where whoever catches the error sets but a status, or but a body.
    clearContent(ctx.res);
    ctx.body = undefined;
    ctx.status = 500;
    throw error;
  }
}

/** Koa's answer to an error begins by removing all headers. Those that the hold left, and a login's cookie among them, are put back as it leaves. */
function fail(ctx: KoaContext, error: unknown): void {
  const { res } = ctx;
  const kept = res.headersSent ? [] : Object.entries(res.getHeaders());
  const putBack = (): void => {
    if (res.headersSent) return;
    for (const [name, value] of kept) if (!res.hasHeader(name)) res.setHeader(name, value!);
  };
  for (const method of ["writeHead", "write", "end"] as const) {
    const send: (...args: never[]) => unknown = res[method];
    res[method] = (...args: never[]): never => {
      putBack();
      return send.apply(res, args) as never;
    };
  }
  ctx.onerror(error as Error);
}
