import type { Exchange } from "../core/exchange.ts";
import { assertSessions } from "../core/misuse.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { errorStatus } from "../core/status.ts";
import { reporter, throwOrTell } from "../fetch/fail.ts";
import { requestHead } from "../fetch/head.ts";
import { failed, leave } from "../fetch/leave.ts";

export type { ReactRouterSession, StoredSession } from "../react-router/session.ts";
export {
  type ReactRouterSessionStorage,
  type ReactRouterSessionStorageOptions,
  reactRouterSessionStorage,
} from "../react-router/session-storage.ts";

/** React Router's RouterContext: the key of the session in a request's context. */
export interface SessionContext<Data extends object> {
  defaultValue?: Session<Data>;
}

/** What is needed of what React Router gives its middleware. */
export interface ReactRouterArgs<Data extends object> {
  readonly request: Request;
  readonly context: { set(context: SessionContext<Data>, session: Session<Data>): void };
}

/** React Router's MiddlewareFunction<Response>. */
export type ReactRouterMiddleware<Data extends object> = (
  args: ReactRouterArgs<Data>,
  next: () => Promise<Response>,
) => Promise<Response>;

export interface ReactRouterSessionsOptions<Data extends object> {
  /**
   * Answers a request whose session could not be read or saved; also called where a response's body breaks off, and what it answers then is dropped.
   * Default: React Router does, by `handleError` and an ErrorBoundary; a route without a page answers 500.
   */
  onError?: (error: unknown, args: ReactRouterArgs<Data>) => Response | Promise<Response>;
}

/** A request's session, and why it could not be read or saved. */
interface Visit<Data extends object> {
  exchange?: Exchange<Data>;
  failure?: unknown;
}

/**
 * Middleware for React Router's framework mode: gives loaders, actions and the middleware after it the session of the request.
 *
 * ```ts
 * // app/session.server.ts
 * export const { middleware: sessionMiddleware, sessionContext } = reactRouterSessions(sessions);
 *
 * // app/root.tsx
 * export const middleware = [...sessionMiddleware];
 *
 * // any route
 * export async function loader({ context }: Route.LoaderArgs) {
 *   const session = context.get(sessionContext);
 *   return { views: await session.update("views", (n = 0) => n + 1) };
 * }
 * ```
 *
 * The response leaves when what was changed is saved, whatever its status: also beside redirects and what loaders and actions throw. When saving fails,
 * an ErrorBoundary is shown in the page's place. While a body streams, change the session by `update`, or by `data` and `save`.
 */
export function reactRouterSessions<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  { onError }: ReactRouterSessionsOptions<Data> = {},
): { middleware: ReactRouterMiddleware<Data>[]; sessionContext: SessionContext<Data> } {
  assertSessions(sessions, "reactRouterSessions");
  const sessionContext: SessionContext<Data> = {};
  const visits = new WeakMap<Request, Visit<Data>>();
  const report = reporter(onError);

  /** What `save` throws, React Router renders; only middleware outside of it sees that response, which must tell of what was saved before. */
  const tell: ReactRouterMiddleware<Data> = async ({ request }, next) => {
    if (visits.has(request)) return next();
    const visit: Visit<Data> = {};
    visits.set(request, visit);
    let response: Response;
    try {
      response = await next();
    } catch (error) {
      // On a route without a page, React Router renders nothing of what middleware throws.
      if (!visit.exchange) throw error;
      return throwOrTell(visit.exchange, error);
    }
    if (!("failure" in visit)) return response;
    const rendered = withStatus(response, visit.failure);
    return visit.exchange ? failed(visit.exchange, rendered) : rendered;
  };

  const save: ReactRouterMiddleware<Data> = async (args, next) => {
    const visit = visits.get(args.request)!;
    if (visit.exchange) return next();
    try {
      const exchange = await sessions.open(requestHead(args.request));
      visit.exchange = exchange;
      args.context.set(sessionContext, exchange.session);
    } catch (error) {
      return fail(error, args, visit);
    }
    const response = await next();
    try {
      return await leave(visit.exchange, response, report(args));
    } catch (error) {
      return fail(error, args, visit);
    }
  };

  async function fail(error: unknown, args: ReactRouterArgs<Data>, visit: Visit<Data>): Promise<Response> {
    if (!onError) {
      visit.failure = error;
      throw error;
    }
    const response = await onError(error, args);
    return visit.exchange ? failed(visit.exchange, response) : response;
  }

  return { middleware: [tell, save], sessionContext };
}

/** React Router renders what it doesn't know with status 500; a proxy and a monitor should know of a store that is down. */
function withStatus(response: Response, failure: unknown): Response {
  const status = errorStatus(failure);
  if (response.status !== 500 || status === 500) return response;
  return new Response(response.body, { status, headers: response.headers });
}
