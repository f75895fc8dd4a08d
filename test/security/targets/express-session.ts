import { createHmac, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { inspect } from "node:util";
import { RedisStore } from "connect-redis";
import express, { type NextFunction, type Request, type RequestHandler, type Response } from "express";
import { createClient } from "redis";
import { read } from "../../../src/testing/adapters/client.ts";
import { answer } from "../../frameworks/node.ts";
import { listen } from "../../http/listen.ts";
import { pass, resetClock } from "../clock.ts";
import { Guest } from "../guest.ts";
import { Scan } from "../scan.ts";
import { type App, type Held, NotOffered, type Setup, type Target } from "../target.ts";
import { commonRoutes, replyOf } from "./routes.ts";

type Callback = (error?: Error | null, value?: unknown) => void;

interface ExpressSession {
  [entry: string]: unknown;
  save(callback: Callback): void;
  regenerate(callback: Callback): void;
  reload(callback: Callback): void;
  destroy(callback: Callback): void;
}

interface Store {
  get(id: string, callback: Callback): void;
  set(id: string, session: object, callback?: Callback): void;
  touch(id: string, session: object, callback?: Callback): void;
  destroy(id: string, callback?: Callback): void;
}

interface Module {
  (options: Record<string, unknown>): RequestHandler;
  MemoryStore: new () => Store & { readonly sessions: Record<string, string> };
}

type Incoming = IncomingMessage & { session: ExpressSession; sessionID: string };

// Its types and holdfast's both declare `req.session`.
const require = createRequire(import.meta.url);
const session = require("express-session") as Module;
export const { version } = require("express-session/package.json") as { version: string };

/** Its own generator of ids. */
const uid = createRequire(require.resolve("express-session"))("uid-safe") as { sync(bytes: number): string };

const SECRET = "keyboard cat";

interface OpenStore {
  readonly store: Store;
  rows(): Promise<string[]>;
  /** Lets time pass for what the server itself ends. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

export const inMemoryStore = async (): Promise<OpenStore> => {
  const store = new session.MemoryStore();
  return {
    store,
    rows: async () => Object.entries(store.sessions).map((row) => row.join(" ")),
    elapse: async () => {},
    close: async () => {},
  };
};

export const inConnectRedis = (url: string) => async (): Promise<OpenStore> => {
  const client = await createClient({ url }).connect();
  const prefix = `connect-${randomBytes(6).toString("hex")}:`;
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const batch of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) found.push(...batch);
    return found;
  };
  return {
    store: new RedisStore({ client, prefix }) as unknown as Store,
    rows: async () => Promise.all((await keys()).map(async (key) => `${key} ${await client.get(key)}`)),
    async elapse(ms) {
      for (const key of await keys()) {
        const left = (await client.pTTL(key)) - ms;
        if (left > 0) await client.pExpire(key, left);
        else await client.del(key);
      }
    },
    async close() {
      for (const key of await keys()) await client.del(key);
      await client.close();
    },
  };
};

const sidOf = (id: string): string => id.replace(/^s:/, "").split(".")[0]!;
const sign = (sid: string, secret: string): string =>
  `s:${sid}.${createHmac("sha256", secret).update(sid).digest("base64").replace(/=+$/, "")}`;

/** express-session on this store, with the options and the login of its README's example of a login. */
export function expressSession(name: string, open: () => Promise<OpenStore>): Target {
  return {
    library: "express-session",
    name,
    forgedId: () => sign("f".repeat(32), "another secret"),
    secretOf: sidOf,
    startWeak: async () => session({ secret: [""], resave: false, saveUninitialized: true }),
    start,
  };

  async function start(setup: Setup = {}): Promise<App> {
    refuseWhatIsMissing(setup);
    const opened = setup.after ? storeOf.get(setup.after)! : await open();
    const scan = new Scan("express-session", sidOf);
    const { store } = opened;
    const watch = watched(store);
    const errors: unknown[] = [];
    let collision: string | undefined;
    const { name: cookieName = "connect.sid", ...cookie } = setup.cookie ?? {};
    const maxAge = setup.idle ?? setup.lifetime;
    const server = express().set("env", "test");
    server.use(
      session({
        secret: SECRET,
        resave: false,
        saveUninitialized: true,
        name: cookieName,
        store: watch.store,
        proxy: setup.behindProxy,
        cookie: { ...cookie, ...(maxAge !== undefined && { maxAge }) },
        genid() {
          const id = collision ?? uid.sync(24);
          collision = undefined;
          return id;
        },
      }),
    );
    server.use((request: Request, response: Response, next: NextFunction) => {
      const held = heldOf(request as unknown as Incoming);
      if (setup.raw) return setup.raw(held, response);
      const { method, path } = request;
      const route = { ...commonRoutes, ...setup.routes }[`${method === "HEAD" ? "GET" : method} ${path}`];
      if (!route) return response.status(404).end("no such page");
      Promise.resolve()
        .then(() => route({ session: held, body: () => read(request) }))
        .then((reply) => answer(response, replyOf(reply)))
        .catch(next);
    });
    server.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
      errors.push(error);
      scan.heard("error", inspect(error, { depth: 5 }));
      if (!response.headersSent) response.status(500).end(error.message);
    });
    const { port, close } = await listen(createServer(server));
    const url = `http://127.0.0.1:${port}`;
    const app: App = {
      url,
      cookieName,
      visitor: () => new Guest(url, cookieName, scan),
      rows: opened.rows,
      asked: watch.asked,
      errors,
      scan,
      async elapse(ms) {
        pass(ms);
        await opened.elapse(ms);
      },
      breakStore: (operation) => void watch.broken.add(operation),
      isServed: async (id) => Boolean(await call((done) => store.get(sidOf(id), done))),
      collide: (id) => {
        collision = sidOf(id);
      },
      async close() {
        for (const row of await opened.rows()) scan.heard("row", row);
        scan.close();
        resetClock();
        await close();
        if (!setup.after) await opened.close();
      },
    };
    storeOf.set(app, opened);
    return app;
  }
}

