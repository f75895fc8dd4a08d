import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type NextFunction, type Request, type RequestHandler, type Response } from "express";
import { vi } from "vitest";
import { ask } from "../../http/wire.ts";
import type { Script, Step, Visit } from "./script.ts";

/** What both libraries export. */
export interface Library {
  (options: object): RequestHandler;
  MemoryStore: new () => Store;
}

type Callback = (error?: unknown, data?: unknown) => void;
type Store = Record<"get" | "set" | "destroy" | "touch", ((...args: unknown[]) => void) | undefined> & {
  sessions: Record<string, string>;
};

/** What came of one visit. */
export interface Outcome {
  status: number;
  complete: boolean;
  headers: string[];
  body: string;
  /** What the handler saw of its session. */
  seen: string[];
  /** What went to the error handlers. */
  errors: string[];
  calls: string[];
  /** The store's rows after it. */
  rows: Record<string, unknown>;
}

const START = Date.UTC(2026, 0, 2);
const SECRETS = { one: "tea", rotated: ["kettle", "tea"], bytes: Buffer.from("tea") };

/** A server for one library, that plays scripts. */
export async function stage(library: Library): Promise<{ play(script: Script): Promise<Outcome[]>; close(): void }> {
  let app: RequestHandler = (_req, res) => void res.end();
  const server = createServer((req, res) => app(req as Request, res as Response, () => res.end()));
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    close: () => void server.close(),
    async play(script) {
      vi.setSystemTime(START);
      const { name, middleware, store, calls } = setUp(library, script);
      const seen: string[] = [];
      const errors: string[] = [];
      let visit = script.visits[0]!;
      const shop = express();
      shop.set("etag", false);
      shop.use(middleware);
      shop.use(async (req, res, next) => {
        for (const step of visit.steps) seen.push(await take(req, step));
        seen.push(glimpse(req));
        answer(visit, req, res, next, seen);
      });
      shop.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
        errors.push(error.message);
        if (!res.headersSent) res.status(500).end(`failed: ${error.message}`);
      });
      app = (req, res) =>
        void (shop as unknown as RequestHandler)(req, res, (error) => {
          errors.push((error as Error).message);
          res.end("the error handler failed");
        });

      const outcomes: Outcome[] = [];
      const jar: string[] = [];
      for (visit of script.visits) {
        for (const list of [seen, errors, calls]) list.length = 0;
        const { status, complete, headers, body } = await ask(port, {
          method: visit.method,
          path: visit.path,
          headers: {
            "x-forwarded-proto": visit.https ? "https" : "http",
            ...cookieHeader(visit.cookie, name, jar),
          },
        });
        // What the last error handler hears after the answer comes in several turns.
        for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
        const rows = Object.fromEntries(Object.entries(store.sessions).map(([id, text]) => [id, JSON.parse(text)]));
        outcomes.push({
          status,
          complete,
          headers,
          body: body.toString(),
          seen: [...seen],
          errors: [...errors],
          calls: [...calls],
          rows,
        });
        for (const line of headers) {
          const [, pair] = /^Set-Cookie: ([^;]*)/i.exec(line) ?? [];
          if (pair) jar.push(pair);
        }
        vi.setSystemTime(Date.now() + visit.later);
      }
      return outcomes;
    },
  };
}

function setUp(library: Library, { options, store: kind, failing }: Script) {
  const { naming, secret, cookie, cookieBy, ...others } = options;
  const calls: string[] = [];
  const store = new library.MemoryStore();
  const counts: Record<string, number> = {};
  for (const method of ["get", "set", "destroy", "touch"] as const) {
    const real = store[method]!.bind(store);
    store[method] = (...args) => {
      calls.push(`${method} ${args.filter((arg) => typeof arg !== "function").map((arg) => JSON.stringify(arg))}`);
      counts[method] = (counts[method] ?? 0) + 1;
      const callback = args.at(-1) as Callback;
      if (failing === `${method}:${counts[method]}`) return void setImmediate(callback, new Error(`${method} failed`));
      if (kind === "sync") return atOnce(store, method, args);
      if (kind === "enoent" && method === "get") {
        args[args.length - 1] = (error: unknown, data: unknown) =>
          data ? callback(error, data) : callback(Object.assign(new Error("no such file"), { code: "ENOENT" }));
      }
      real(...args);
    };
  }
  if (kind === "touchless") store.touch = undefined;
  let ids = 0;
  const middleware = library({
    ...others,
    ...naming,
    secret: SECRETS[secret],
    cookie: cookieBy === "function" ? () => cookie : cookie,
    genid: () => `id.${++ids}`,
    store,
  });
  const name = Object.values(naming as Record<string, string>)[0] ?? "connect.sid";
  return { name, middleware, store, calls };
}

