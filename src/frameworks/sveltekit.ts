import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../core/exchange.ts";
import { assertSessions } from "../core/misuse.ts";
import { hasSession, type Session, type SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { reporter, throwOrTell } from "../fetch/fail.ts";
import { requestHead } from "../fetch/head.ts";
import { failed, leave } from "../fetch/leave.ts";
import { bodyOf } from "../fetch/watch.ts";

export interface SvelteKitSessionsOptions {
  /** `building` of `$app/env`: pages that are prerendered have nobody's session, and one that changes it fails the build. Default: false. */
  building?: boolean;
  /**
   * Answers a request whose session could not be read or saved; also called where a response's body breaks off, and what it answers then is dropped.
   * Default: SvelteKit does, by its `handleError` hook and its error page, with status 500 unless the hook says otherwise.
   */
  onError?: (error: unknown, event: SvelteKitEvent) => Response | Promise<Response>;
}

/** What is needed of SvelteKit's RequestEvent. */
export interface SvelteKitEvent {
  readonly request: Request;
  /** Whether it is a request of the server to itself, by `event.fetch`. */
  readonly isSubRequest: boolean;
  /** Whether SvelteKit's client asks for a page's data alone. */
  readonly isDataRequest: boolean;
  readonly cookies: {
    set(name: string, value: string, options: CookieOptions): void;
    parse(text: string): { name: string; value?: string | undefined };
  };
}

interface CookieOptions {
  path: string;
  secure: boolean;
  encode: (value: string) => string;
}

/** SvelteKit's Handle, for an app whose `App.Locals` has the session. */
export type SvelteKitHandle<Data extends object> = <
  Event extends SvelteKitEvent & { locals: { session: Session<Data> } },
>(input: {
  event: Event;
  resolve: (event: Event) => Response | Promise<Response>;
}) => Promise<Response>;

/**
 * SvelteKit's `handle` hook: gives each request its session, as `event.locals.session`, in loads, actions, endpoints and remote functions.
 *
 * ```ts
 * // src/hooks.server.ts
 * export const handle = svelteKitSessions(sessions, { building });
 *
 * // src/app.d.ts
 * import type { Session } from "holdfast";
 * declare global {
 *   namespace App {
 *     interface Locals { session: Session<{ views: number }> }
 *   }
 * }
 * ```
 *
 * The response leaves when what was changed is saved, whatever its status: also beside `fail()`, `redirect()` and `error()` of loads and actions. When saving
 * fails, SvelteKit's error page is sent in its place. Requests that the server makes to itself by `event.fetch` share their request's session. In `sequence`,
 * put it before hooks that use the session. While a body streams, change the session by `update`, or by `data` and `save`.
 */
export function svelteKitSessions<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  { building = false, onError }: SvelteKitSessionsOptions = {},
): SvelteKitHandle<Data> {
  assertSessions(sessions, "svelteKitSessions");
  const report = reporter(onError);
  const current = new AsyncLocalStorage<Session<Data>>();

  async function fail(error: unknown, event: SvelteKitEvent, exchange?: Exchange<Data>): Promise<Response> {
    if (!exchange) {
      if (onError) return onError(error, event);
      throw error;
    }
    return kept(onError ? failed(exchange, await onError(error, event)) : throwOrTell(exchange, error), event);
  }

  return async ({ event, resolve }) => {
    const { request, locals } = event;
    if (hasSession(locals, sessions)) return resolve(event);
    // A session of its own would overwrite its request's, or be overwritten by it.
    const outer = event.isSubRequest && request.credentials !== "omit" ? current.getStore() : undefined;
    if (outer) {
      locals.session = outer;
      return resolve(event);
    }

    let exchange: Exchange<Data>;
    try {
      exchange = await sessions.open(requestHead(request));
    } catch (error) {
      return fail(error, event);
    }
    // No client will ever get its id.
    if (building) exchange.abandon();
    locals.session = exchange.session;

    let response: Response;
    try {
      response = await current.run(exchange.session, () => resolve(event));
    } catch (thrown) {
      // SvelteKit's own `resolve` throws nothing: it was a hook that comes after this one.
      if (!isRedirect(thrown)) return throwOrTell(exchange, thrown);
      try {
        return await redirect(exchange, event, thrown);
      } catch (error) {
        if (error === thrown) throw error;
        return fail(error, event, exchange);
      }
    }
    try {
      return kept(await leave(exchange, response, report(event)), event);
    } catch (error) {
      return fail(error, event, exchange);
    }
  };
}

interface Redirect {
  readonly status: number;
  readonly location: string;
}

function isRedirect(thrown: unknown): thrown is Redirect {
  const { status, location } = (thrown ?? {}) as Partial<Redirect>;
  return typeof status === "number" && status >= 300 && status <= 308 && typeof location === "string";
}

/**
 * Saves, and throws the redirect on: only SvelteKit knows its form for each kind of request. The one header that it lets go with that is a cookie of
 * `event.cookies`; where that is closed, or others are to go, the redirect is answered here.
 */
async function redirect(exchange: Exchange<object>, event: SvelteKitEvent, thrown: Redirect): Promise<Response> {
  const { setCookie, setHeader, beside } = await exchange.commit();
  exchange.seal();
  if (setHeader || beside || (setCookie !== undefined && !setByEvent(event, setCookie))) {
    const response = new Response(null, { status: thrown.status, headers: { location: thrown.location } });
    return kept(failed(exchange, response), event);
  }
  throw thrown;
}

function setByEvent({ cookies }: SvelteKitEvent, setCookie: string): boolean {
  const { name, value = "", ...attributes } = cookies.parse(setCookie);
  try {
    cookies.set(name, value, { path: "/", secure: false, ...attributes, encode: (text) => text });
    return true;
  } catch {
    return false;
  }
}

/** The same response, in a form of which SvelteKit drops none of the session's headers: it makes others of some that leave its hook. */
function kept(response: Response, { isDataRequest }: SvelteKitEvent): Response {
  const { status, statusText } = response;
  const has = (name: string): boolean => response.headers.has(name);
  const location = response.headers.get("Location");
  if (isDataRequest && status >= 300 && status <= 308 && location !== null) {
    if (!has("Set-Cookie") && !has("Session-Id")) return response;
    // As it tells its client where to go itself, but without these.
    const headers = new Headers(response.headers);
    headers.delete("Location");
    headers.set("Content-Type", "application/json");
    return new Response(JSON.stringify({ type: "redirect", status, location }), { headers });
  }
  // To a client that has a page of this tag, it says 304 with the cookies alone.
  if (!has("ETag") || !["Session-Id", "Clear-Site-Data", "Secure-Session-Registration"].some(has)) return response;
  const headers = new Headers(response.headers);
  headers.delete("ETag");
  return new Response(bodyOf(response), { status, statusText, headers });
}
