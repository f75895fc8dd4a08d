import { inspect } from "node:util";
import { createSessions, type IndexedSessions, type SessionsOptions } from "holdfast";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "./client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

interface Data {
  cart: string[];
  views: number;
  theme: string;
}

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 0, 1);

let store: WatchedStore;
let sessions: IndexedSessions<Data>;
let browser: Client<Data>;

function begin(options: Omit<SessionsOptions, "store"> = {}): void {
  store = watchedStore();
  sessions = createSessions<Data>({ store, ...options });
  browser = client(sessions);
}

/** A browser whose session is stored, and a store that has forgotten how it came to be. */
async function beginWith(data: Partial<Data>, options?: Omit<SessionsOptions, "store">): Promise<void> {
  begin(options);
  await browser.set(data);
  store.calls.length = 0;
}

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW });
  begin();
});

afterEach(async () => {
  await sessions.close();
  vi.useRealTimers();
});

describe("a session", () => {
  it("without data is neither stored nor sent", async () => {
    const { edits } = await browser.request((session) => {
      expect(session.isNew).toBe(true);
      expect(session.data).toEqual({});
      expect(session.userId).toBeUndefined();
    });
    expect(edits).toEqual({ vary: "Cookie" });
    expect(store.calls).toEqual([]);
  });

  it("costs nothing where the request has no cookie and the handler does not look", async () => {
    const { edits } = await browser.request(() => {});
    expect(edits).toEqual({});
    expect(store.calls).toEqual([]);
  });

  it("is stored once it has data, and known again", async () => {
    const { edits, value: handle } = await browser.request((session) => {
      session.data.cart = ["tea"];
      return session.handle;
    });
    expect(edits.setCookie).toMatch(new RegExp(`^sid=${handle}\\.[\\w-]{43}; Path=/; HttpOnly; SameSite=Lax$`));
    const { edits: next } = await browser.request((session) => {
      expect(session.isNew).toBe(false);
      expect(session.handle).toBe(handle);
      expect(session.data).toEqual({ cart: ["tea"] });
    });
    expect(next).toEqual({ vary: "Cookie" });
    expect(store.calls).toEqual(["create", "read"]);
  });

  it("keeps a value that was changed deep within", async () => {
    await beginWith({ cart: ["tea"] });
    await browser.request((session) => void session.data.cart?.push("milk"));
    await browser.request((session) => expect(session.data.cart).toEqual(["tea", "milk"]));
    expect(store.calls).toEqual(["read", "update", "read"]);
  });

  it("writes only the entries that changed", async () => {
    await beginWith({ cart: ["tea"], views: 1, theme: "dark" });
    const update = vi.spyOn(store, "update");
    await browser.request((session) => {
      session.data.views = 2;
      delete session.data.theme;
      expect(session.data.cart).toEqual(["tea"]);
    });
    expect(update.mock.calls[0]?.[1]).toMatchObject({ set: new Map([["views", "2"]]), remove: ["theme"] });
  });

  it("keeps its secret out of the store, and out of what is printed", async () => {
    await browser.request(async (session) => {
      session.data.theme = "dark";
      await session.login("ada");
    });
    const [handle, secret] = browser.cookie!.slice("sid=".length).split(".") as [string, string];
    const record = await store.read(handle);
    expect(inspect(record, { depth: 9 })).not.toContain(secret);
    expect(record?.secretHash).toMatch(/^1:[\w-]{43}$/);
    const exchange = await browser.open();
    const printed = `${inspect(exchange, { depth: 9, showHidden: true })}${JSON.stringify(exchange)}${JSON.stringify(exchange.session)}${inspect(exchange.session)}${exchange.session}`;
    expect(printed).not.toContain(secret);
    expect(printed).toContain(handle);
  });

  it("takes no property beside data: it would be lost", async () => {
    await browser.request((session) => {
      const misplaced = { code: "entry-misplaced", message: expect.stringContaining("session.data.cart") };
      expect(() => Object.assign(session, { cart: ["tea"] })).toThrow(expect.objectContaining(misplaced));
      expect(() => Object.assign(session, { data: {} })).toThrow(TypeError);
    });
  });
});

