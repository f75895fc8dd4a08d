import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createSessions } from "holdfast";
import { honoSessions } from "holdfast/hono";
import { memoryStore } from "holdfast/stores/memory";
import { type Context, Hono } from "hono";
import { CookieStore, MemoryStore, type Session, sessionMiddleware } from "hono-sessions";
import { answerTo, DATA, type Data } from "../../cpu/data.ts";
import type { Apps } from "../apps.ts";

interface Entries {
  begin(c: Context): void;
  read(c: Context): unknown;
  write(c: Context): unknown;
}

async function serve(use: (app: Hono) => void, { begin, read, write }: Entries): Promise<Server> {
  const app = new Hono();
  use(app);
  app.get("/begin", (c) => {
    begin(c);
    return c.text("ok");
  });
  app.get("/read", (c) => c.text(answerTo(read(c))));
  app.get("/write", (c) => c.text(answerTo(write(c))));
  return createServer(getRequestListener(app.fetch));
}

const session = (c: Context): Session<Data> => c.get("session");
const honoEntries: Entries = {
  begin(c) {
    for (const [name, value] of Object.entries(DATA)) session(c).set(name as keyof Data, value);
  },
  read: (c) => session(c).get("user")?.name,
  write(c) {
    const views = session(c).get("views")! + 1;
    session(c).set("views", views);
    return views;
  },
};
const encryptionKey = "tea, a treatise on tea and kettles";

const apps: Apps = {
  bare: () => serve(() => {}, { begin: () => {}, read: () => DATA.user.name, write: () => 1 }),

  holdfast: () =>
    serve((app) => app.use(honoSessions(createSessions<Data>({ store: memoryStore() }))), {
      begin: (c) => Object.assign(c.get("session").data, structuredClone(DATA)),
      read: (c) => c.get("session").data.user.name,
      write: (c) => ++c.get("session").data.views,
    }),

  "hono-sessions, its memory store": () =>
    serve((app) => app.use(sessionMiddleware({ store: new MemoryStore() })), honoEntries),

  "hono-sessions, in an encrypted cookie": () =>
    serve((app) => app.use(sessionMiddleware({ store: new CookieStore(), encryptionKey })), honoEntries),
};
export default apps;