const storeOf = new WeakMap<App, OpenStore>();

function refuseWhatIsMissing({ absolute, keys, maxPerUser, csrf, clearSiteData, deviceBound }: Setup): void {
  const asked = { absolute, keys, maxPerUser, csrf, clearSiteData, deviceBound };
  for (const [name, value] of Object.entries(asked)) {
    if (value !== undefined) throw new NotOffered(`There is no option for ${name}.`);
  }
}

function watched(inner: Store) {
  const asked: string[] = [];
  const broken = new Set<"read" | "write">();
  const fails = (operation: "read" | "write", callback: Callback | undefined): boolean => {
    if (broken.has(operation))
      setImmediate(() => callback?.(new Error(`The store is down: it does not ${operation}.`)));
    return broken.has(operation);
  };
  const store = Object.create(inner) as Store;
  store.get = (id, callback) => {
    asked.push(id);
    if (!fails("read", callback)) inner.get(id, callback);
  };
  store.set = (id, value, callback) => void (fails("write", callback) || inner.set(id, value, callback));
  store.touch = (id, value, callback) => void (fails("write", callback) || inner.touch(id, value, callback));
  store.destroy = (id, callback) => void (fails("write", callback) || inner.destroy(id, callback));
  return { asked, broken, store };
}

const call = (run: (done: Callback) => void): Promise<unknown> =>
  new Promise((resolve, reject) => {
    run((error, value) => (error ? reject(error) : resolve(value)));
  });

function heldOf(request: Incoming): Held {
  const entries = (): Record<string, unknown> => {
    const { cookie, user, ...data } = request.session;
    return data;
  };
  return {
    get: (name) => request.session[name],
    set: (name, value) => {
      request.session[name] = value;
    },
    all: entries,
    user: () => request.session?.user as string | undefined,
    async login(user) {
      await call((done) => request.session.regenerate(done));
      request.session.user = user;
      await call((done) => request.session.save(done));
    },
    logout: async () => void (await call((done) => request.session.destroy(done))),
    async rotate() {
      const { user } = request.session;
      await call((done) => request.session.regenerate(done));
      if (user !== undefined) request.session.user = user;
    },
    save: async () => void (await call((done) => request.session.save(done))),
    reload: async () => void (await call((done) => request.session.reload(done))),
    shown: () => [inspect(request.session), JSON.stringify(request.session), String(request.session)].join("\n"),
    isNew: () => Object.keys(entries()).length === 0 && request.session.user === undefined,
  };
}
