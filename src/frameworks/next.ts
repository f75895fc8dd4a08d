import type { Exchange } from "../core/exchange.ts";
import { assertSessions, cookieless } from "../core/misuse.ts";
import { type ReadonlySession, readOnly } from "../core/read-only.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { RequestHead } from "../core/transport.ts";
import { currentCookies, type NamedCookie } from "../fetch/cookies.ts";
import { answer, type Call, fail, isJump, type NextCookies, rethrow } from "../next/answer.ts";

export type { NamedCookie, NextCookies, ReadonlySession };

/** What `next/headers` exports: the request that Next is at. */
export interface NextRequest {
  cookies(): Promise<NextCookies>;
  headers(): Promise<Pick<Headers, "get">>;
}

export interface NextSessions<Data extends object = SessionData> {
  /**
   * The visitor's session, to read: in server components, `generateMetadata`, layouts. One read of the store for a request, however many ask.
   * No cookie can be set there, so whatever would change it throws `session-read-only`.
   *
   * ```tsx
   * export default async function Page() {
   *   const { userId, data } = await session();
   *   return <p>{userId ?? "nobody"}: {data.views ?? 0} views</p>;
   * }
   * ```
   */
  session(): Promise<ReadonlySession<Data>>;
  /**
   * A server action, a route handler or a proxy with the session, to read and to change. It answers when what was changed is saved; `redirect()` and
   * `notFound()` likewise. Where it can't be saved it rejects, and the client gets Next's error, or what `onError` answers.
   *
   * ```ts
   * import { refresh } from "next/cache";
   * import { withSession } from "@/sessions";
   *
   * export const add = withSession(async (session) => {
   *   await session.update("views", (n = 0) => n + 1);
   *   refresh();
   * });
   * ```
   */
  withSession<Args extends unknown[], Result>(
    handler: (session: Session<Data>, ...args: Args) => Result | Promise<Result>,
    options?: WithSessionOptions<Args, Result>,
  ): (...args: Args) => Promise<Result>;
}

export interface WithSessionOptions<Args extends unknown[], Result> {
  /**
   * Answers in place of an error: the handler's, or of a session that could not be read or saved. Also called where a response's body breaks off; what it
   * answers then is dropped. Default: the error goes to Next, whose error for a route handler carries no cookie: who threw after a login is logged out.
   */
  onError?: (error: unknown, ...args: Args) => Result | Promise<Result>;
}

/**
 * Sessions for Next.js (App Router).
 *
 * ```ts
 * import { cookies, headers } from "next/headers";
 *
 * export const { session, withSession } = nextSessions(sessions, { cookies, headers });
 * ```
 *
 * @param request what `next/headers` exports.
 */
export function nextSessions<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  request: NextRequest,
): NextSessions<Data> {
  assertSessions(sessions, "nextSessions");
  // Next has one such object for a request, and another one for the render after an action that set a cookie: that must read anew.
  const read = new WeakMap<NextCookies, Promise<Session<Data>>>();
  const held = new WeakMap<NextCookies, Promise<Exchange<Data>>>();

  async function open(cookies: NextCookies, method: string): Promise<Exchange<Data>> {
    const headers = await request.headers();
    return sessions.open(requestHead(method, headers, cookies));
  }

  async function openToRead(cookies: NextCookies): Promise<Session<Data>> {
    const exchange = await open(cookies, "GET");
    // As if the headers had left: the session is used, which extends its life, and gets no new id.
    exchange.abandon();
    await exchange.commit();
    return exchange.session;
  }

  async function hold<Result>(cookies: NextCookies, method: string, call: Call<Data, Result>): Promise<Result> {
    const opening = open(cookies, method);
    held.set(cookies, opening);
    let exchange: Exchange<Data> | undefined;
    try {
      exchange = await opening;
      return await answer(exchange, cookies, call);
    } catch (error) {
      if (isJump(error)) throw error;
      return await fail(exchange, cookies, () => call.onError(error));
    } finally {
      held.delete(cookies);
      read.delete(cookies);
    }
  }

  return {
    async session() {
      const cookies = await request.cookies();
      const exchange = await held.get(cookies);
      if (exchange) return readOnly(exchange.session, cookieless);
      let reading = read.get(cookies);
      if (!reading) {
        reading = openToRead(cookies);
        read.set(cookies, reading);
      }
      return readOnly(await reading, cookieless);
    },

    withSession(handler, { onError = rethrow } = {}) {
      return async (...args) => {
        const cookies = await request.cookies();
        const outer = held.get(cookies);
        if (!outer) {
          // A route handler and a proxy get the request; Next has actions come by POST.
          const [first] = args;
          return hold(cookies, first instanceof Request ? first.method : "POST", {
            handle: (session) => handler(session, ...args),
            onError: (error) => onError(error, ...args),
          });
        }
        // One wrapped function called another: they share the session, whose cookie leaves with the outer's answer.
        const { session } = await outer;
        const result = await handler(session, ...args);
        await session.save();
        return result;
      };
    },
  };
}

/** Next ends TLS nowhere but in development: it tells of the client's connection as a proxy does, which the option `trustProxy` is for. */
function requestHead(method: string, headers: Pick<Headers, "get">, cookies: NextCookies): RequestHead {
  return {
    method,
    encrypted: false,
    header: (name) =>
      (name === "cookie" ? currentCookies(headers.get(name), cookies.getAll()) : headers.get(name)) ?? undefined,
  };
}
