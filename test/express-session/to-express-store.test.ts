import { isHoldfastError } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { barrier } from "holdfast/testing";
import { describe, expect, it, vi } from "vitest";
import { sessionIdOf } from "../../src/express-session/id.ts";
import type { SessionData } from "../../src/express-session/session.ts";
import { toExpressStore } from "../../src/express-session/to-express-store.ts";
import type { IndexedStore } from "../../src/store.ts";
import { app, called, dropIn, type Handler, type LooseOptions, packages } from "./apps.ts";

const stores: [string, () => IndexedStore][] = [
  ["memoryStore", memoryStore],
  ["sqliteStore", () => sqliteStore(":memory:")],
];
const HOUR = 3_600_000;

const userOf = (session: SessionData) => (session as { passport?: { user?: string } }).passport?.user;

/** `/set?a=1`, `/delete?a=`, `/login?user=ada`, `/logout`; all answer the session's properties as they are then. */
const handler: Handler = async (req) => {
  const { pathname, searchParams } = new URL(req.url ?? "/", "http://localhost");
  if (pathname === "/set") Object.assign(req.session, Object.fromEntries(searchParams));
  if (pathname === "/delete") for (const name of searchParams.keys()) delete req.session[name];
  if (pathname === "/login") {
    await called(req.session, "regenerate");
    req.session.passport = { user: searchParams.get("user") };
  }
  if (pathname === "/logout") return called(req.session, "destroy");
  return { ...req.session, cookie: undefined };
};

/** The same, but requests to `/slow/…` wait at the barriers when they have read their session. */
function slowly(read: () => Promise<void>, go: () => Promise<void>): Handler {
  return async (req, res) => {
    if (!req.url?.startsWith("/slow/")) return handler(req, res);
    req.url = req.url.slice("/slow".length);
    await read();
    await go();
    return handler(req, res);
  };
}