describe("the timeouts", () => {
  it("end an unused session after the idle time", async () => {
    await beginWith({ views: 1 }, { idle: "30m" });
    later(30 * MINUTE - 1);
    await browser.request((session) => expect(session.isNew).toBe(false));
    later(30 * MINUTE);
    await browser.request((session) => expect(session.isNew).toBe(true));
  });

  it("are extended by use, but written down only after a tenth of the idle time", async () => {
    await beginWith({ views: 1 }, { idle: "30m" });
    later(3 * MINUTE - 1);
    await browser.request((session) => expect(session.expiresAt).toBe(NOW + 30 * MINUTE));
    later(1);
    await browser.request(() => {});
    expect(store.calls).toEqual(["read", "read", "update"]);
    await browser.request((session) => expect(session.expiresAt).toBe(NOW + 33 * MINUTE));
  });

  it("end a session in use at its absolute end", async () => {
    await beginWith({ views: 1 }, { idle: "30m", absolute: "1h" });
    for (const minutes of [20, 20]) {
      later(minutes * MINUTE);
      await browser.request((session) => expect(session.isNew).toBe(false));
    }
    await browser.request((session) => expect(session.expiresAt).toBe(NOW + 60 * MINUTE));
    later(20 * MINUTE);
    await browser.request((session) => expect(session.isNew).toBe(true));
  });

  it("start anew with a login", async () => {
    await beginWith({ views: 1 }, { idle: "30m", absolute: "1h" });
    later(29 * MINUTE);
    await browser.request(async (session) => {
      await session.login("ada");
      expect(session.authenticatedAt).toBe(NOW + 29 * MINUTE);
      expect(session.createdAt).toBe(NOW);
      expect(session.expiresAt).toBe(NOW + 59 * MINUTE);
    });
  });

  it("that were shortened hold for stored sessions too", async () => {
    await beginWith({ views: 1 });
    const strict = client(createSessions<Data>({ store, idle: "5m" }));
    strict.cookie = browser.cookie;
    later(6 * MINUTE);
    await strict.request((session) => expect(session.isNew).toBe(true));
  });
});

describe("login", () => {
  it("gives a new id to the same session: data carried, handle kept, the old id dead", async () => {
    await beginWith({ cart: ["tea"] });
    const before = browser.cookie;
    const { edits, value: handle } = await browser.request(async (session) => {
      await session.login(7);
      expect(session.userId).toBe("7");
      return session.handle;
    });
    expect(edits.setCookie).toContain(`sid=${handle}.`);
    expect(browser.cookie).not.toBe(before);
    await browser.request((session) => {
      expect(session.userId).toBe("7");
      expect(session.handle).toBe(handle);
      expect(session.data).toEqual({ cart: ["tea"] });
    });
    const thief = client(sessions);
    thief.cookie = before;
    await thief.request((session) => expect(session.isNew).toBe(true));
    expect(store.calls).toEqual(["read", "update", "read", "read"]);
  });

  it("carries what the same request changed, in the same write", async () => {
    await beginWith({ cart: ["tea"] });
    await browser.request(async (session) => {
      session.data.theme = "dark";
      await session.login("ada");
    });
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"], theme: "dark" }));
    expect(store.calls).toEqual(["read", "update", "read"]);
  });

  it("stores a session that has no data", async () => {
    await browser.request((session) => session.login("ada"));
    await browser.request((session) => expect(session.userId).toBe("ada"));
    expect(store.calls).toEqual(["create", "read"]);
  });

  it("of another user ends the session before, and its data with it", async () => {
    await beginWith({ cart: ["tea"] });
    const { value: first } = await browser.request(async (session) => {
      await session.login("ada");
      return session.handle;
    });
    await browser.request(async (session) => {
      await session.login("bob");
      expect(session.handle).not.toBe(first);
      expect(session.data).toEqual({});
    });
    expect(await store.read(first)).toBeUndefined();
    await browser.request((session) => expect(session.userId).toBe("bob"));
  });

  it("again of the same user renews id and times, and keeps the data", async () => {
    await beginWith({ cart: ["tea"] });
    await browser.request((session) => session.login("ada"));
    const before = browser.cookie;
    later(MINUTE);
    await browser.request(async (session) => {
      await session.login("ada");
      expect(session.data).toEqual({ cart: ["tea"] });
      expect(session.authenticatedAt).toBe(NOW + MINUTE);
    });
    expect(browser.cookie).not.toBe(before);
  });

  it("takes a user's id alone", async () => {
    for (const wrong of ["", undefined, null, Number.NaN, 1.5, {}, ["ada"], "\ud800"]) {
      const exchange = await browser.open();
      await expect(exchange.session.login(wrong as string)).rejects.toMatchObject({ code: "argument-invalid" });
    }
  });

  it("with remember keeps the cookie until the absolute end, over new ids too", async () => {
    begin({ absolute: "7d" });
    const { edits } = await browser.request((session) => session.login("ada", { remember: true }));
    expect(edits.setCookie).toContain(`; Max-Age=${7 * 24 * 3600}`);
    later(MINUTE);
    const { edits: renewed } = await browser.request((session) => session.regenerate());
    expect(renewed.setCookie).toContain(`; Max-Age=${7 * 24 * 3600 - 60}`);
    const { edits: forgotten } = await browser.request((session) => session.login("ada"));
    expect(forgotten.setCookie).not.toContain("Max-Age");
  });
});

