/**
 * One app, of Express 5 or of node:http alone, bare or with sessions in a server's database, in a process of its own: `redis-app.ts LIBRARY PORT FRAMEWORK`. Its
 * parent asks for the CPU time it has used, or has it serve requests over connections in memory. Every variant answers the same bytes and keeps the same four entries,
 * about 200 bytes as JSON.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { RedisStore } from "connect-redis";
import express from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import { redisStore } from "holdfast/stores/redis";
import { createClient } from "redis";
import { load } from "../cpu/load.ts";
import { DATA } from "./data.ts";

type Data = typeof DATA;

const [, , library, port, framework = "express"] = process.argv;

type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

// Its types and ours both declare Express's req.session, so it goes without.
const session = createRequire(import.meta.url)("express-session") as (options: object) => Middleware;

/** The middleware, and how a request gets at its session's data. */
type Variant = () => Promise<{ use: Middleware; data: (session: never) => Data }>;

const connect = () => createClient({ socket: { port: Number(port) } }).connect();

const variants: Record<string, Variant> = {
  bare: async () => ({ use: (_req, _res, next) => next(), data: () => ({ ...DATA }) }),

  async holdfast() {
    const store = redisStore(await connect(), { onWarning: () => {} });
    return { use: expressSessions(createSessions<Data>({ store })), data: (own: { data: Data }) => own.data };
  },

  async "express-session"() {
    const store = new RedisStore({ client: await connect() });
    const use = session({ secret: "bench", store, resave: false, saveUninitialized: false });
    return { use, data: (own: Data) => own };
  },
};

const { use, data } = await variants[library!]!();
const dataOf = (req: object): Data => data((req as { session: never }).session);

/** What each path answers. */
const pages: Record<string, (req: object) => string> = {
  "/untouched": () => "ok",
  "/begin": (req) => (Object.assign(dataOf(req), DATA) ? "ok" : ""),
  "/read": (req) => (dataOf(req).user ? "ok" : "no session"),
  "/write": (req) => (++dataOf(req).views ? "ok" : "no session"),
};

function ofExpress(): express.Express {
  const app = express().use(use);
  for (const [path, page] of Object.entries(pages)) app.get(path, (req, res) => void res.send(page(req)));
  return app;
}

/** With nothing but the sessions between Node and the page. */
function ofNode(): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) =>
    use(req, res, (error) => {
      const text = error ? String(error) : pages[req.url!]!(req);
      res.setHeader("Content-Length", text.length);
      res.end(text);
    });
}

const server = createServer(framework === "express" ? ofExpress() : ofNode()).listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", async (task: { path: string; cookie: string; requests: number } | "cpu") => {
  if (task !== "cpu") await load(server, task.path, task.cookie, task.requests);
  const { user, system } = process.cpuUsage();
  process.send!({ cpu: user + system });
});
process.on("disconnect", () => process.exit());
process.send!({ port: (server.address() as AddressInfo).port });
