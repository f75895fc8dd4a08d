import { createSessions, type IndexedSessions, type Session } from "holdfast";
import { barrier } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "./client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

interface Data {
  cart: string[];
  views: number;
  theme: string;
}

let store: WatchedStore;
let sessions: IndexedSessions<Data>;
let browser: Client<Data>;

const GONE = { code: "session-gone", status: 409 };

/** Another tab or device that holds the same cookie. */
function another(cookie = browser.cookie): Client<Data> {
  return Object.assign(client(sessions), { cookie });
}

beforeEach(async () => {
  store = watchedStore();
  sessions = createSessions<Data>({ store });
  browser = client(sessions);
  await browser.set({ cart: ["tea"], views: 0 });
});

afterEach(async () => {
  vi.useRealTimers();
  await sessions.close();
});

describe("of two requests that overlap", () => {
  it("both win when they write different entries", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    one.session.data.theme = "dark";
    two.session.data.views = 1;
    await browser.finish(two);
    await browser.finish(one);
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"], views: 1, theme: "dark" }));
  });

  it("the later wins when they write the same entry", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    one.session.data.theme = "dark";
    two.session.data.theme = "light";
    await browser.finish(two);
    await browser.finish(one);
    await browser.request((session) => expect(session.data.theme).toBe("dark"));
  });

  it("one removes an entry while the other writes another", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    delete one.session.data.cart;
    two.session.data.views = 5;
    await browser.finish(one);
    await browser.finish(two);
    await browser.request((session) => expect(session.data).toEqual({ views: 5 }));
  });

  it("none is lost in update(), whatever comes between", async () => {
    const all = Array.from({ length: 30 }, () => browser.open());
    const start = barrier(30);
    await Promise.all(
      all.map(async (opening) => {
        const exchange = await opening;
        await start.arrive();
        await exchange.session.update("views", (n = 0) => n + 1);
        await browser.finish(exchange);
      }),
    );
    await browser.request((session) => expect(session.data.views).toBe(30));
  });

  it("update() sees a change that came before another entry's save in the same request", async () => {
    // The save raises the version this request knows; the entry it read is older than that all the same.
    const slow = await browser.open();
    expect(slow.session.data.views).toBe(0);
    await browser.set({ views: 10 });
    slow.session.data.theme = "dark";
    await slow.session.save();
    expect(await slow.session.update("views", (n = 0) => n + 1)).toBe(11);
    await browser.finish(slow);
    await browser.request((session) => expect(session.data).toMatchObject({ views: 11, theme: "dark" }));
  });

  it("update() judges by the store's value even where it changes nothing", async () => {
    const slow = await browser.open();
    await browser.set({ views: 1 });
    expect(await slow.session.update("views", (n = 0) => n)).toBe(1);
  });

  it("update() loses nothing else that its request changed when it has to try again", async () => {
    const slow = await browser.open();
    slow.session.data.theme = "dark";
    await browser.set({ views: 1 });
    await slow.session.update("views", (n = 0) => n + 1);
    await browser.finish(slow);
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"], views: 2, theme: "dark" }));
  });
});

