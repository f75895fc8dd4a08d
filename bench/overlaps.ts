/**
 * What is lost where two requests of one session overlap, with express-session, the drop-in and the native API: 1,000 pairs of each kind, sent to real
 * Express 5 apps. Barriers make each pair overlap. Only what the client was told is OK can be lost; a 409 is an honest answer, and counted as `refused`.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from "express";
import { createSessions, type Store } from "holdfast";
import { expressSessions } from "holdfast/express";
import dropIn from "holdfast/express-session";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { type Barrier, barrier } from "holdfast/testing";
import { table } from "./report.ts";

const PAIRS = 1000;

// Its types and the drop-in's both declare Express's req.session, so it goes without.
const original = createRequire(import.meta.url)("express-session") as (options: object) => RequestHandler;

type Data = Record<string, unknown>;
interface Library {
  middleware: RequestHandler;
  data(req: Request): Data;
  logout(req: Request): Promise<void>;
}

function compatible(session: (options: object) => RequestHandler, store?: Store): Library {
  type Compatible = Data & { destroy(callback: (error?: Error) => void): void };
  const data = (req: Request) => req.session as unknown as Compatible;
  return {
    middleware: session({ secret: "bench", resave: false, saveUninitialized: false, store }),
    data,
    logout: (req) => new Promise((resolve, reject) => data(req).destroy((e) => (e ? reject(e) : resolve()))),
  };
}

function native(store: Store): Library {
  return {
    middleware: expressSessions(createSessions<Data>({ store })),
    data: (req) => req.session.data as Data,
    logout: (req) => req.session.destroy(),
  };
}

/** Where writing requests wait, one after the other, when their session has been read. */
let meeting: readonly Barrier[] = [];

interface Browser {
  /** Answers whether it was told OK. */
  send(path: string): Promise<boolean>;
  /** What the cookie opens now. */
  look(): Promise<Data>;
}

const refuse: ErrorRequestHandler = (error, _req, res, _next) => void res.status(error.status ?? 500).end();

/** Serves the library's app. Answers what begins a session in a new browser. */
async function serve({ middleware, data, logout }: Library): Promise<() => Promise<Browser>> {
  const routes: Record<string, (req: Request) => unknown> = {
    begin: (req) => void Object.assign(data(req), { user: "ada", theme: "old" }),
    async write(req) {
      for (const { arrive } of meeting) await arrive();
      data(req)[req.params.entry as string] = "new";
    },
    logout,
    look: (req) => ({ ...data(req) }),
  };
  const app = express().use(middleware);
  app.get("/:route{/:entry}", async (req, res) => void res.json(await routes[req.params.route]!(req)));
  app.use(refuse);
  const server = app.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return async () => {
    const cookie = (await fetch(`${url}/begin`)).headers.getSetCookie()[0]!.split(";", 1)[0]!;
    const ask = (path: string) => fetch(url + path, { headers: { cookie } });
    return {
      look: async () => (await (await ask("/look")).json()) as Data,
      async send(path) {
        const { status } = await ask(path);
        if (status !== 200 && status !== 409) throw new Error(`${path}: status ${status}`);
        return status === 200;
      },
    };
  };
}

/** `harmed`: something that the client was told is OK is not so. */
type Outcome = "kept" | "refused" | "harmed";

/** Two requests write when both have read the session. */
async function twoWrites({ send, look }: Browser): Promise<Outcome> {
  meeting = [barrier(2)];
  const entries = ["cart", "coupon"];
  const told = await Promise.all(entries.map((entry) => send(`/write/${entry}`)));
  const after = await look();
  if (entries.some((entry, i) => told[i] && after[entry] !== "new")) return "harmed";
  return told.every(Boolean) ? "kept" : "refused";
}

/** A slow request has read the session when the quick one begins, and writes when that one has its answer. */
async function slowWrite({ send, look }: Browser, quick: string, isUndone: (after: Data) => boolean): Promise<Outcome> {
  const [hasRead, quickIsOver] = [barrier(2), barrier(2)];
  meeting = [hasRead, quickIsOver];
  const slow = send("/write/cart");
  await hasRead.arrive();
  meeting = []; // the quick one waits for nobody
  const quickIsOk = await send(quick);
  await quickIsOver.arrive();
  const slowIsOk = await slow;
  const after = await look();
  if ((quickIsOk && isUndone(after)) || (slowIsOk && after.cart !== "new")) return "harmed";
  return quickIsOk && slowIsOk ? "kept" : "refused";
}

const kinds: Record<string, (browser: Browser) => Promise<Outcome>> = {
  "lost updates": twoWrites,
  "resurrected logouts": (browser) => slowWrite(browser, "/logout", ({ user }) => user !== undefined),
  "rolled-back writes": (browser) => slowWrite(browser, "/write/theme", ({ theme }) => theme !== "new"),
};

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const sqlite = sqliteStore(join(folder, "sessions.db"));
const libraries: Record<string, Library> = {
  "express-session, MemoryStore": compatible(original),
  "drop-in, MemoryStore": compatible(dropIn),
  "drop-in, memoryStore": compatible(dropIn, memoryStore()),
  "drop-in, sqliteStore": compatible(dropIn, sqlite),
  "holdfast/express, memoryStore": native(memoryStore()),
  "holdfast/express, sqliteStore": native(sqlite),
};
const apps = Object.entries(libraries).map(async ([name, library]) => ({ name, begin: await serve(library) }));
for (const [harm, run] of Object.entries(kinds)) {
  const rows: object[] = [];
  for await (const { name, begin } of apps) {
    const count = { harmed: 0, refused: 0, kept: 0 };
    for (let i = 0; i < PAIRS; i++) count[await run(await begin())]++;
    rows.push({ library: name, [harm]: count.harmed, refused: count.refused, "all kept": count.kept });
  }
  table(`${PAIRS} overlapping pairs of requests: ${harm}`, rows);
}
await sqlite.close();
rmSync(folder, { recursive: true });