describe("a persistent cookie", () => {
  it("is sent to every session by option", async () => {
    begin({ cookie: { persistent: true } });
    const { edits } = await browser.set({ views: 1 });
    expect(edits.setCookie).toContain("; Max-Age=43200");
    later(10 * MINUTE);
    expect((await browser.request(() => {})).edits.setCookie).toBeUndefined();
  });

  it("moves with use where there is no absolute end", async () => {
    begin({ cookie: { persistent: true }, absolute: false, idle: "1h" });
    const { edits } = await browser.set({ views: 1 });
    expect(edits.setCookie).toContain("; Max-Age=3600");
    later(10 * MINUTE);
    expect((await browser.request(() => {})).edits.setCookie).toContain("; Max-Age=3600");
  });
});

describe("regenerate", () => {
  it("gives a new id and leaves all else", async () => {
    await beginWith({ cart: ["tea"] });
    const before = browser.cookie;
    await browser.request((session) => session.regenerate());
    expect(browser.cookie).not.toBe(before);
    expect(browser.cookie?.split(".")[0]).toBe(before?.split(".")[0]);
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"] }));
    const thief = client(sessions);
    thief.cookie = before;
    await thief.request((session) => expect(session.isNew).toBe(true));
  });

  it("stores no session that has no data", async () => {
    const { edits } = await browser.request((session) => session.regenerate());
    expect(edits.setCookie).toBeUndefined();
    expect(store.calls).toEqual([]);
  });
});

