import { AsyncLocalStorage } from "node:async_hooks";
import type { RequestHandler } from "express";
import type { IndexedSessions, IndexedStore, SessionEvents } from "holdfast";

/** A session id as it may be shown: of the secret no more than a beginning, for whole the id is a bearer token. */
export interface ShownId {
  /** The cookie's. */
  readonly name: string;
  readonly handle: string;
  readonly secret: string;
}

/** A Set-Cookie as it may be shown; without an id it clears the cookie. */
export interface ShownSetCookie {
  readonly name: string;
  readonly id: ShownId | undefined;
  readonly attributes: readonly string[];
}

/** What happened to one session in the course of a request: a call to the store, or an event of the library's. */
export type Step = { readonly handle: string } & (
  | { readonly kind: "read"; readonly version: number | undefined }
  | { readonly kind: "create"; readonly names: readonly string[]; readonly hash: string }
  | {
      readonly kind: "update";
      readonly names: readonly string[];
      readonly hash: string | undefined;
      readonly status: "updated" | "gone" | "conflict";
      readonly version: number;
    }
  | { readonly kind: "delete" }
  | { readonly kind: "event"; readonly name: Judged }
);

type Judged = Exclude<keyof SessionEvents, "rejected" | "storeError"> | SessionEvents["rejected"]["reason"];

/** One request and its response, as a session's life page tells it. */
export interface Exchange {
  readonly id: number;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly cookie: ShownId | undefined;
  readonly setCookie: ShownSetCookie | undefined;
  readonly steps: Step[];
}

/** Where the exchanges are told as they happen. */
export const STREAM = "/life/stream";

/** So many exchanges are remembered for each of so many sessions. */
const EXCHANGES = 8;
const SESSIONS = 500;

const COOKIE = /(?:^|;\s*)((?:__Host-)?sid)=([\w-]{22})\.([\w-]{6})[\w-]{37}/;
const SET_COOKIE = /^((?:__Host-)?sid)=(?:([\w-]{22})\.([\w-]{6})[\w-]{37})?((?:;[^;]*)*)$/;

const shown = (name: string, handle: string, start: string): ShownId => ({ name, handle, secret: `${start}…` });

/** The session's id in a Cookie header. */
export function shownCookie(header = ""): ShownId | undefined {
  const [, name, handle, start] = COOKIE.exec(header) ?? [];
  return name && handle && start ? shown(name, handle, start) : undefined;
}

function shownSetCookie(headers: number | string | string[] | undefined): ShownSetCookie | undefined {
  for (const header of [headers].flat()) {
    const [match, name, handle, start, attributes = ""] = SET_COOKIE.exec(String(header)) ?? [];
    if (!match || !name) continue;
    const id = handle && start ? shown(name, handle, start) : undefined;
    return { name, id, attributes: attributes.split("; ").slice(1) };
  }
  return undefined;
}

export type Trace = ReturnType<typeof createTrace>;

/** Watches a shop's sessions for their life pages, from outside: the library knows nothing of it. */
export function createTrace() {
  const current = new AsyncLocalStorage<Exchange>();
  const told = new Map<string, Exchange[]>();
  const listeners = new Map<string, Set<(exchange: Exchange) => void>>();
  // Goes on rising over a restart, so that a page can ask for what came after the last one it saw.
  let lastId = Date.now();

  const step = (happened: Step): void => void current.getStore()?.steps.push(happened);

  /** Tells each session of its own part alone. */
  function publish(exchange: Exchange): void {
    for (const handle of new Set(exchange.steps.map((each) => each.handle))) {
      const { cookie, setCookie, steps } = exchange;
      const part: Exchange = {
        ...exchange,
        cookie: cookie?.handle === handle ? cookie : undefined,
        setCookie: setCookie && (setCookie.id ?? cookie)?.handle === handle ? setCookie : undefined,
        steps: steps.filter((each) => each.handle === handle),
      };
      const parts = [...(told.get(handle) ?? []), part].slice(-EXCHANGES);
      told.delete(handle);
      told.set(handle, parts);
      for (const listener of listeners.get(handle) ?? []) listener(part);
    }
    for (const handle of told.keys()) {
      if (told.size <= SESSIONS) break;
      told.delete(handle);
    }
  }

  /** Begins each exchange; stands before the sessions' middleware. */
  const requests: RequestHandler = (req, res, next) => {
    // A stream tells the story and is no part of it.
    if (req.path === STREAM) return next();
    const exchange: Exchange = {
      id: ++lastId,
      at: Date.now(),
      method: req.method,
      path: req.path,
      status: 0,
      cookie: shownCookie(req.headers.cookie),
      setCookie: undefined,
      steps: [],
    };
    res.once("close", () => {
      const setCookie = shownSetCookie(res.getHeader("set-cookie"));
      publish({ ...exchange, status: res.statusCode, setCookie });
    });
    current.run(exchange, next);
  };

  return {
    requests,

    /** The store, with a step for each call. */
    store(store: IndexedStore): IndexedStore {
      return {
        list: (userId) => store.list(userId),
        sweep: (now) => store.sweep(now),
        close: () => store.close(),
        async read(handle) {
          const record = await store.read(handle);
          step({ kind: "read", handle, version: record?.version });
          return record;
        },
        async create(handle, record) {
          const result = await store.create(handle, record);
          step({ kind: "create", handle, names: [...record.entries.keys()], hash: record.secretHash });
          return result;
        },
        async update(handle, change, condition) {
          const result = await store.update(handle, change, condition);
          const names = [...(change.set?.keys() ?? []), ...(change.remove ?? [])];
          const version = result.status === "updated" ? result.version : 0;
          step({ kind: "update", handle, names, hash: change.rotate?.secretHash, status: result.status, version });
          return result;
        },
        async delete(handle) {
          const ended = await store.delete(handle);
          step({ kind: "delete", handle });
          return ended;
        },
        async deleteAll(userId, options) {
          const handles = await store.deleteAll(userId, options);
          for (const handle of handles) step({ kind: "delete", handle });
          return handles;
        },
      };
    },

    /** A step for each of the library's events. */
    events(sessions: IndexedSessions): void {
      for (const name of ["created", "loaded", "rotated", "destroyed", "expired", "revoked", "evicted"] as const) {
        sessions.on(name, ({ handle }) => step({ kind: "event", handle, name }));
      }
      sessions.on("rejected", ({ handle, reason }) => handle && step({ kind: "event", handle, name: reason }));
    },

    /** What is remembered of a session, oldest first. */
    of: (handle: string): readonly Exchange[] => told.get(handle) ?? [],

    /** Calls the listener with each exchange of the session. Answers the function that ends it. */
    follow(handle: string, listener: (exchange: Exchange) => void): () => void {
      const following = listeners.get(handle) ?? new Set();
      listeners.set(handle, following.add(listener));
      return () => {
        if (following.delete(listener) && following.size === 0) listeners.delete(handle);
      };
    },
  };
}
