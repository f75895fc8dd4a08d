import {
  createSessions,
  type Exchange,
  HoldfastError,
  type IndexedSessions,
  type SessionEvents,
  type SessionsOptions,
  type Store,
} from "holdfast";
import { loginAs } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client, head } from "./client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

interface Data {
  views: number;
}

let store: WatchedStore;
let sessions: IndexedSessions<Data>;
let browser: Client<Data>;
let events: [name: string, event: object][];

function begin(options: Omit<SessionsOptions, "store"> = {}): void {
  store = watchedStore();
  sessions = createSessions<Data>({ store, ...options });
  browser = client(sessions);
  events = [];
  const names = ["created", "loaded", "rotated", "destroyed", "expired", "revoked", "rejected", "storeError"] as const;
  for (const name of names) sessions.on(name, (event: SessionEvents[typeof name]) => void events.push([name, event]));
}

beforeEach(() => begin());
afterEach(async () => {
  await sessions.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A request with this Cookie header: whether it found a session, and how often it asked the store. */
async function open(cookie: string): Promise<{ isNew: boolean; reads: number }> {
  store.calls.length = 0;
  const { session } = await sessions.open(head({ cookie }));
  return { isNew: session.isNew, reads: store.calls.length };
}

describe("a cookie", () => {
  it("that can't be an id is ignored, without a look into the store", async () => {
    const good = await loginAs(sessions, "ada");
    const [name, id] = good.split("=") as [string, string];
    const malformed = [
      "sid=",
      "sid=garbage",
      `sid=${"x".repeat(8000)}`,
      `sid="${id}"`,
      `sid=${id}.x`,
      `sid=${encodeURIComponent(`${id}'; DROP TABLE sessions`)}`,
      "sid=../../etc/passwd",
      `SID=${id}`,
      `sid${id}`,
      `${"sid=x; ".repeat(1000)}`,
    ];
    for (const cookie of malformed) expect(await open(cookie)).toEqual({ isNew: true, reads: 0 });
    expect(name).toBe("sid");
  });

  it("that was forged opens nothing, and harms nobody's session", async () => {
    const good = await loginAs(sessions, "ada");
    const handle = good.slice(4, 26);
    expect(await open(`sid=${handle}.${"A".repeat(43)}`)).toEqual({ isNew: true, reads: 1 });
    expect(await open(`sid=${"A".repeat(22)}.${"A".repeat(43)}`)).toEqual({ isNew: true, reads: 1 });
    expect(events.slice(-2)).toEqual([
      ["rejected", { reason: "wrong-secret", handle }],
      ["rejected", { reason: "unknown", handle: "A".repeat(22) }],
    ]);
    expect(await open(good)).toEqual({ isNew: false, reads: 1 });
  });

  it("is found behind stale and planted ones of the same name, of which a bounded number is tried", async () => {
    const good = await loginAs(sessions, "ada");
    const planted = (i: number): string => `sid=${String(i).padEnd(22, "A")}.${"A".repeat(43)}`;
    expect(await open(`sid=stale; ${planted(1)}; ${good}`)).toEqual({ isNew: false, reads: 2 });
    expect(await open(`${good}; ${good}; ${planted(1)}`)).toEqual({ isNew: false, reads: 1 });
    expect(await open(`${"sid=x; ".repeat(50)}${good}`)).toEqual({ isNew: false, reads: 1 });
    const many = Array.from({ length: 50 }, (_, i) => planted(i)).join("; ");
    expect(await open(`${many}; ${good}`)).toEqual({ isNew: true, reads: 5 });
  });

  it("of https is another than that of http: a plain one is never taken for it", async () => {
    const good = await loginAs(sessions, "ada", { https: true });
    expect(good).toMatch(/^__Host-sid=/);
    const isNew = async (cookie: string): Promise<boolean> =>
      (await sessions.open(head({ cookie }, true))).session.isNew;
    expect(await isNew(good)).toBe(false);
    expect(await isNew(good.replace("__Host-", ""))).toBe(true);
  });
});

describe("behind a proxy", () => {
  const https = { "x-forwarded-proto": "https", host: "shop.example" };

  async function begun(headers: Record<string, string>): Promise<string | undefined> {
    const exchange = await sessions.open(head(headers));
    exchange.session.data.views = 1;
    return (await exchange.commit()).setCookie;
  }

  it("that is trusted the cookie is Secure, with its prefix", async () => {
    begin({ trustProxy: true });
    expect(await begun(https)).toMatch(/^__Host-sid=.*; Secure/);
    expect(await begun({ ...https, "x-forwarded-proto": "https, http" })).toMatch(/^__Host-sid=/);
    expect(await begun({ ...https, "x-forwarded-proto": "http" })).toMatch(/^sid=/);
    expect(await begun({})).toMatch(/^sid=/);
  });

  it("that is not trusted it isn't, and a warning says so, once, with the fix", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    expect(await begun(https)).toMatch(/^sid=(?!.*Secure)/);
    await begun(https);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain("createSessions({ trustProxy: true })");
  });

  it("a Secure cookie that can't be set over http says so, once, with the fix", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    begin({ cookie: { secure: true } });
    for (const host of ["localhost:3000", "127.0.0.1", "[::1]:80", "app.localhost"]) await begun({ host });
    await begun(https);
    expect(warn).not.toHaveBeenCalled();
    expect(await begun({ host: "shop.example" })).toMatch(/^__Host-sid=/);
    await begun({ host: "shop.example" });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/__Host-sid can't be set .*trustProxy: true/);
  });
});

