import { createServer, type RequestListener, type Server } from "node:http";
import { H3, type H3Event, useSession } from "h3";
import { toNodeHandler } from "h3/node";
import { createSessions } from "holdfast";
import { h3Sessions } from "holdfast/h3";
import { memoryStore } from "holdfast/stores/memory";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

interface Entries {
  begin(event: H3Event): unknown;
  read(event: H3Event): unknown;
  write(event: H3Event): unknown;
}

async function serve(app: H3, { begin, read, write }: Entries): Promise<Server> {
  app.get("/begin", async (event) => {
    await begin(event);
    return "ok";
  });
  app.get("/read", async (event) => answerTo(await read(event)));
  app.get("/write", async (event) => answerTo(await write(event)));
  return createServer(toNodeHandler(app) as RequestListener);
}

const apps: Apps = {
  bare: () => serve(new H3(), { begin: () => {}, read: () => DATA.user.name, write: () => 1 }),

  holdfast: () => {
    const { middleware, session } = h3Sessions(createSessions<Data>({ store: memoryStore() }));
    const data = (event: H3Event) => session(event).data as Data;
    return serve(new H3().use(middleware), {
      begin: (event) => void Object.assign(data(event), structuredClone(DATA)),
      read: (event) => data(event).user.name,
      write: (event) => ++data(event).views,
    });
  },

  "h3's useSession, in a sealed cookie": () => {
    const password = "tea, a treatise on tea and kettles";
    const session = (event: H3Event) => useSession<Data & Record<string, unknown>>(event, { password });
    return serve(new H3(), {
      begin: async (event) => void (await (await session(event)).update({ ...structuredClone(DATA) })),
      read: async (event) => (await session(event)).data.user?.name,
      write: async (event) => {
        const { data, update } = await session(event);
        await update({ views: data.views! + 1 });
        return 1;
      },
    });
  },
};
export default apps;
