/** One Express 5 app, bare or with one session library. Every variant answers the same bytes; the session has the same entries. */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import express, { type Express, type Request, type RequestHandler, type Response } from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import session from "holdfast/express-session";
import { memoryStore } from "holdfast/stores/memory";
import { answerTo, DATA, type Data } from "../cpu/data.ts";
import { measured } from "../cpu/measured.ts";

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
const answer = (res: Response, value: unknown): void => void res.send(answerTo(value));
app.get("/begin", (req, res) => {
  begin(req);
  answer(res, "begun");
});
app.get("/read", (req, res) => answer(res, read(req)));
app.get("/write", (req, res) => answer(res, write(req)));

await measured(createServer(app));