describe("a user's sessions", () => {
  it("are listed, the most lately used first, with their devices", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const handles: string[] = [];
    for (const device of ["Firefox", "Chrome"]) {
      const exchange = await sessions.open(head({ "user-agent": device }));
      await exchange.session.login("ada");
      handles.unshift(exchange.session.handle);
      vi.setSystemTime(Date.now() + 1000);
    }
    await loginAs(sessions, "bob");
    const list = await sessions.list({ userId: "ada" });
    expect(list.map(({ handle, device, userId }) => ({ handle, device, userId }))).toEqual([
      { handle: handles[0], device: "Chrome", userId: "ada" },
      { handle: handles[1], device: "Firefox", userId: "ada" },
    ]);
    expect(list[0]).toEqual({
      handle: handles[0],
      userId: "ada",
      isDeviceBound: false,
      device: "Chrome",
      createdAt: Date.now() - 1000,
      authenticatedAt: Date.now() - 1000,
      touchedAt: Date.now() - 1000,
      expiresAt: Date.now() - 1000 + 30 * 60_000,
    });
  });

  it("are ended one by one, all, or all but one", async () => {
    const clients: Client<Data>[] = [];
    for (let i = 0; i < 4; i++) clients.push(Object.assign(client(sessions), { cookie: await loginAs(sessions, 7) }));
    const live = async (): Promise<boolean[]> =>
      Promise.all(clients.map(async (each) => !(await each.open()).session.isNew));
    const handle = (i: number): string => clients[i]!.cookie!.slice(4, 26);

    expect(await sessions.revoke(handle(3))).toBe(true);
    expect(await sessions.revoke(handle(3))).toBe(false);
    expect(await live()).toEqual([true, true, true, false]);

    const { session } = await clients[0]!.open();
    expect(await sessions.revokeAll({ userId: session.userId, except: session })).toBe(2);
    expect(await live()).toEqual([true, false, false, false]);

    expect(await sessions.revokeAll({ userId: 7, except: handle(0) })).toBe(0);
    expect(await sessions.revokeAll({ userId: 7 })).toBe(1);
    expect(await live()).toEqual([false, false, false, false]);
  });

  it("are ended by their own user alone, where a handle comes from a request", async () => {
    const handle = (await loginAs(sessions, "ada")).slice(4, 26);
    for (const userId of ["bob", undefined]) expect(await sessions.revoke(handle, { userId })).toBe(false);
    expect(await sessions.revoke("no such handle", { userId: "ada" })).toBe(false);
    expect(await sessions.revoke(handle, { userId: "ada" })).toBe(true);
    const literal = (await loginAs(sessions, "undefined")).slice(4, 26);
    expect(await sessions.revoke(literal, { userId: undefined })).toBe(false);
    const anonymous = await browser.request((session) => {
      session.data.views = 1;
      return session.handle;
    });
    expect(await sessions.revoke(anonymous.value, { userId: undefined })).toBe(false);
  });

  it("are not asked for where what a request names can't be a handle", async () => {
    const handle = (await loginAs(sessions, "ada")).slice(4, 26);
    store.calls.length = 0;
    const sent: unknown[] = [
      undefined,
      null,
      7,
      "",
      "\0",
      `${handle} `,
      [handle],
      ["x", handle],
      { handle },
      { $ne: "" },
    ];
    for (const each of sent) expect(await sessions.revoke(each as string, { userId: "ada" })).toBe(false);
    expect(store.calls).toEqual([]);
    expect(events.map(([name]) => name)).not.toContain("storeError");
    expect(await sessions.list({ userId: "ada" })).toHaveLength(1);
  });

  it("are not passed over in silence where their user is named in another way", async () => {
    const handle = (await loginAs(sessions, "ada")).slice(4, 26);
    for (const wrong of ["ada", { user: "ada" }, null]) {
      const of = wrong as unknown as { userId: string };
      const refused = { code: "argument-invalid", details: { argument: "userId" } };
      await expect(sessions.revokeAll(of)).rejects.toMatchObject(refused);
      await expect(sessions.list(of)).rejects.toMatchObject(refused);
      await expect(sessions.revoke(handle, of)).rejects.toMatchObject(refused);
    }
    expect(await sessions.list({ userId: "ada" })).toHaveLength(1);
  });

  it("are nobody's where nobody is logged in", async () => {
    await browser.set({ views: 1 });
    await browser.request(async (session) => {
      expect(await sessions.revokeAll({ userId: session.userId })).toBe(0);
      await loginAs(sessions, "undefined");
      expect(await sessions.list({ userId: session.userId })).toEqual([]);
    });
    expect((await browser.open()).session.isNew).toBe(false);
  });

  it("exist only where the store finds them by user", () => {
    const { read, create, update, delete: remove, sweep, close } = watchedStore();
    const plain: Store = { read, create, update, delete: remove, sweep, close };
    expect(createSessions({ store: plain })).not.toHaveProperty("list");
  });
});