describe.each(packages)("%s on a holdfast store", (name, session) => {
  describe.each(stores)("(%s)", (_, newStore) => {
    const begin = (options?: LooseOptions) => app(session, { store: toExpressStore(newStore()), ...options }, handler);

    it("keeps what is set, and loses what is deleted", async () => {
      const browser = (await begin())();
      expect((await browser.get("/")).setCookie).toEqual([]);
      await browser.get("/set?a=1&b=2");
      expect((await browser.get("/")).body).toEqual({ a: "1", b: "2" });
      await browser.get("/delete?a=");
      expect((await browser.get("/")).body).toEqual({ b: "2" });
    });

    it("ends a session at logout", async () => {
      const browser = (await begin())();
      await browser.get("/set?a=1");
      const twin = browser.twin();
      await browser.get("/logout");
      expect((await twin.get("/")).body).toEqual({});
    });

    it("gives a new id at login, and the old one is dead", async () => {
      const browser = (await begin())();
      await browser.get("/set?a=1");
      const twin = browser.twin();
      expect((await browser.get("/login?user=ada")).body).toEqual({ passport: { user: "ada" } });
      expect((await twin.get("/")).body).toEqual({});
      expect((await browser.get("/")).body).toEqual({ passport: { user: "ada" } });
    });

    it("keeps what an app saves whatever its names and values", async () => {
      const hostile = {
        "~cookie": 1,
        '~"a"': 2,
        "~": 3,
        "\ud800": "\ud800",
        "": "",
        "a\0b": "a\0b",
        text: "x".repeat(2 ** 20),
        list: [1, null, { "\udfff": "🍵" }],
        when: new Date(0),
      };
      const open = await app(session, { store: toExpressStore(newStore()) }, (req) => {
        if (req.url === "/set") Object.assign(req.session, hostile);
        return Object.entries(req.session);
      });
      const browser = open();
      await browser.get("/set");
      const found = (await browser.get("/")).body as [string, unknown][];
      const expected = Object.entries({ ...hostile, when: "1970-01-01T00:00:00.000Z" });
      expect(new Map(found.filter(([name]) => name !== "cookie"))).toEqual(new Map(expected));
    });
  });

  it("keeps both of two overlapping changes to different properties", async () => {
    const bothHaveRead = barrier(2);
    const store = toExpressStore(memoryStore());
    const browser = (
      await app(
        session,
        { store },
        slowly(bothHaveRead.arrive, async () => {}),
      )
    )();
    await browser.get("/set?kept=1&gone=1");
    await Promise.all([browser.get("/slow/set?a=1"), browser.twin().get("/slow/delete?gone=")]);
    expect((await browser.get("/")).body).toEqual({ kept: "1", a: "1" });
  });

  it.each(["/slow/set?a=2", "/slow/"])("a logout survives a slow request to %s", async (path) => {
    const [hasRead, loggedOut] = [barrier(2), barrier(2)];
    const kept = memoryStore();
    const store = toExpressStore(kept);
    const errors: unknown[] = [];
    const set = store.set.bind(store) as (sid: string, data: SessionData, done: (error?: unknown) => void) => void;
    store.set = ((sid: string, data: SessionData, done: (error?: unknown) => void) =>
      set(sid, data, (error) => {
        if (error) errors.push(error);
        done(error);
      })) as typeof store.set;
    const browser = (await app(session, { store, resave: true }, slowly(hasRead.arrive, loggedOut.arrive)))();
    await browser.get("/set?a=1");
    const [twin, late] = [browser.twin(), browser.twin()];
    const slow = twin.get(path);
    await hasRead.arrive();
    await browser.get("/logout");
    await loggedOut.arrive();
    // express-session has answered by then; the drop-in says what became of the change.
    expect((await slow).status).toBe(path === "/slow/" || name === "express-session" ? 200 : 409);
    expect((await late.get("/")).body).toEqual({});
    expect(errors.map((error) => isHoldfastError(error) && error.code)).toEqual(
      path === "/slow/" ? [] : ["session-gone"],
    );
  });

  it("keeps the cookie's maxAge with the session, and moves its expiry with use", async () => {
    const kept = memoryStore();
    const open = await app(session, { store: toExpressStore(kept) }, (req) => {
      if (req.url === "/remember") Object.assign(req.session, { a: 1 }).cookie.maxAge = 5 * HOUR;
      return { sid: req.sessionID, ...req.session.cookie.toJSON() };
    });
    const browser = open();
    const { sid } = (await browser.get("/remember")).body as { sid: string };
    const record = await kept.read(sessionIdOf(sid).handle);
    expect(record!.expiresAt - Date.now()).toBeGreaterThan(4.9 * HOUR);
    const cookie = (await browser.get("/")).body as { originalMaxAge: number; expires: string };
    expect(Math.round(cookie.originalMaxAge / HOUR)).toBe(5);
    expect(new Date(cookie.expires).getTime() - Date.now()).toBeGreaterThan(4.9 * HOUR);
    expect((await kept.read(sessionIdOf(sid).handle))!.expiresAt).toBeGreaterThanOrEqual(record!.expiresAt);
  });

  it("reloads, and saves again from there", async () => {
    const store = toExpressStore(memoryStore());
    const open = await app(session, { store }, async (req) => {
      Object.assign(req.session, { a: 1, b: 1 });
      await called(req.session, "save");
      delete req.session.a;
      await called(req.session, "reload");
      req.session.b = 2;
    });
    const browser = open();
    await browser.get("/");
    const found = await store.get(onlySid(browser.cookies));
    expect(found).toMatchObject({ a: 1, b: 2 });
  });

  it("finds users' sessions, and ends them", async () => {
    const store = toExpressStore(memoryStore(), { user: userOf });
    const open = await app(session, { store }, handler);
    const [phone, laptop, other] = [open(), open(), open()];
    for (const browser of [phone, laptop]) await browser.get("/login?user=ada");
    await other.get("/login?user=bob");
    expect((await store.list("ada")).map(({ userId }) => userId)).toEqual(["ada", "ada"]);
    expect(await store.revokeAll("ada", { except: onlySid(phone.cookies) })).toBe(1);
    expect((await laptop.get("/")).body).toEqual({});
    expect((await phone.get("/")).body).toEqual({ passport: { user: "ada" } });
    const { handle } = (await store.list("bob"))[0]!;
    expect([await store.revoke(handle), await store.revoke(handle)]).toEqual([true, false]);
    expect((await other.get("/")).body).toEqual({});
  });

  it("lists a session no longer whose user logged out and kept the id", async () => {
    const kept = memoryStore();
    const store = toExpressStore(kept, { user: userOf });
    const browser = (await app(session, { store }, handler))();
    await browser.get("/login?user=ada");
    await browser.get("/set?a=1");
    expect(await store.list("ada")).toHaveLength(1);
    await browser.get("/delete?passport=");
    expect(await store.list("ada")).toEqual([]);
    expect((await browser.get("/")).body).toEqual({ a: "1" });
    const record = await kept.read(sessionIdOf(onlySid(browser.cookies)).handle);
    expect(record).not.toHaveProperty("userId");
  });

  describe("moving from another store", () => {
    const begin = async (options: { user?: typeof userOf } = {}) => {
      const previous = new session.MemoryStore();
      const former = await app(session, { store: previous }, handler);
      const kept = memoryStore();
      const store = toExpressStore(kept, { previous, ...options });
      return { previous, former, store, kept, current: await app(session, { store }, handler) };
    };

    it("logs nobody out, and loses nothing", async () => {
      const { former, current } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const moved = browser.on(current);
      expect((await moved.get("/set?b=2")).setCookie).toEqual([]);
      expect((await moved.get("/")).body).toEqual({ a: "1", b: "2" });
    });

    it("goes back without logging anybody out", async () => {
      const { former, current } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      await browser.on(current).get("/set?b=2");
      expect((await browser.on(former).get("/")).body).toEqual({ a: "1" });
    });

    it("moves a session once where two requests bring it", async () => {
      const { former, current, store } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const moved = browser.on(current);
      const bodies = await Promise.all(["/", "/set?b=2", "/set?c=3"].map((path) => moved.twin().get(path)));
      expect(bodies.map(({ setCookie }) => setCookie)).toEqual([[], [], []]);
      expect(await store.get(onlySid(browser.cookies))).toMatchObject({ a: "1", b: "2", c: "3" });
    });

    it("a logout ends the session in both, moved before or not", async () => {
      for (const first of ["/", "/logout"]) {
        const { former, current, previous } = await begin();
        const browser = former();
        await browser.get("/set?a=1");
        const moved = browser.on(current);
        await moved.get(first);
        await moved.twin().get("/logout");
        expect((await moved.get("/")).body).toEqual({});
        expect(previous.sessions).toEqual({});
      }
    });

    it("what was ended here is not moved again", async () => {
      const { former, current, kept } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const moved = browser.on(current);
      await moved.get("/");
      await kept.delete(sessionIdOf(onlySid(browser.cookies)).handle);
      expect((await moved.get("/")).body).toEqual({});
    });

    it("a logout everywhere ends the sessions that were not moved yet, too", async () => {
      const { former, current, store } = await begin({ user: userOf });
      const [phone, laptop, other] = [former(), former(), former()];
      for (const browser of [phone, laptop]) await browser.get("/login?user=ada");
      await other.get("/login?user=bob");
      await phone.on(current).get("/");
      expect(await store.revokeAll("ada")).toBe(1);
      expect((await phone.on(current).get("/")).body).toEqual({});
      expect((await laptop.on(current).get("/")).body).toEqual({});
      expect((await other.on(current).get("/")).body).toEqual({ passport: { user: "bob" } });
    });

    it("a session that is moved while its logout is under way ends", async () => {
      const { former, previous, kept } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const sid = onlySid(browser.cookies);
      const [begun, moved] = [barrier(2), barrier(2)];
      const slow = toExpressStore(kept, {
        previous: {
          get: previous.get.bind(previous),
          set: previous.set.bind(previous),
          destroy: async (id, done) => {
            await begun.arrive();
            await moved.arrive();
            previous.destroy(id, done);
          },
        },
      });
      const logout = slow.destroy(sid);
      await begun.arrive();
      expect(await toExpressStore(kept, { previous }).get(sid)).toMatchObject({ a: "1" });
      await moved.arrive();
      await logout;
      expect(await slow.get(sid)).toBeUndefined();
    });

    it("a logout while the session is being moved is final", async () => {
      const { former, previous, kept } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const sid = onlySid(browser.cookies);
      const [hasRead, ended] = [barrier(2), barrier(2)];
      const slow = toExpressStore(kept, {
        previous: {
          get: (id, done) =>
            previous.get(id, async (...found) => {
              await hasRead.arrive();
              await ended.arrive();
              done(...found);
            }),
          set: previous.set.bind(previous),
          destroy: previous.destroy.bind(previous),
        },
      });
      const moving = slow.get(sid);
      await hasRead.arrive();
      await toExpressStore(kept, { previous }).destroy(sid);
      await ended.arrive();
      expect(await moving).toBeUndefined();
      expect(await kept.read(sessionIdOf(sid).handle)).toBeUndefined();
    });

    it("what was ended while one request moved it is not moved again by another", async () => {
      const { former, previous, kept } = await begin();
      const browser = former();
      await browser.get("/set?a=1");
      const sid = onlySid(browser.cookies);
      const [there, goOn] = [barrier(2), barrier(2)];
      const slowly = async (...args: Parameters<typeof kept.create>) => {
        const outcome = await kept.create(...args);
        if (args[0] === sessionIdOf(sid).handle) {
          await there.arrive();
          await goOn.arrive();
        }
        return outcome;
      };
      const slow = toExpressStore({ ...kept, create: slowly }, { previous });
      const moving = slow.get(sid);
      await there.arrive();
      await kept.delete(sessionIdOf(sid).handle);
      await toExpressStore(kept, { previous }).get(sid);
      await goOn.arrive();
      expect(await moving).toBeUndefined();
      expect(await toExpressStore(kept, { previous }).get(sid)).toBeUndefined();
    });
  });
});

