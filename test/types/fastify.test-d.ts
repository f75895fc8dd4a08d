/** What Fastify's handlers see of the session's type. Checked by `npm run typecheck`. */
import cookie from "@fastify/cookie";
import fastify, { type FastifyBaseLogger } from "fastify";
import { createSessions, type Session } from "holdfast";
import { fastifySessions } from "holdfast/fastify";
import { memoryStore } from "holdfast/stores/memory";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

const sessions = createSessions<Data>({ store: memoryStore() });

// The type that SessionData declares once, in session.test-d.ts; or by getDecorator that of the sessions.
const app = fastify();
app.register(cookie);
app.register(fastifySessions(sessions));
app.register(fastifySessions(createSessions({ store: memoryStore() })), { prefix: "/shop" });
app.get("/", async (request, reply) => {
  same<typeof request.session.data.theme, "dark" | "light" | undefined>(true);
  // @ts-expect-error no such entry
  request.session.data.thme;
  // @ts-expect-error not the entry's type
  request.session.data.theme = "blue";
  const session = request.getDecorator<Session<Data>>("session");
  same<typeof session.data, Partial<Data>>(true);
  const views = await session.update("views", (n = 0) => n + 1);
  same<typeof views, number>(true);
  return reply.setCookie("lang", "ko").send({ user: session.userId });
});
app.setErrorHandler((_error, request) => request.session.flash("error", "sorry"));

declare const loggerInstance: FastifyBaseLogger & { mine: true };
fastify({ http2: true }).register(fastifySessions(sessions));
fastify({ https: {}, loggerInstance }).register(fastifySessions(sessions));
fastify({ http2: true, https: {} }).register(async (scope) => void scope.register(fastifySessions(sessions)));