describe("events", () => {
  it("tell of a session's life by its handle, never by its id", async () => {
    const { value: handle } = await browser.request((session) => {
      session.data.views = 1;
      return session.handle;
    });
    const before = browser.cookie as string;
    await browser.request((session) => session.login("ada"));
    await open(before);
    await browser.request((session) => session.destroy());
    await open(browser.cookie ?? before);
    expect(events).toEqual([
      ["created", { handle }],
      ["loaded", { handle }],
      ["rotated", { handle }],
      ["rejected", { reason: "superseded", handle }],
      ["loaded", { handle }],
      ["destroyed", { handle }],
      ["rejected", { reason: "unknown", handle }],
    ]);
    expect(JSON.stringify(events)).not.toContain(before.split(".")[1]);
  });

  it("end where their listener asks, and a listener that throws or rejects harms nobody", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const listener = vi.fn(() => {
      throw new Error("listener");
    });
    const off = sessions.on("created", listener);
    await loginAs(sessions, "ada");
    off();
    await loginAs(sessions, "ada");
    expect(listener).toHaveBeenCalledTimes(1);
    expect(error).toHaveBeenCalledTimes(1);
    sessions.on("created", async () => {
      throw new Error("a listener that awaits");
    });
    await loginAs(sessions, "ada");
    await vi.waitFor(() => expect(error).toHaveBeenCalledTimes(2));
    expect(() => sessions.on("craeted" as never, listener)).toThrow('There is no event "craeted"');
  });
});

describe("a store that fails", () => {
  it("is an error of the request, and an event", async () => {
    const cookie = await loginAs(sessions, "ada");
    const cause = new Error("connection refused");
    store.before = () => {
      throw cause;
    };
    await expect(sessions.open(head({ cookie }))).rejects.toMatchObject({ code: "store-failed", status: 503, cause });
    expect(events.at(-1)).toEqual(["storeError", { operation: "read", error: expect.objectContaining({ cause }) }]);
    store.before = () => {};
    expect((await open(cookie)).isNew).toBe(false);
  });

  it("may fail or answer without a promise", async () => {
    const cookie = await loginAs(sessions, "ada");
    const { read } = store;
    const cause = new Error("not a promise");
    store.read = () => {
      throw cause;
    };
    await expect(sessions.open(head({ cookie }))).rejects.toMatchObject({ code: "store-failed", cause });
    const record = await read(cookie.slice(4, 26));
    store.read = (() => record) as unknown as typeof read;
    expect((await sessions.open(head({ cookie }))).session.userId).toBe("ada");
  });

  it("by not answering is one too, after the deadline", async () => {
    const cookie = await loginAs(sessions, "ada");
    store.before = () => new Promise(() => {});
    vi.useFakeTimers();
    const opening = sessions.open(head({ cookie }));
    const refused = expect(opening).rejects.toMatchObject({
      code: "store-timeout",
      details: { operation: "read", timeout: 5000 },
    });
    await vi.advanceTimersByTimeAsync(5000);
    await refused;
  });

  it("may be given more time than a timer has", async () => {
    begin({ timeout: "30d" });
    const timers = vi.spyOn(globalThis, "setTimeout");
    await loginAs(sessions, "ada");
    expect(timers).toHaveBeenCalledOnce();
    expect(timers.mock.calls[0]![1]).toBeLessThan(2 ** 31);
  });

  it("is not asked where the client has no id", async () => {
    store.before = () => {
      throw new Error("down");
    };
    await browser.request((session) => expect(session.data).toEqual({}));
  });

  it("that knows a record's entries but not their form loses the entry alone", async () => {
    const cookie = await loginAs(sessions, "ada", { data: { views: 1 } });
    const handle = cookie.slice(4, 26);
    const { secretHash } = (await store.read(handle))!;
    const set = new Map([
      ["views", "{"],
      ["~device", "{"],
    ]);
    await store.update(handle, { set, touchedAt: Date.now(), expiresAt: Date.now() + 1000 }, { secretHash });
    expect(await sessions.list({ userId: "ada" })).toMatchObject([{ handle, device: undefined }]);
    const { session } = await sessions.open(head({ cookie }));
    expect(session.userId).toBe("ada");
    expect(session.data.views).toBeUndefined();
    expect(events.at(-1)).toEqual(["rejected", { reason: "corrupt", handle }]);
  });
});