describe("destroy", () => {
  it("ends the session and clears the cookie with its attributes", async () => {
    await beginWith({ cart: ["tea"] });
    const { edits, value: handle } = await browser.request(async (session) => {
      const { handle } = session;
      await session.destroy();
      expect(session.data).toEqual({});
      expect(session.isNew).toBe(true);
      return handle;
    });
    expect(edits.setCookie).toBe(
      "sid=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    );
    expect(await store.read(handle)).toBeUndefined();
  });

  it("clears a cookie that opens nothing any more", async () => {
    await beginWith({ cart: ["tea"] });
    await sessions.revoke(browser.cookie!.slice(4, 26));
    const { edits } = await browser.request((session) => session.destroy());
    expect(edits.setCookie).toContain("Max-Age=0");
  });

  it("sends nothing to a visitor without a cookie", async () => {
    const { edits } = await browser.request((session) => session.destroy());
    expect(edits.setCookie).toBeUndefined();
  });

  it("lets the request begin another session", async () => {
    await beginWith({ cart: ["tea"] });
    const before = browser.cookie;
    await browser.request(async (session) => {
      await session.destroy();
      session.flash("notice", "Goodbye");
    });
    expect(browser.cookie?.split(".")[0]).not.toBe(before?.split(".")[0]);
    await browser.request((session) => {
      expect(session.data).toEqual({});
      expect(session.flash("notice")).toEqual(["Goodbye"]);
    });
  });
});

describe("update", () => {
  it("begins, changes and removes an entry, and answers what was stored", async () => {
    const count = (n = 0): number => n + 1;
    expect((await browser.request((session) => session.update("views", count))).value).toBe(1);
    expect((await browser.request((session) => session.update("views", count))).value).toBe(2);
    await browser.request(async (session) => {
      expect(await session.update("views", async (n) => count(n))).toBe(3);
      expect(session.data.views).toBe(3);
      expect(await session.update("views", () => undefined)).toBeUndefined();
      expect(session.data).toEqual({});
    });
    expect(store.calls).toEqual(["create", "read", "update", "read", "update", "update"]);
  });

  it("goes on from what the same handler assigned", async () => {
    await beginWith({ views: 1 });
    await browser.request(async (session) => {
      session.data.views = 10;
      session.data.theme = "dark";
      expect(await session.update("views", (n = 0) => n + 1)).toBe(11);
    });
    await browser.request((session) => expect(session.data).toEqual({ views: 11, theme: "dark" }));
  });

  it("may be called many times at once in one request", async () => {
    await beginWith({ views: 0 });
    await browser.request((session) =>
      Promise.all([1, 2, 3, 4, 5].map(() => session.update("views", (n = 0) => n + 1))),
    );
    await browser.request((session) => expect(session.data.views).toBe(5));
  });

  it("may be called many times at once in a session's first request, which begins one session", async () => {
    await browser.request((session) => Promise.all([1, 2, 3].map(() => session.update("views", (n = 0) => n + 1))));
    await browser.request((session) => expect(session.data.views).toBe(3));
    expect(store.calls.filter((call) => call === "create")).toHaveLength(1);
  });

  it("gives a function that changes its value in place a copy of its own", async () => {
    await beginWith({ cart: ["tea"] });
    await browser.request(async (session) => {
      const seen = session.data.cart;
      await session.update("cart", (cart = []) => {
        cart.push("milk");
        return cart;
      });
      expect(seen).toEqual(["tea"]);
      expect(session.data.cart).toEqual(["tea", "milk"]);
    });
    await browser.request((session) => expect(session.data.cart).toEqual(["tea", "milk"]));
  });

  it("says so where its function changes the session itself, which overtakes it for ever", async () => {
    await browser.set({ views: 1 });
    await browser.request(async (session) => {
      const nested = session.update("views", async (n = 0) => {
        await session.update("cart", (cart = []) => [...cart, "tea"]);
        return n + 1;
      });
      await expect(nested).rejects.toMatchObject({ code: "argument-invalid", details: { argument: "fn" } });
    });
    const many = Array.from({ length: 200 }, (_, i) => i);
    await browser.request((session) => Promise.all(many.map(() => session.update("views", (n = 0) => n + 1))));
    expect((await browser.request(({ data }) => data.views)).value).toBe(201);
  });

  it("changes nothing where the function throws or its value can't be stored", async () => {
    await beginWith({ views: 1 });
    await browser.request(async (session) => {
      const thrown = new Error("no");
      await expect(
        session.update("views", () => {
          throw thrown;
        }),
      ).rejects.toBe(thrown);
      await expect(session.update("views", () => Number.NaN)).rejects.toMatchObject({ code: "entry-unserializable" });
      expect(session.data.views).toBe(1);
    });
    expect(store.calls).toEqual(["read"]);
  });
});

describe("save and reload", () => {
  it("save what changed, now", async () => {
    await browser.request(async (session) => {
      session.data.views = 1;
      await session.save();
      expect(store.calls).toEqual(["create"]);
      session.data.views = 2;
      await session.save();
      await session.save();
    });
    expect(store.calls).toEqual(["create", "update"]);
    await browser.request((session) => expect(session.data.views).toBe(2));
  });

  it("read what others saved, and drop what wasn't", async () => {
    await beginWith({ views: 1 });
    await browser.request(async (session) => {
      session.data.theme = "dark";
      await browser.set({ views: 2 });
      expect(session.data.views).toBe(1);
      await session.reload();
      expect(session.data).toEqual({ views: 2 });
    });
  });

  it("say where the session is gone", async () => {
    await beginWith({ views: 1 });
    const exchange = await browser.open();
    await sessions.revoke(exchange.session.handle);
    await expect(exchange.session.reload()).rejects.toMatchObject({ code: "session-gone", status: 409 });
  });
});

describe("flash", () => {
  it("leaves messages that the next page shows once, in their order", async () => {
    await browser.request((session) => {
      session.flash("notice", "one");
      session.flash("notice", "two");
      session.flash("error", "three");
    });
    await browser.request((session) => {
      expect(session.data).toEqual({});
      expect(session.flash("notice")).toEqual(["one", "two"]);
      expect(session.flash("notice")).toEqual([]);
    });
    await browser.request((session) => {
      expect(session.flash("notice")).toEqual([]);
      expect(session.flash("error")).toEqual(["three"]);
    });
  });

  it("keeps the messages of overlapping requests", async () => {
    await beginWith({ views: 1 });
    const requests = await Promise.all([browser.open(), browser.open()]);
    for (const [i, { session }] of requests.entries()) session.flash("notice", `from ${i}`);
    await Promise.all(requests.map((request) => browser.finish(request)));
    await browser.request((session) => expect(session.flash("notice").sort()).toEqual(["from 0", "from 1"]));
  });

  it("keeps names apart, whatever is in them", async () => {
    await browser.request((session) => {
      session.flash("a", "1");
      session.flash("a:b", "2");
    });
    await browser.request((session) => {
      expect(session.flash("a")).toEqual(["1"]);
      expect(session.flash("a:b")).toEqual(["2"]);
    });
  });
});
