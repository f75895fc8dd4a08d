/**
 * One Express 5 app, bare or with sessions in a server's database, in a process of its own: `redis-app.ts LIBRARY PORT`. Its parent
 * asks for the CPU time it has used. Every variant answers the same bytes and keeps the same four entries, about 200 bytes as JSON.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { RedisStore } from "connect-redis";
import express, { type Express, type Request, type RequestHandler } from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import { redisStore } from "holdfast/stores/redis";
import { createClient } from "redis";
import { DATA } from "./data.ts";

type Data = typeof DATA;

const [, , library, port] = process.argv;

// Its types and ours both declare Express's req.session, so it goes without.
const session = createRequire(import.meta.url)("express-session") as (options: object) => RequestHandler;

/** Puts the sessions in front of the app, and says how a request gets at their data. */
type Variant = (app: Express) => Promise<(req: Request) => Data>;

const connect = () => createClient({ socket: { port: Number(port) } }).connect();

const variants: Record<string, Variant> = {
  bare: async () => () => ({ ...DATA }),

  async holdfast(app) {
    const store = redisStore(await connect(), { onWarning: () => {} });
    app.use(expressSessions(createSessions<Data>({ store })));
    return (req) => req.session.data as unknown as Data;
  },

  async "express-session"(app) {
    const store = new RedisStore({ client: await connect() });
    app.use(session({ secret: "bench", store, resave: false, saveUninitialized: false }));
    return (req) => req.session as unknown as Data;
  },
};

const app = express();
const dataOf = await variants[library!]!(app);
app.get("/untouched", (_req, res) => void res.send("ok"));
app.get("/begin", (req, res) => {
  Object.assign(dataOf(req), DATA);
  res.send("ok");
});
app.get("/read", (req, res) => void res.send(dataOf(req).user ? "ok" : "no session"));
app.get("/write", (req, res) => void res.send(++dataOf(req).views ? "ok" : "no session"));

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpu: user + system });
});
process.on("disconnect", () => process.exit());
process.send!({ port: (server.address() as AddressInfo).port });
