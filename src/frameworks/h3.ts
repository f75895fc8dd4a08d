import { type H3Event, type H3EventContext, type Middleware, toResponse } from "h3";
import { isPending } from "../core/after.ts";
import { assertSessions, openedLate } from "../core/misuse.ts";
import type { HeaderEdits } from "../core/reply.ts";
import { hasSession, type Session, type SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { requestHead } from "../fetch/head.ts";
import { givesId } from "../fetch/leave.ts";
import { errorResponse, isEarly, prepare, takeBack, watch } from "../h3/answer.ts";

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
  assertSessions(sessions, "h3Sessions");
  return {
    async middleware(event, next) {
      const context: { session?: unknown } = event.context;
      if (hasSession(context, sessions)) return next();

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
        const response = await errorResponse(event, exchange.abandon(), byOnError(event, error));
        if (response !== undefined) return response;
        throw error;
      }

      if (answer === NOT_FOUND) {
        const response = await errorResponse(event, edits, byOnError(event, answer));
        return response === undefined ? answer : response;
      }
      if (answer === HANDLED) {
        if (givesId(edits)) onStreamError(openedLate());
        return answer;
      }
      return prepare(event, answer, edits);
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

/** How the app's onError makes a response of the error, where it has one. */
function byOnError(event: H3Event, error: unknown): (() => Response | Promise<Response>) | undefined {
  const config = event.app?.config;
  return config?.onError && (() => toResponse(error, event, { ...config, onResponse: undefined }));
}