describe("a store that fails, where requests may go on without a session", () => {
  let readOnly: IndexedSessions<Data>;
  let cookie: string;

  beforeEach(async () => {
    readOnly = createSessions<Data>({ store, onStoreError: "read-only" });
    cookie = await loginAs(sessions, "ada", { data: { views: 1 } });
  });
  afterEach(() => readOnly.close());

  /** Opens the session while the store fails; then it is back. */
  async function openFailing(): Promise<Exchange<Data>> {
    store.before = () => {
      throw new Error("down");
    };
    const exchange = await readOnly.open(head({ cookie }));
    store.before = () => {};
    return exchange;
  }

  it("gives them an empty one, and leaves the client its cookie", async () => {
    const exchange = await openFailing();
    const { session } = exchange;
    expect([session.isReadOnly, session.isNew, session.userId, { ...session.data }]).toEqual([
      true,
      true,
      undefined,
      {},
    ]);
    expect(await exchange.commit()).toEqual({ vary: "Cookie" });
    const after = await readOnly.open(head({ cookie }));
    expect([after.session.isReadOnly, after.session.userId, after.session.data.views]).toEqual([false, "ada", 1]);
  });

  it("saves nothing in its place, and says so, though the store is back by then", async () => {
    const down = { code: "store-failed", details: { operation: "read" } };
    const exchange = await openFailing();
    const { session } = exchange;
    for (const attempt of [
      () => session.login("eve"),
      () => session.regenerate(),
      () => session.destroy(),
      () => session.reload(),
      () => session.update("views", () => 2),
      () => session.reauthenticate(),
      async () => session.requireFresh("5m"),
    ]) {
      await expect(attempt()).rejects.toMatchObject(down);
    }
    session.data.views = 2;
    await expect(session.save()).rejects.toMatchObject(down);
    await expect((async () => exchange.commit())()).rejects.toMatchObject(down);
    expect((await readOnly.open(head({ cookie }))).session.data.views).toBe(1);
  });

  it("answers where only the time of use couldn't be written, and fails where a change couldn't", async () => {
    vi.useFakeTimers();
    vi.setSystemTime(Date.now() + 10 * 60_000);
    const [reading, writing] = [await readOnly.open(head({ cookie })), await readOnly.open(head({ cookie }))];
    expect(writing.session.data.views).toBe(1);
    writing.session.data.views = 2;
    store.before = () => {
      throw new Error("down");
    };
    await expect((async () => reading.commit())()).resolves.toMatchObject({ setCookie: undefined });
    await expect((async () => writing.commit())()).rejects.toMatchObject({ code: "store-failed" });
  });
});

describe("a record that can't be read", () => {
  it("is rejected and reported, and its visitor gets a fresh session", async () => {
    const cookie = await loginAs(sessions, "ada");
    store.before = () => {
      throw new HoldfastError("record-corrupt", "not JSON", { handle: cookie.slice(4, 26) });
    };
    expect((await open(cookie)).isNew).toBe(true);
    expect(events.at(-1)).toEqual(["rejected", { reason: "corrupt", handle: cookie.slice(4, 26) }]);
  });
});

describe("sweeping", () => {
  it("happens by itself once a minute, from the first request on", async () => {
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
    begin({ idle: "90s" });
    const sweep = vi.spyOn(store, "sweep");
    await browser.set({ views: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await Promise.all(sweep.mock.results.map(({ value }) => value))).toEqual([0, 1]);
    await sessions.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sweep).toHaveBeenCalledTimes(2);
  });

  it("that fails is an event, and the app lives", async () => {
    vi.useFakeTimers();
    begin();
    store.sweep = () => Promise.reject(new Error("down"));
    await browser.request(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events).toEqual([["storeError", { operation: "sweep", error: expect.any(Error) }]]);
  });
});