function onlySid(cookies: ReadonlyMap<string, string>): string {
  return decodeURIComponent([...cookies.values()][0]!)
    .slice(2)
    .replace(/\.[^.]*$/, "");
}

it("the drop-in takes a store of holdfast's as it is", async () => {
  const kept = memoryStore();
  const visitor = (await app(dropIn, { store: kept }, handler))();
  await visitor.get("/set?a=1");
  expect((await visitor.get("/")).body).toEqual({ a: "1" });
  expect((await kept.read(sessionIdOf(onlySid(visitor.cookies)).handle))?.entries.get("a")).toBe('"1"');
});

describe("toExpressStore", () => {
  const data = (fields: object): SessionData =>
    ({ cookie: { originalMaxAge: null }, ...fields }) as unknown as SessionData;

  it("keeps no sid", async () => {
    const kept = memoryStore();
    const calls: string[] = [];
    const create: IndexedStore["create"] = (handle, record) => {
      calls.push(JSON.stringify([handle, { ...record, entries: [...record.entries] }]));
      return kept.create(handle, record);
    };
    await toExpressStore({ ...kept, create }).set("a-sid-of-the-app", data({ a: 1 }));
    expect(calls).toHaveLength(1);
    expect(calls[0]).not.toContain("a-sid-of-the-app");
  });

  it("replaces with a plain object, whatever is there", async () => {
    const store = toExpressStore(memoryStore());
    await store.set("sid", data({ a: 1, b: 1 }));
    await store.set("sid", data({ b: 2 }));
    expect(await store.get("sid")).toEqual(data({ b: 2 }));
  });

  it("saves one object in the order of the calls", async () => {
    const store = toExpressStore(memoryStore());
    await store.set("sid", data({ a: 1 }));
    const session = (await store.get("sid"))! as SessionData & { a: number };
    const saves = [2, 1].map((a) => store.set("sid", Object.assign(session, { a })));
    await Promise.all(saves);
    expect(await store.get("sid")).toMatchObject({ a: 1 });
  });

  it("puts a session in the place of one that has expired", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const store = toExpressStore(memoryStore(), { ttl: "1h" });
      await store.set("sid", data({ a: 1 }));
      vi.setSystemTime(Date.now() + HOUR + 1);
      expect(await store.get("sid")).toBeUndefined();
      await store.set("sid", data({ b: 1 }));
      expect(await store.get("sid")).toEqual(data({ b: 1 }));
    } finally {
      vi.useRealTimers();
    }
  });

  it("moves a session's expiry to its cookie's with a touch, and nothing else", async () => {
    const kept = memoryStore();
    const store = toExpressStore(kept, { ttl: "1h" });
    const until = (hours: number) =>
      data({ cookie: { originalMaxAge: hours * HOUR, expires: new Date(Date.now() + hours * HOUR) } });
    await store.set("sid", Object.assign(until(2), { a: 1 }));
    const record = (await kept.read(sessionIdOf("sid").handle))!;
    expect(record.entries.get("~cookie")).toBe(JSON.stringify({ originalMaxAge: 2 * HOUR }));
    const later = until(3);
    await store.touch("sid", later);
    const { touchedAt, ...touched } = (await kept.read(sessionIdOf("sid").handle))!;
    expect(touched).toMatchObject({ entries: record.entries, expiresAt: later.cookie.expires?.getTime(), version: 2 });
    expect((await store.get("sid"))?.cookie.expires).toEqual(later.cookie.expires);
    await store.touch("sid", data({}));
    expect((await kept.read(sessionIdOf("sid").handle))?.expiresAt).toBeLessThanOrEqual(Date.now() + HOUR);
  });

  it("has no error for an ended session of which the cookie alone has changed", async () => {
    const store = toExpressStore(memoryStore());
    await store.set("sid", data({ a: 1 }));
    const session = (await store.get("sid"))!;
    await store.destroy("sid");
    session.cookie.originalMaxAge = HOUR;
    await store.set("sid", session);
    expect(await store.get("sid")).toBeUndefined();
    await expect(store.set("sid", Object.assign(session, { a: 2 }))).rejects.toMatchObject({ code: "session-gone" });
  });

  it("lets no sid write that was superseded by a login of the native API", async () => {
    const kept = memoryStore();
    const store = toExpressStore(kept);
    await store.set("sid", data({ a: 1 }));
    const { handle } = sessionIdOf("sid");
    const record = (await kept.read(handle))!;
    const rotate = { secretHash: "1:another", graceUntil: 0 };
    await kept.update(handle, { touchedAt: record.touchedAt, expiresAt: record.expiresAt, rotate }, record);
    await expect(store.set("sid", data({ a: 2 }))).rejects.toMatchObject({ code: "session-gone", details: { handle } });
    expect(await store.get("sid")).toBeUndefined();
    expect((await kept.read(handle))?.entries.get("a")).toBe("1");
  });

  it("destroys and touches what is not there without an error", async () => {
    const store = toExpressStore(memoryStore());
    await store.destroy("sid");
    await store.touch("sid", data({}));
    expect(await store.get("sid")).toBeUndefined();
  });

  it("gives what JSON can't hold to the callback", async () => {
    const store = toExpressStore(memoryStore());
    const error = await new Promise((resolve) => store.set("sid", data({ a: 1n }), resolve));
    expect(error).toBeInstanceOf(TypeError);
  });

  it("calls an entry that is not JSON corrupt", async () => {
    const kept = memoryStore();
    const { handle } = sessionIdOf("sid");
    const store = toExpressStore(kept);
    await store.set("sid", data({ a: 1 }));
    const record = (await kept.read(handle))!;
    await kept.update(handle, { ...record, set: new Map([["a", "§"]]) }, record);
    await expect(store.get("sid")).rejects.toMatchObject({ code: "record-corrupt", details: { handle } });
  });

  it("writes down when a user logged in, and who was there already", async () => {
    const kept = memoryStore();
    const recordOf = async (sid: string) => (await kept.read(sessionIdOf(sid).handle))!;
    const ada = { passport: { user: "ada" } };
    await toExpressStore(kept).set("before", data(ada));
    const store = toExpressStore(kept, { user: userOf });
    await store.set("before", Object.assign((await store.get("before"))!, { a: 1 }));
    expect(await recordOf("before")).toMatchObject({ userId: "ada" });
    expect(await recordOf("before")).not.toHaveProperty("authenticatedAt");

    await store.set("created", data(ada));
    await store.set("updated", data({}));
    await store.set("updated", Object.assign((await store.get("updated"))!, ada));
    for (const sid of ["created", "updated"]) {
      expect(await recordOf(sid)).toMatchObject({ userId: "ada", authenticatedAt: expect.any(Number) });
    }
  });

  it("leaves the native API's user alone where the old one's is another", async () => {
    const kept = memoryStore();
    const { handle } = sessionIdOf("sid");
    const store = toExpressStore(kept, { user: userOf });
    await toExpressStore(kept).set("sid", data({ passport: { user: "bob" } }));
    const record = (await kept.read(handle))!;
    await kept.update(handle, { touchedAt: record.touchedAt, expiresAt: record.expiresAt, userId: "ada" }, record);
    const session = (await store.get("sid"))!;
    Reflect.deleteProperty(session, "passport");
    await store.set("sid", session);
    expect(await kept.read(handle)).toMatchObject({ userId: "ada" });
  });

  it("refuses options that can't be meant so", () => {
    const refused = (options: object) => {
      try {
        toExpressStore(memoryStore(), options);
      } catch (error) {
        return isHoldfastError(error) && [error.code, error.details];
      }
    };
    expect(refused({ previos: undefined })).toEqual(["option-unknown", { option: "previos", meant: "previous" }]);
    expect(refused({ ttl: "soon" })).toEqual(["option-invalid", { option: "ttl" }]);
    expect(refused({ previous: {} })).toEqual(["option-invalid", { option: "previous" }]);
    expect(() => toExpressStore({} as IndexedStore)).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });

  it("has no lists where the store has none", () => {
    const { list, deleteAll, ...plain } = memoryStore();
    expect(toExpressStore(plain)).not.toHaveProperty("list");
  });
});
