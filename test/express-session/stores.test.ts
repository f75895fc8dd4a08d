import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { inherits } from "node:util";
import session, { Cookie, MemoryStore, Session, type SessionData, Store } from "holdfast/express-session";
import { describe, expect, it } from "vitest";
import { counter, rows, serve, shown, signed } from "./serve.ts";

type Methods = Pick<Store, "get" | "set" | "destroy">;

/** What a store does, whatever it inherits from. */
function methods(rows: Map<string, string>): Methods {
  return {
    get: (sid, callback) => setImmediate(callback, null, rows.has(sid) ? JSON.parse(rows.get(sid)!) : null),
    set(sid, session, callback) {
      rows.set(sid, JSON.stringify(session));
      setImmediate(callback!);
    },
    destroy(sid, callback) {
      rows.delete(sid);
      setImmediate(callback!);
    },
  };
}

type Base = typeof Store;
const original = createRequire(import.meta.url)("express-session") as { Store: Base; Session: typeof Session };

const inheriting: Record<string, (Base: Base, rows: Map<string, string>) => Store> = {
  "extends it as a class": (Base, rows) => {
    class Mine extends Base {
      get = methods(rows).get;
      set = methods(rows).set;
      destroy = methods(rows).destroy;
    }
    return new Mine();
  },
  "calls it without new, by util.inherits": (Base, rows) => {
    function Mine(this: Store): void {
      (Base as unknown as () => void).call(this);
    }
    inherits(Mine, Base);
    Object.assign(Mine.prototype, methods(rows));
    return new (Mine as unknown as new () => Store)();
  },
  "sets its prototype's prototype": (Base, rows) => {
    function Mine(this: Store): void {
      (Base as unknown as () => void).call(this);
    }
    Object.setPrototypeOf(Mine.prototype, Base.prototype);
    Object.assign(Mine.prototype, methods(rows));
    return new (Mine as unknown as new () => Store)();
  },
};

describe.each([
  ["the drop-in's", Store],
  ["express-session's own", original.Store],
])("a store that inherits from %s Store", (_whose, Base) => {
  it.each(Object.entries(inheriting))("works where it %s", async (_how, make) => {
    const kept = new Map<string, string>();
    const store = make(Base, kept);
    expect(store).toBeInstanceOf(Base);
    expect(store).toBeInstanceOf(EventEmitter);
    const shop = await serve({ store }, (app) => {
      counter(app);
      app.get("/login", async (req, res) => {
        await shown(req).reload();
        await shown(req).regenerate();
        shown(req).user = "Ada";
        await shown(req).save();
        await shown(req).reload();
        res.json(shown(req).user);
      });
    });
    expect([(await shop.ask()).text, (await shop.ask()).text]).toEqual(["1", "2"]);
    expect((await shop.ask("/login")).text).toBe('"Ada"');
    expect([...kept.values()].map((text) => JSON.parse(text).user)).toEqual(["Ada"]);
  });
});

describe("a store", () => {
  it("that is one of the callable classes is made with new or without, and keeps its name", () => {
    const old = Object.create(MemoryStore.prototype) as MemoryStore;
    (MemoryStore as unknown as () => void).call(old);
    expect(old.sessions).toEqual({});
    expect(old.listenerCount("connect")).toBe(0);
    expect(new MemoryStore().constructor).toBe(MemoryStore);
    expect([Store.name, MemoryStore.name]).toEqual(["Store", "MemoryStore"]);
    expect(MemoryStore.prototype).toBeInstanceOf(Store);
    expect({ ...session }).toEqual({ Store, MemoryStore, Cookie, Session });
  });

  it("that is disconnected has requests pass without a session, until it connects", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store }, (app) => void app.get("/", (req, res) => void res.json(typeof req.session)));
    store.emit("disconnect");
    expect((await shop.ask()).text).toBe('"undefined"');
    store.emit("connect");
    expect((await shop.ask()).text).toBe('"object"');
  });

  it("may answer ENOENT for a session that is not there", async () => {
    const store = new MemoryStore();
    store.get = (_sid, callback) => callback(Object.assign(new Error("no such file"), { code: "ENOENT" }));
    const shop = await serve({ store }, counter);
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("1");
  });

  it("that throws is an error of the request", async () => {
    const store = new MemoryStore();
    store.get = () => {
      throw new Error("out of order");
    };
    const shop = await serve({ store }, counter);
    const answer = await shop.ask("/", { headers: { cookie: signed("known", "tea") } });
    expect(answer).toMatchObject({ status: 500, text: "out of order" });
  });

  it("whose row has no cookie is an error of the request", async () => {
    const store = new MemoryStore();
    store.sessions.known = "{}";
    const shop = await serve({ store }, counter);
    const answer = await shop.ask("/", { headers: { cookie: signed("known", "tea") } });
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining("Cannot read properties of undefined") });
  });

  it("gives a session outside of requests by load, and its dates as dates", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store, cookie: { maxAge: 60_000 } }, counter);
    await shop.ask();
    const [id = ""] = Object.keys(store.sessions);
    const loaded = await new Promise<(Session & SessionData) | undefined>((resolve, reject) => {
      store.load(id, (error, session) => (error ? reject(error) : resolve(session)));
    });
    expect(loaded).toBeInstanceOf(Session);
    expect(loaded).toMatchObject({ id, views: 1 });
    expect(loaded!.cookie.expires).toBeInstanceOf(Date);
    expect(loaded!.cookie.originalMaxAge).toBe(60_000);
  });

  it("in memory keeps a session whose expiry is no date", async () => {
    const store = new MemoryStore();
    store.sessions.a = JSON.stringify({ cookie: { expires: "never" }, views: 41 });
    expect(await new Promise((resolve) => store.get("a", (_, session) => resolve(session)))).toMatchObject({
      views: 41,
    });
  });

  it("in memory may be asked without a callback", () => {
    const store = new MemoryStore() as unknown as Record<string, (...args: unknown[]) => void>;
    for (const method of ["set", "touch"]) store[method]!("a", { cookie: {} });
    store.destroy!("a");
    for (const method of ["all", "clear"]) store[method]!();
    expect(store.sessions).toEqual({});
  });

  it("in memory lists, counts, clears and forgets what has expired", async () => {
    const store = new MemoryStore();
    const cookie = (expires: Date | null) => ({ cookie: Object.assign(new Cookie(), { _expires: expires }) });
    for (const [id, data] of Object.entries({ a: cookie(null), b: cookie(new Date(0)) })) {
      await new Promise<void>((resolve) => store.set(id, data as SessionData, () => resolve()));
    }
    const all = await new Promise((resolve) => store.all((_error, sessions) => resolve(Object.keys(sessions!))));
    expect(all).toEqual(["a"]);
    expect(await new Promise((resolve) => store.length((_error, length) => resolve(length)))).toBe(1);
    expect(Object.keys(store.sessions)).toEqual(["a"]);
    await new Promise<void>((resolve) => store.clear(() => resolve()));
    expect(rows(store)).toEqual([]);
  });
});
