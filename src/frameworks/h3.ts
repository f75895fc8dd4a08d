import { type H3Event, type H3EventContext, type Middleware, toResponse } from "h3";
import { isPending } from "../core/after.ts";
import type { Exchange } from "../core/exchange.ts";
import { openedLate } from "../core/misuse.ts";
import type { HeaderEdits } from "../core/reply.ts";
import { hasSession, type Session, type SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { errorStatus } from "../core/status.ts";
import { requestHead } from "../fetch/head.ts";
import { drop, edit, givesId, tell } from "../fetch/leave.ts";
import { bodyOf, mayStream, watchedResponse, watchedStream } from "../fetch/watch.ts";

declare module "h3" {
  interface H3EventContext {
    /** The visitor's session, by the middleware of `holdfast/h3`. */
    session: Session<SessionData>;
  }
}

export interface H3SessionsOptions {
  /** Gets what breaks a response's body off: its source's failure, or a change of the session in mid-stream that nobody saved. Default: `console.error`. */
  onStreamError?: (error: unknown) => void;
}

export interface H3Sessions<Data extends object> {
  /** Gives each request its session: for `app.use`, or as a file in Nitro's `middleware` folder. */
  readonly middleware: Middleware;
  /** The session of a request that came through the middleware, typed by `createSessions<Data>()`. Throws a `TypeError` where it did not. */
  session(event: { readonly context: H3EventContext }): Session<Data>;
}

/**
 * Sessions for h3 2, and so for Nitro 3: as `session(event)`, and as `event.context.session`, whose data `SessionData` types.
 *
 * ```ts
 * interface Data { views: number }
 *
 * const { middleware, session } = h3Sessions(createSessions<Data>({ store: memoryStore() }));
 * const app = new H3().use(middleware);
 * app.get("/", async (event) => `${await session(event).update("views", (n = 0) => n + 1)} views`);
 * ```
 *
 * What was changed is saved when the handler has answered, and the response leaves after that. A session that can't be read or saved is thrown, and goes the
 * way of every error in h3, with its status. Where a handler throws, nothing more is saved: `await session(event).save()` before it saves what is to stay.
 * While a body streams, change the session by `update`, or by `data` and `save`.
 */
export function h3Sessions<Data extends object>(
  sessions: Sessions<Data>,
  { onStreamError = console.error }: H3SessionsOptions = {},
): H3Sessions<Data> {
  return {
    async middleware(event, next) {
      const context: { session?: unknown } = event.context;
      if (hasSession(context)) return next();

      const opening = sessions.open(requestHead(event.req as Request, isSecure(event)));
      const exchange = isPending(opening) ? await opening : opening;
      context.session = exchange.session;

      let answer: unknown;
      let edits: HeaderEdits;
      try {
        answer = await next();
        if (answer instanceof Error) throw answer;
        try {
          const committing = exchange.commit();
          edits = isPending(committing) ? await committing : committing;
          if (edits.vary === undefined) exchange.seal();
          else {
            const watched = watch(answer, exchange, onStreamError);
            answer = watched instanceof Promise ? await watched : watched;
          }
        } catch (error) {
          takeBack(event, answer, error);
          throw error;
        }
      } catch (error) {
        const response = await errorResponse(event, error, exchange.abandon());
        if (response !== undefined) return response;
        throw error;
      }

      if (answer === NOT_FOUND) {
        const response = await errorResponse(event, answer, edits);
        return response === undefined ? answer : response;
      }
      if (answer === HANDLED) {
        if (givesId(edits)) onStreamError(openedLate());
        return answer;
      }
      // Its hooks would be lost with a copy.
      return isWebSocket(answer) ? answer : prepare(event, answer, edits);
    },

    session({ context }) {
      const { session } = context as { session?: Session<Data> };
      if (!session) throw new TypeError("This request has no session: it did not come through h3Sessions' middleware.");
      return session;
    },
  };
}

/** What h3's router answers where no route matches. */
const NOT_FOUND = Symbol.for("h3.notFound");
/** What h3 answers where a handler of Node's kind has sent a response itself. */
const HANDLED = Symbol.for("h3.handled");

/** Whether the client came by TLS. */
function isSecure(event: H3Event): boolean {
  if (event.url.protocol !== "https:") return false;
  // An early h3's server on Node believes what any client says in X-Forwarded-Proto. Whom to believe is for trustProxy to say.
  const socket = isEarly(event) ? event.req.runtime?.node?.req.socket : undefined;
  return !socket || (socket as { encrypted?: boolean }).encrypted === true;
}

/** Has h3 set the session's headers on the response that it makes of what this answers. */
function prepare(event: H3Event, answer: unknown, edits: HeaderEdits): unknown {
  if (edits.vary === undefined && !givesId(edits)) return answer;
  const { res } = event;
  const early = isEarly(event);
  const given = early && answer instanceof Response ? ownResponse(event, answer) : answer;
  const prepared = !early && answer instanceof Response && answer.status >= 400 ? res.errHeaders : res.headers;
  const { headers } = (given ?? {}) as { headers?: unknown };
  tell(prepared, edits, headers instanceof Headers ? headers : prepared);
  return given;
}

/** Has h3 set the session's headers on the response that it will make of the error; or answers it with them, where h3 would lose or double them. */
async function errorResponse(event: H3Event, error: unknown, edits: HeaderEdits): Promise<unknown> {
  const { app, res } = event;
  const early = isEarly(event);
  // With a Response of the app's onError, h3 sends no prepared header, or each cookie twice; a login's id must reach its client all the same.
  if (givesId(edits) && app?.config.onError) {
    const make = () => toResponse(error, event, { ...app.config, onResponse: undefined });
    return early ? earlyErrorResponse(event, make, edits) : edit(await make(), edits);
  }
  tell(res.headers, edits);
  if (!early) tell(res.errHeaders, edits);
  return undefined;
}

/**
 * Whether it is h3 2.0.1-rc.2, which is Nitro 3.0.0's. Its prepared headers are for errors too. It writes them into the very Response that it is given,
 * into that of `onError` twice, and takes a Response of 404 from a middleware for none.
 */
function isEarly({ res }: H3Event): boolean {
  return !("errHeaders" in res);
}

/** The same response, for an early h3 to write into: the app's own may be for other clients too. */
function ownResponse(event: H3Event, response: Response): unknown {
  return response.status === 404 ? inParts(event, response) : new Response(bodyOf(response), response);
}

async function earlyErrorResponse(
  event: H3Event,
  make: () => Response | Promise<Response>,
  edits: HeaderEdits,
): Promise<unknown> {
  const prepared = event.res.headers;
  const cookies = prepared.getSetCookie();
  prepared.delete("set-cookie");
  const response = edit(await make(), edits);
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  clear(prepared); // The response has them.
  return response.status === 404 ? inParts(event, response) : response;
}

/** Prepares what the response has besides its body, which this answers. */
function inParts({ res }: H3Event, response: Response): unknown {
  res.status = response.status;
  res.statusText = response.statusText;
  for (const [name, value] of response.headers) {
    if (name === "set-cookie") res.headers.append(name, value);
    else if (!res.headers.has(name)) res.headers.set(name, value);
  }
  return bodyOf(response);
}

/** The answer was not saved, and the error's must have nothing of it. */
function takeBack({ res }: H3Event, answer: unknown, error: unknown): void {
  if (answer instanceof ReadableStream) drop(answer);
  else if (hasStream(answer)) drop(answer.body);
  clear(res.headers);
  res.status = errorStatus(error);
  res.statusText = undefined;
}

function clear(headers: Headers): void {
  for (const name of [...headers.keys()]) headers.delete(name);
}

/** The answer, whose stream breaks at its end where the session was changed meanwhile and not saved. */
function watch(answer: unknown, exchange: Exchange<object>, report: (error: unknown) => void): unknown {
  if (answer instanceof ReadableStream) return watchedStream(answer, exchange, report);
  if (answer instanceof Response) {
    if (!isWebSocket(answer) && mayStream(answer)) return watchedResponse(answer, exchange, report);
  } else if (hasStream(answer)) {
    answer.body = watchedStream(answer.body, exchange, report);
    return answer;
  }
  exchange.seal();
  return answer;
}

/** As an HTTPResponse may. */
function hasStream(answer: unknown): answer is { body: ReadableStream } {
  return typeof answer === "object" && answer !== null && "body" in answer && answer.body instanceof ReadableStream;
}

/** What `defineWebSocketHandler` answers, or a runtime's own upgrade. */
function isWebSocket(answer: unknown): boolean {
  return answer instanceof Response && ("crossws" in answer || answer.status === 101);
}
