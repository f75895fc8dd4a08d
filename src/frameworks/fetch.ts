import { assertSessions, bindDeviceOf, noResponse } from "../core/misuse.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { answerError } from "../fetch/fail.ts";
import { requestHead } from "../fetch/head.ts";
import { failed, leave } from "../fetch/leave.ts";

/** A request's session, and how its response leaves: for servers without an adapter of their own. */
export interface FetchSession<Data extends object> {
  readonly session: Session<Data>;
  /**
   * Saves what was changed, and answers the response with the session's headers: the one given, or a copy. Rejects where it wasn't saved; then the client
   * must not read success.
   */
  commit(response: Response): Promise<Response>;
  /** In place of `commit`, the response to an error: nothing more is saved, and its headers tell of what was (a login's new id). */
  fail(response: Response): Response;
}

export interface OpenSessionOptions {
  /** Whether the client's connection is https, where the framework knows it and the request's URL doesn't. Default: as the URL says. */
  secure?: boolean;
  /** Gets what breaks the response's body off: its source's failure, or a change of the session in mid-stream that nobody saved. Default: `console.error`. */
  onStreamError?: (error: unknown) => void;
}

/**
 * The session of a `Request` (fetch standard), for frameworks that have middleware of their own. Rejects with `store-…` when the store fails.
 *
 * ```ts
 * async function middleware(request: Request, next: (session: object) => Promise<Response>): Promise<Response> {
 *   const opened = await openSession(sessions, request);
 *   return opened.commit(await next(opened.session));
 * }
 * ```
 */
export async function openSession<Data extends object>(
  sessions: Sessions<Data>,
  request: Request,
  { secure, onStreamError = console.error }: OpenSessionOptions = {},
): Promise<FetchSession<Data>> {
  const exchange = await sessions.open(requestHead(request, secure));
  return {
    session: exchange.session,
    commit: async (response) => leave(exchange, response, onStreamError),
    fail: (response) => failed(exchange, response),
  };
}

export interface FetchSessionsOptions {
  /**
   * Answers a request that failed: its handler threw or rejected, or its session could not be read or saved. Also called where a response's body breaks off;
   * what it answers then is dropped. Default: logs the error and answers its status (500, or 503 for the store's).
   */
  onError?: (error: unknown, request: Request) => Response | Promise<Response>;
}

/**
 * Gives a handler of the fetch standard (`Bun.serve`, `Deno.serve`, Cloudflare Workers) the session of each request. What the server passes beside the
 * request comes after the session.
 *
 * ```ts
 * export default {
 *   fetch: fetchSessions(sessions, async (request, session) => {
 *     const views = await session.update("views", (n = 0) => n + 1);
 *     return new Response(`${views} views`);
 *   }),
 * };
 * ```
 *
 * The response leaves when what the handler changed is saved; when saving fails, `onError` answers instead. While a body streams, change the session by
 * `update`, or by `data` and `save`.
 */
export function fetchSessions<Data extends object = SessionData, Rest extends unknown[] = []>(
  sessions: Sessions<Data>,
  handler: (request: Request, session: Session<Data>, ...rest: Rest) => Response | Promise<Response>,
  { onError = answerError }: FetchSessionsOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  assertSessions(sessions, "fetchSessions");
  return async (request, ...rest) => {
    const answer = async (error: unknown): Promise<Response> => {
      try {
        return await onError(error, request);
      } catch (second) {
        return answerError(second);
      }
    };
    let opened: FetchSession<Data> | undefined;
    try {
      opened = await openSession(sessions, request, { onStreamError: (error) => void answer(error) });
      const response = await handler(request, opened.session, ...rest);
      // JavaScript's handlers, and those of a type that is too wide, may forget.
      if (!response) throw noResponse();
      return await opened.commit(response);
    } catch (error) {
      const response = await answer(error);
      return opened ? opened.fail(response) : response;
    }
  };
}

/**
 * Answers browsers that register their device or prove it, with the option `deviceBound`: a handler for POST at its path, in whatever framework speaks `Request` and
 * `Response` (Hono, Next's and SvelteKit's routes, Workers, Bun, Deno …). Throws `argument-invalid` without that option. Where the store fails, it logs the error and
 * answers 503: then the browser keeps the binding, and tries again.
 *
 * ```ts
 * const sessions = createSessions({ store: memoryStore(), deviceBound: "/device" });
 * export const POST = fetchDeviceBinding(sessions);
 * ```
 */
export function fetchDeviceBinding<Data extends object>(
  sessions: Sessions<Data>,
): (request: Request) => Promise<Response> {
  const bindDevice = bindDeviceOf(sessions);
  return async (request) => {
    try {
      const { status, headers, body } = await bindDevice(requestHead(request));
      return new Response(body, { status, headers });
    } catch (error) {
      return answerError(error);
    }
  };
}