/** A store that calls back before its method returns. */
function atOnce({ sessions }: Store, method: "get" | "set" | "destroy" | "touch", args: unknown[]): void {
  const [id, data] = args as [string, { cookie: unknown }];
  const callback = args.at(-1) as Callback;
  const text = sessions[id];
  if (method === "set") sessions[id] = JSON.stringify(data);
  if (method === "destroy") delete sessions[id];
  if (method === "touch" && text) sessions[id] = JSON.stringify({ ...JSON.parse(text), cookie: data.cookie });
  callback(null, method === "get" && text ? JSON.parse(text) : undefined);
}

/** `jar` holds each cookie that came, the newest last. */
function cookieHeader(kind: Visit["cookie"], name: string, jar: readonly string[]): { cookie?: string } {
  const own = jar.at(-1);
  const signed = (id: string, secret: string): string =>
    `${name}=${encodeURIComponent(`s:${id}.${createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "")}`)}`;
  const cookies: Record<Visit["cookie"], string | undefined> = {
    own,
    none: undefined,
    old: jar.at(0),
    tampered: own?.replace(/id\.\d/, "id.9"),
    truncated: own?.slice(0, -2),
    unsigned: `${name}=id.1`,
    foreign: signed("id.1", "somebody else's"),
    garbage: `=; ${name}; ;;=x; ${name}=%E0%A4%A; other="1"`,
    twice: own && `other=1; ${signed("id.1", "tea")}; ${own}`,
    empty: signed("", "tea"),
  };
  const cookie = cookies[kind];
  return cookie === undefined ? {} : { cookie };
}

type Loose = Record<string, unknown> & {
  cookie: Record<string, unknown>;
} & Record<"touch" | "resetMaxAge", () => void> &
  Record<"save" | "reload" | "destroy" | "regenerate", (callback: Callback) => unknown>;

const glimpse = (req: Request): string => `${req.sessionID} ${JSON.stringify(req.session)}`;

async function take(req: Request, step: Step): Promise<string> {
  const session = req.session as unknown as Loose | undefined;
  if (!session) return "no session";
  try {
    return `${step.do} ${(await perform(req, session, step)) ?? ""}`;
  } catch (error) {
    return `${step.do} throws ${(error as Error).message}`;
  }
}

async function perform(req: Request, session: Loose, step: Step): Promise<unknown> {
  switch (step.do) {
    case "set":
      session[step.entry] = step.value;
      return;
    case "delete":
      delete session[step.entry];
      return;
    case "push":
      session.list = [...((session.list as number[] | undefined) ?? []), 1];
      return;
    case "touch":
      return session.touch() === (session as unknown);
    case "reset":
      return session.resetMaxAge() === (session as unknown);
    case "unset":
      Object.assign(req, { session: null });
      return;
    case "forget":
      Reflect.deleteProperty(req, "session");
      return;
    case "maxAge":
      session.cookie.maxAge = step.ms;
      return session.cookie.originalMaxAge;
    case "expires":
      session.cookie.expires = step.in === null ? null : new Date(Date.now() + step.in);
      return session.cookie.maxAge;
    case "attribute":
      session.cookie[step.name] = step.value;
      return;
    default: {
      const method = step.do;
      let answered: unknown;
      const error = await new Promise<unknown>((resolve) => {
        answered = session[method](resolve);
      });
      if (answered !== undefined && answered !== session) throw new Error(`${method} answers something else`);
      return [(error as Error | undefined)?.message, glimpse(req)];
    }
  }
}

function answer({ ending }: Visit, req: Request, res: Response, next: NextFunction, seen: string[]): void {
  switch (ending) {
    case "send":
      res.send("sent");
      return;
    case "json":
      res.json({ id: req.sessionID });
      return;
    case "redirect":
      res.redirect("/elsewhere");
      return;
    case "end":
      res.end("ended");
      return;
    case "empty":
      res.end();
      return;
    case "head":
      res.writeHead(201, { "X-Head": "1", "Set-Cookie": "own=1" });
      res.end("headed");
      return;
    case "pieces":
      res.write("one ");
      res.write(Buffer.from("two "));
      res.end("three");
      return;
    case "length":
      res.setHeader("Content-Length", "6");
      res.end("length");
      return;
    case "204":
      res.cookie("theirs", "1").status(204).end();
      return;
    case "twice":
      res.end("once");
      res.end();
      return;
    case "late":
      res.write("early ");
      if (req.session) Object.assign(req.session, { late: 1 });
      res.end("late");
      return;
    case "next":
      seen.push("an error of the app's own");
      next(new Error("the app failed"));
  }
}
