import { createServer, type Server } from "node:http";
import { createSessions } from "holdfast";
import { koaSessions } from "holdfast/koa";
import { memoryStore } from "holdfast/stores/memory";
import Koa from "koa";
import koaSession from "koa-session";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

/** An app whose handlers find the session's entries by `data`. */
async function serve(use: (app: Koa) => void, data: (ctx: Koa.Context) => Data): Promise<Server> {
  const app = new Koa({ keys: ["tea"] });
  use(app);
  app.use((ctx) => {
    switch (ctx.path) {
      case "/begin":
        Object.assign(data(ctx), structuredClone(DATA));
        ctx.body = "ok";
        break;
      case "/read":
        ctx.body = answerTo(data(ctx).user.name);
        break;
      case "/write":
        ctx.body = answerTo(++data(ctx).views);
    }
  });
  return createServer(app.callback());
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
      (app) => app.use(koaSessions(createSessions<Data>({ store: memoryStore() }))),
      (ctx) => ctx.session.data,
    ),

  "koa-session, in a signed cookie": () =>
    serve(
      (app) => app.use(koaSession(app)),
      (ctx) => ctx.session as unknown as Data,
    ),

  "koa-session, in a Map": () =>
    serve(
      (app) => {
        const rows = new Map<string, string>();
        // As text, as a store outside the process would have them: koa-session itself hands out one object to all requests.
        const store = {
          get: async (key: string) => JSON.parse(rows.get(key) ?? "null"),
          set: async (key: string, session: unknown) => void rows.set(key, JSON.stringify(session)),
          destroy: async (key: string) => void rows.delete(key),
        };
        app.use(koaSession({ store }, app));
      },
      (ctx) => ctx.session as unknown as Data,
    ),
};
export default apps;
