/**
 * One Express 5 app with one session library on one database, in a process of its own: `sql-server.ts VARIANT URL`. It tells its parent how many
 * statements it has sent. Every variant answers the same, and has the same four entries, about 200 bytes as JSON.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import express, { type Request, type RequestHandler } from "express";
import { createSessions, type Store } from "holdfast";
import { expressSessions } from "holdfast/express";
import { mysqlStore } from "holdfast/stores/mysql";
import { postgresStore } from "holdfast/stores/postgres";
import mysql from "mysql2/promise";
import pg from "pg";
import { DATA } from "./data.ts";

type Data = typeof DATA;

const [variant, url] = process.argv.slice(2) as [string, string];
// Its types and ours both declare Express's req.session, so it goes without.
const require = createRequire(import.meta.url);
const session = require("express-session");

let statements = 0;
/** Counts the calls of a driver's own methods, whoever makes them. */
function count(prototype: object, ...methods: string[]): void {
  const all = prototype as Record<string, (...args: unknown[]) => unknown>;
  for (const method of methods) {
    const original = all[method]!;
    all[method] = function (...args) {
      statements++;
      return original.apply(this, args);
    };
  }
}
count(pg.Client.prototype, "query");
count(Object.getPrototypeOf(require("mysql2").Connection.prototype), "query", "execute");

const POOL = 8;
const pgPool = () => new pg.Pool({ connectionString: url, max: POOL });
const mysqlPool = () => mysql.createPool({ uri: url, connectionLimit: POOL });

interface Library {
  middleware: RequestHandler;
  data(req: Request): Data;
}

const holdfast = (store: Store): Library => ({
  middleware: expressSessions(createSessions<Data>({ store })),
  data: (req) => req.session.data as unknown as Data,
});

const peer = (store: unknown): Library => ({
  middleware: session({
    secret: "bench",
    resave: false,
    saveUninitialized: false,
    store,
    cookie: { maxAge: 3_600_000 },
  }),
  data: (req) => req.session as unknown as Data,
});

const variants: Record<string, () => Library | Promise<Library>> = {
  "holdfast/stores/postgres": () => holdfast(postgresStore(pgPool())),
  "connect-pg-simple": () =>
    peer(new (require("connect-pg-simple")(session))({ pool: pgPool(), createTableIfMissing: true })),
  "holdfast/stores/mysql": () => holdfast(mysqlStore(mysqlPool())),
  "express-mysql-session": async () => {
    const store = new (require("express-mysql-session")(session))({}, mysqlPool());
    await store.onReady();
    return peer(store);
  },
};

const { middleware, data } = await variants[variant]!();
const app = express();
app.use(middleware);
app.get("/begin", (req, res) => {
  Object.assign(data(req), DATA);
  res.send("ok");
});
app.get("/untouched", (_req, res) => void res.send("ok"));
app.get("/read", (req, res) => void res.send(data(req).user ? "ok" : "no session"));
app.get("/write", (req, res) => void res.send(++data(req).views > 0 ? "ok" : "no session"));

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", () => process.send!(statements));
process.on("disconnect", () => process.exit());
process.send!((server.address() as AddressInfo).port);
