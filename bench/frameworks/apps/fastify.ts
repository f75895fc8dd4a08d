import type { Server } from "node:http";
import { createRequire } from "node:module";
import cookie from "@fastify/cookie";
import fastify, { type FastifyInstance, type FastifyPluginCallback, type FastifyRequest } from "fastify";
import { createSessions } from "holdfast";
import { fastifySessions } from "holdfast/fastify";
import { memoryStore } from "holdfast/stores/memory";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

// Its types and ours both declare request.session.
const fastifySession = createRequire(import.meta.url)("@fastify/session") as FastifyPluginCallback<
  Record<string, unknown>
>;

/** An app whose handlers find the session's entries by `data`. */
async function serve(
  register: (app: FastifyInstance) => void,
  data: (request: FastifyRequest) => Data,
): Promise<Server> {
  const app = fastify();
  register(app);
  app.get("/begin", (request, reply) => {
    Object.assign(data(request), structuredClone(DATA));
    reply.send("ok");
  });
  app.get("/read", (request, reply) => void reply.send(answerTo(data(request).user.name)));
  app.get("/write", (request, reply) => void reply.send(answerTo(++data(request).views)));
  await app.ready();
  return app.server;
}

const apps: Apps = {
  bare: () => {
    const data = structuredClone(DATA);
    return serve(
      () => {},
      () => data,
    );
  },

  holdfast: () =>
    serve(
      (app) => app.register(fastifySessions(createSessions<Data>({ store: memoryStore() }))),
      ({ session }) => session.data as unknown as Data,
    ),

  // Its memory store. `rolling`, its default, would set a cookie on each read too.
  "@fastify/session": () =>
    serve(
      (app) => {
        app.register(cookie);
        const secret = "a secret of at least 32 characters";
        app.register(fastifySession, { secret, cookie: { secure: false }, saveUninitialized: false, rolling: false });
      },
      ({ session }) => session as unknown as Data,
    ),
};
export default apps;
