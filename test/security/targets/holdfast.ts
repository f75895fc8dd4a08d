import { inspect } from "node:util";
import { createSessions, type IndexedStore, isHoldfastError, type Session } from "holdfast";
import type { AdapterApp } from "holdfast/testing";
import { EVENTS } from "../../../src/core/events.ts";
import { read } from "../../../src/testing/adapters/client.ts";
import { pass, resetClock } from "../clock.ts";
import { Guest } from "../guest.ts";
import { Scan } from "../scan.ts";
import { type App, type Held, NotApplicable, type Reply, type Routes, type Setup, type Target } from "../target.ts";
import { commonRoutes, replyOf } from "./routes.ts";
import { DEVICE, type Server } from "./servers.ts";
import type { OpenAStore, OpenStore } from "./stores.ts";

type Data = Record<string, unknown>;

const handleOf = (id: string): string => id.split(".")[0]!;

/** holdfast, served so, on that store. */
export function holdfast(name: string, { serve, serveRaw }: Server, open: OpenAStore): Target {
  return {
    library: "holdfast",
    name,
    forgedId: () => `${"h".repeat(22)}.${"s".repeat(43)}`,
    secretOf: (id) => id.split(".")[1] ?? "",
    async startWeak() {
      const { store, close } = await open();
      try {
        return createSessions({ store, keys: "" });
      } finally {
        await close();
      }
    },
    start,
  };

  async function start(setup: Setup = {}): Promise<App> {
    const opened = setup.after ? storeOf.get(setup.after)! : await open();
    const scan = new Scan("holdfast", (id) => id.split(".").at(-1) ?? "");
    const watch = watched(opened);
    const errors: unknown[] = [];
    const events: { name: string; event: object }[] = [];
    try {
      const sessions = createSessions<Data>({ store: watch.store, ...optionsOf(setup) });
      for (const name of EVENTS) {
        sessions.on(name, (event) => {
          events.push({ name, event });
          scan.heard("event", inspect(event, { depth: 5 }));
        });
      }
      if (setup.raw && !serveRaw) throw new NotApplicable("Its handlers don't write to node:http's response.");
      const served = setup.raw
        ? await serveRaw!(sessions, (session, response) => setup.raw!(heldOf(session), response))
        : await serve(sessions, appOf({ ...commonRoutes, ...setup.routes }, errors, scan));

      const cookieName = (setup.cookie?.name ?? "sid").replace(/^__(Host|Secure)-/, "");
      const app: App = {
        url: served.url,
        cookieName,
        visitor: () => new Guest(served.url, cookieName, scan, served.speak),
        rows: () => opened.rows(watch.handles),
        asked: watch.asked,
        errors,
        events,
        scan,
        elapse: async (ms) => pass(ms),
        breakStore: (operation) => void watch.broken.add(operation),
        isServed: async (id) => (await opened.store.read(handleOf(id))) !== undefined,
        collide: (id) => {
          watch.collision = handleOf(id);
        },
        endAll: (userId, except) => sessions.revokeAll({ userId, except }),
        list: (userId) => sessions.list({ userId }),
        end: (handle, of) => sessions.revoke(handle, of),
        async entryAtRest(id, entry, text) {
          const record = (await opened.store.read(handleOf(id)))!;
          if (text === undefined) return record.entries.get(entry) ?? "";
          const { secretHash, touchedAt, expiresAt } = record;
          const change = { set: new Map([[entry, text]]), touchedAt, expiresAt };
          await opened.store.update(handleOf(id), change, { secretHash });
          return text;
        },
        async close() {
          for (const row of await opened.rows(watch.handles)) scan.heard("row", row);
          scan.close();
          resetClock();
          await served.close();
          watch.detach();
          await sessions.close();
          if (!setup.after) await Promise.all([opened.store.close(), opened.close()]);
        },
      };
      storeOf.set(app, opened);
      return app;
    } catch (error) {
      scan.heard("error", inspect(error));
      scan.close();
      if (!setup.after) await Promise.all([opened.store.close(), opened.close()]);
      throw error;
    }
  }
}

const storeOf = new WeakMap<App, OpenStore>();

function optionsOf({
  lifetime,
  idle = lifetime,
  absolute = lifetime,
  cookie,
  behindProxy,
  keys,
  maxPerUser,
  csrf,
  clearSiteData,
  deviceBound,
}: Setup) {
  return {
    ...(idle !== undefined && { idle }),
    ...(absolute !== undefined && { absolute }),
    ...(cookie && { cookie }),
    ...(keys && { keys }),
    ...(maxPerUser && { maxPerUser }),
    ...(csrf && { csrf }),
    ...(clearSiteData && { clearSiteData }),
    ...(deviceBound && { deviceBound: DEVICE }),
    trustProxy: behindProxy === true,
  };
}

/** The store, and what it was asked. */
function watched({ store }: OpenStore) {
  const asked: string[] = [];
  const handles = new Set<string>();
  const broken = new Set<"read" | "write">();
  const fail = (operation: "read" | "write"): void => {
    if (broken.has(operation)) throw new Error(`The store is down: it does not ${operation}.`);
  };
  const state = {
    asked,
    handles,
    broken,
    collision: undefined as string | undefined,
    /** The app's close leaves the store to who opened it. */
    detach: () => {
      watching.close = async () => {};
    },
    get store() {
      return watching;
    },
  };
  const watching: IndexedStore = {
    ...store,
    async read(handle) {
      asked.push(handle);
      fail("read");
      return store.read(handle);
    },
    async create(given, record) {
      fail("write");
      const handle = state.collision ?? given;
      state.collision = undefined;
      handles.add(handle);
      return store.create(handle, record);
    },
    async update(handle, change, condition) {
      fail("write");
      return store.update(handle, change, condition);
    },
    async delete(handle) {
      fail("write");
      return store.delete(handle);
    },
  };
  return state;
}

function appOf(routes: Routes, errors: unknown[], scan: Scan): AdapterApp {
  return {
    async handle({ method, path, body }, session) {
      const route = routes[`${method === "HEAD" ? "GET" : method} ${path}`];
      if (!route) return replyOf({ status: 404, body: "no such page" });
      return replyOf(await route({ session: heldOf(session as Session<Data>), body: () => read(body) }));
    },
    onError(error) {
      errors.push(error);
      scan.heard("error", inspect(error, { depth: 5 }));
      const { status = 500, message } = error as Error & { status?: number };
      const reply: Reply = { status, body: isHoldfastError(error) ? `${error.code}: ${message}` : message };
      return { kind: "send", status, headers: {}, body: reply.body };
    },
  };
}

function heldOf(session: Session<Data>): Held {
  return {
    get: (name) => session.data[name],
    set: (name, value) => {
      session.data[name] = value;
    },
    all: () => ({ ...session.data }),
    user: () => session.userId,
    login: (user) => session.login(user),
    logout: () => session.destroy(),
    rotate: () => session.regenerate(),
    save: () => session.save(),
    reload: () => session.reload(),
    shown: () => [inspect(session), JSON.stringify(session), String(session), inspect(session.data)].join("\n"),
    isNew: () => session.isNew,
    update: (name, fn) => session.update(name, fn),
    handle: () => session.handle,
    requireFresh: (maxAge) => session.requireFresh(maxAge),
    reauthenticate: () => session.reauthenticate(),
    authenticatedAt: () => session.authenticatedAt,
    csrfToken: async () => session.csrfToken(),
  };
}
