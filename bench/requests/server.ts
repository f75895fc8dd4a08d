/**
 * One Express 5 app, bare or with one session library, in a process of its own. Its parent says what to load it with, and is told the CPU time a request took.
 * Every variant answers the same bytes; the session has the same four entries, about 200 bytes as JSON.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import express, { type Express, type Request, type RequestHandler, type Response } from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import session from "holdfast/express-session";
import { memoryStore } from "holdfast/stores/memory";
import { load } from "./load.ts";

interface Data {
  user: { name: string; roles: string[] };
  cart: { id: number; title: string }[];
  theme: string;
  views: number;
}

const DATA: Data = {
  user: { name: "Ada Lovelace", roles: ["customer", "reviewer"] },
  cart: [
    { id: 1, title: "A Treatise on Tea" },
    { id: 2, title: "The Kettle" },
  ],
  theme: "dark",
  views: 0,
};

// Its types and ours both declare Express's req.session, so it goes without.
const original = createRequire(import.meta.url)("express-session") as (options: object) => RequestHandler;

type Variant = (app: Express) => {
  begin(req: Request): void;
  read(req: Request): unknown;
  write(req: Request): unknown;
};

const variants: Record<string, Variant> = {
  bare: () => ({ begin: () => {}, read: () => "Ada Lovelace", write: () => 1 }),

  holdfast(app) {
    app.use(expressSessions(createSessions<Data>({ store: memoryStore() })));
    const data = (req: Request): Data => req.session.data as unknown as Data;
    return {
      begin: (req) => Object.assign(data(req), DATA),
      read: (req) => data(req).user.name,
      write: (req) => ++data(req).views,
    };
  },

  "express-session": (app) => compatible(app, original),
  "drop-in": (app) => compatible(app, session),
};

/** What express-session's users write. */
function compatible(app: Express, middleware: (options: object) => RequestHandler): ReturnType<Variant> {
  app.use(middleware({ secret: "bench", resave: false, saveUninitialized: false }));
  const data = (req: Request): Data => req.session as unknown as Data;
  return {
    begin: (req) => Object.assign(data(req), DATA),
    read: (req) => data(req).user.name,
    write: (req) => ++data(req).views,
  };
}

const app = express();
const { begin, read, write } = variants[process.argv[2]!]!(app);
const answer = (res: Response, value: unknown): void => void res.send(`${value === undefined ? "no session" : "ok"}`);
app.get("/begin", (req, res) => {
  begin(req);
  answer(res, "begun");
});
app.get("/read", (req, res) => answer(res, read(req)));
app.get("/write", (req, res) => answer(res, write(req)));

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const begun = await fetch(`http://127.0.0.1:${port}/begin`);
const cookie = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "none=0";
server.close();

process.on("message", async ({ path, requests }: { path: string; requests: number }) => {
  const before = process.cpuUsage();
  await load(server, path, cookie, requests);
  const { user, system } = process.cpuUsage(before);
  process.send!((user + system) / requests);
});
process.on("disconnect", () => process.exit());
process.send!("ready");
