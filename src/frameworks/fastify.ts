import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { isPending } from "../core/after.ts";
import type { Exchange } from "../core/exchange.ts";
import { assertSessions } from "../core/misuse.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { answerStatus } from "../http/answer.ts";
import { requestHead } from "../http/head.ts";
import { hold } from "../http/hold.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The visitor's session, by the plugin of `holdfast/fastify`. */
    session: Session<SessionData>;
  }
}

/** What fastify-plugin would say: no scope of the plugin's own, a name for error messages, the versions of Fastify that it is for. */
const PLUGIN = {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "holdfast",
  [Symbol.for("plugin-meta")]: { name: "holdfast", fastify: "5.x" },
};

/**
 * A plugin for Fastify 5: gives each request its session, as `request.session`.
 *
 * ```ts
 * import fastify from "fastify";
 * import { fastifySessions } from "holdfast/fastify";
 *
 * declare module "holdfast" {
 *   interface SessionData { views: number }
 * }
 *
 * const app = fastify();
 * app.register(fastifySessions(sessions));
 * app.get("/", async (request) => `${await request.session.update("views", (n = 0) => n + 1)} views`);
 * ```
 *
 * The scope that registers it has sessions, and the scopes within; those beside it don't. The session is read in an `onRequest` hook, and is there for the hooks
 * that are added after it. Where an app has sessions of several kinds, `request.getDecorator<Session<Data>>("session")` has the type of one.
 *
 * The response leaves when what the handlers changed is saved, whether it comes by `reply.send`, in a stream, or by `reply.raw`. A session that can't be read
 * or saved goes to the scope's error handler. One that is changed in mid-stream and not saved is logged, and the response broken off; so is whatever fails
 * behind `reply.hijack()`, but that is answered by its status where no headers have left. Fastify's `trustProxy` is honoured, as is that of `createSessions`.
 */
export function fastifySessions<Data extends object>(sessions: Sessions<Data>): FastifyPluginAsync {
  assertSessions(sessions, "fastifySessions");
  const plugin: FastifyPluginAsync = async (app) => {
    // Fastify throws here, at the start, where the scope has another session already.
    app.decorateRequest("session");
    app.addHook("onRequest", (request, reply, next) => {
      const found = (exchange: Exchange<Data>): void => {
        hold(reply.raw, exchange, (error) => fail(request, reply, error));
        // Declared as the app's own, by SessionData.
        request.session = exchange.session as Session<object> as Session<SessionData>;
        next();
      };
      const exchange = sessions.open(requestHead(request.raw, () => request.protocol === "https"));
      if (isPending(exchange)) exchange.then(found).catch(next);
      else found(exchange);
    });
  };
  return Object.assign(plugin, PLUGIN);
}

/** Has the error handler answer in the place of what the hold has dropped. */
function fail(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const { raw } = reply;
  // Fastify answers nothing more once headers have left, or the handler has taken the response over.
  if (raw.headersSent || reply.sent) {
    request.log.error({ err: error }, "The session could not be saved");
    answerStatus(raw, error);
    return;
  }
  // Fastify keeps the reply's headers itself, and lays them over Node's. They told of the answer that was dropped: what the hold left of them, and
  // added, is all that stays.
  const kept = raw.getHeaders();
  for (const name of String(reply.getHeader("trailer") ?? "").split(" ")) reply.removeTrailer(name);
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  reply.headers(kept);
  reply.send(error instanceof Error ? error : new Error("The session could not be saved", { cause: error }));
}