describe("a logout", () => {
  it("survives a slow request that writes: it is told, and nothing comes back", async () => {
    const slow = await browser.open();
    const { handle } = slow.session;
    await another().request((session) => session.destroy());
    slow.session.data.theme = "dark";
    await expect(browser.finish(slow)).rejects.toMatchObject(GONE);
    expect(slow.abandon().setCookie).toBeUndefined();
    expect(await store.read(handle)).toBeUndefined();
  });

  it("survives a slow request that reads: its answer stands, its cookie is not touched", async () => {
    const slow = await browser.open();
    expect(slow.session.data.cart).toEqual(["tea"]);
    await another().request((session) => session.destroy());
    expect((await browser.finish(slow)).setCookie).toBeUndefined();
  });

  const acts: Record<string, (session: Session<Data>) => Promise<unknown>> = {
    login: (session) => session.login("ada"),
    regenerate: (session) => session.regenerate(),
    update: (session) => session.update("views", (n = 0) => n + 1),
    "update that changes nothing": (session) => session.update("views", (n = 0) => n),
    reload: (session) => session.reload(),
    async save(session) {
      session.data.views = 9;
      await session.save();
    },
  };
  for (const [name, act] of Object.entries(acts)) {
    it(`survives a slow request's ${name}`, async () => {
      const slow = await browser.open();
      await another().request((session) => session.destroy());
      await expect(act(slow.session)).rejects.toMatchObject(GONE);
      await another().request((session) => expect(session.isNew).toBe(true));
    });
  }

  it("survives a slow request whose use would move the cookie's end: no cookie comes late", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const rolling = createSessions<Data>({ store, absolute: false, renew: "20m", cookie: { persistent: true } });
    browser = client(rolling);
    for (const age of [10, 25]) {
      await browser.set({ views: age });
      const [slow, parallel, use] = [await browser.open(), await browser.open(), await browser.open()];
      vi.setSystemTime(Date.now() + age * 60_000);
      expect((await use.commit()).setCookie).toMatch(/Max-Age=1800/);
      await another().request((session) => session.destroy());
      expect((await slow.commit()).setCookie).toBeUndefined();
      parallel.session.data.views = 0;
      await expect((async () => parallel.commit())()).rejects.toMatchObject(GONE);
      expect(parallel.abandon().setCookie).toBeUndefined();
      browser.cookie = undefined;
    }
  });

  it("from afar ends requests under way as well", async () => {
    await browser.request((session) => session.login("ada"));
    const slow = await browser.open();
    expect(await sessions.revokeAll({ userId: "ada" })).toBe(1);
    slow.session.data.views = 1;
    await expect(browser.finish(slow)).rejects.toMatchObject(GONE);
  });
});

describe("a login", () => {
  it("keeps out a request from before it", async () => {
    const before = await browser.open();
    await browser.request((session) => session.login("ada"));
    before.session.data.theme = "dark";
    await expect(before.commit()).rejects.toMatchObject(GONE);
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"], views: 0 }));
  });

  it("is not undone by a request that comes a little late: its own session gets no cookie to replace the login's", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const late = another();
    await browser.request((session) => session.login("ada"));
    const { value, edits } = await late.request((session) => session.update("views", (n = 0) => n + 1));
    expect([value, edits.setCookie]).toEqual([1, undefined]);
    expect((await late.request((session) => session.destroy())).edits.setCookie).toBeUndefined();
    // Much later it is a browser that never got the login's answer, and begins anew.
    vi.setSystemTime(Date.now() + 15_000);
    expect((await late.set({ theme: "dark" })).edits.setCookie).toContain("sid=");
  });

  it("gets its cookie, be its request late or not", async () => {
    const late = another();
    await browser.request((session) => session.login("ada"));
    expect((await late.request((session) => session.login("ada"))).edits.setCookie).toContain("sid=");
  });

  it("twice at once logs nobody out: one wins, the other is told", async () => {
    const [one, two] = [await browser.open(), await browser.open()];
    await one.session.login("ada");
    await expect(two.session.login("ada")).rejects.toMatchObject(GONE);
    expect(two.abandon().setCookie).toBeUndefined();
    await browser.finish(one);
    await browser.request((session) => expect(session.userId).toBe("ada"));
  });
});

describe("a login that fails", () => {
  it("leaves nothing behind that a later commit would store", async () => {
    const visitor = client(sessions);
    const exchange = await visitor.open();
    store.before = () => {
      throw new Error("down");
    };
    await expect(exchange.session.login("ada", { remember: true })).rejects.toMatchObject({ code: "store-failed" });
    store.before = () => {};
    expect((await visitor.finish(exchange)).setCookie).toBeUndefined();
  });
});

describe("a response", () => {
  it("waits for the store", async () => {
    const parked = barrier(2);
    store.before = async (method) => {
      if (method === "update") await parked.arrive();
    };
    const exchange = await browser.open();
    exchange.session.data.views = 1;
    let left = false;
    const finished = browser.finish(exchange).then(() => {
      left = true;
    });
    await new Promise(setImmediate);
    expect(left).toBe(false);
    await parked.arrive();
    await finished;
  });

  it("waits for a method that the handler did not await", async () => {
    const exchange = await browser.open();
    void exchange.session.login("ada");
    const edits = await browser.finish(exchange);
    expect(edits.setCookie).toContain("sid=");
    await browser.request((session) => expect(session.userId).toBe("ada"));
  });

  it("that ends at once still carries the cookie of a session that begins with it", async () => {
    const fresh = await client(sessions).open();
    fresh.session.data.views = 1;
    const committed = fresh.commit();
    fresh.seal();
    expect((await committed).setCookie).toContain("sid=");
  });

  it("is an error where the store fails, and still tells of the login before it", async () => {
    const exchange = await browser.open();
    await exchange.session.login("ada");
    exchange.session.data.views = 1;
    const down = new Error("connection refused");
    store.before = () => {
      throw down;
    };
    await expect(exchange.commit()).rejects.toMatchObject({ code: "store-failed", status: 503, cause: down });
    store.before = () => {};
    const { setCookie } = exchange.abandon();
    browser.cookie = setCookie?.split(";")[0];
    await browser.request((session) => {
      expect(session.userId).toBe("ada");
      expect(session.data.views).toBe(0);
    });
  });
});

describe("once the headers have left", () => {
  it("a change is saved by save() or update()", async () => {
    const stream = await browser.open();
    await browser.finish(stream);
    stream.session.data.theme = "dark";
    await stream.session.save();
    await stream.session.update("views", (n = 0) => n + 1);
    stream.end();
    await browser.request((session) => expect(session.data).toEqual({ cart: ["tea"], views: 1, theme: "dark" }));
  });

  it("a change that nobody saved is an error at the end", async () => {
    const stream = await browser.open();
    await browser.finish(stream);
    stream.session.data.cart?.push("milk");
    expect(() => stream.end()).toThrow(expect.objectContaining({ code: "headers-sent" }));
  });

  it("no session begins, and none gets a new id: their cookie can't leave", async () => {
    const stream = await browser.open();
    await browser.finish(stream);
    await expect(stream.session.login("ada")).rejects.toMatchObject({ code: "headers-sent" });
    await expect(stream.session.regenerate()).rejects.toMatchObject({ code: "headers-sent" });
    const fresh = await client(sessions).open();
    await fresh.commit();
    fresh.session.data.views = 1;
    await expect(fresh.session.save()).rejects.toMatchObject({ code: "headers-sent" });
    expect(store.calls.filter((call) => call === "create")).toHaveLength(1);
  });

  it("no user's session is ended for another user's login that can't be", async () => {
    await browser.request((session) => session.login("ada"));
    const stream = await browser.open();
    await browser.finish(stream);
    await expect(stream.session.login("bob")).rejects.toMatchObject({ code: "headers-sent" });
    await another().request((session) => expect(session.userId).toBe("ada"));
  });

  it("a session can still be ended", async () => {
    const stream = await browser.open();
    await browser.finish(stream);
    await stream.session.destroy();
    await another().request((session) => expect(session.isNew).toBe(true));
  });

  it("and the response has ended, data takes no change; update() still does", async () => {
    const exchange = await browser.open();
    await browser.finish(exchange);
    exchange.end();
    expect(() => {
      exchange.session.data.views = 1;
    }).toThrow(expect.objectContaining({ code: "headers-sent" }));
    await exchange.session.update("views", (n = 0) => n + 1);
    await browser.request((session) => expect(session.data.views).toBe(1));
  });
});
