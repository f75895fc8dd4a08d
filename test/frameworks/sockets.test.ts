import { createSessions, type IndexedSessions, type SessionsOptions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { barrier } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "../core/client.ts";
import { DeviceBrowser } from "../core/device-client.ts";
import { watchedStore } from "../core/stores.ts";
import { newDevice } from "../security/device.ts";
import { countListeners, type Opened, type Served, type ServeSockets, serveSocketIo, serveWs } from "./sockets.ts";

interface Data {
  [entry: string]: unknown;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** A server of sockets, a browser that is logged in, and another process on the same store. */
async function setUp(serve: ServeSockets, options: Omit<SessionsOptions, "store"> = {}) {
  const store = watchedStore();
  const sessions = createSessions<Data>({ ...options, store });
  const other = createSessions<Data>({ ...options, store });
  const browser = client(sessions);
  await browser.request(async (session) => {
    await session.login("ada");
    session.data.room = "tea";
  });
  const listeners = countListeners(sessions);
  const served = await serve(sessions);
  return { store, sessions, other, browser, listeners, served };
}

async function open(served: Served<Data>, { cookie }: { cookie: string | undefined }): Promise<Opened<Data>> {
  const opened = await served.open({ cookie });
  if (typeof opened === "number") throw new Error(`refused: ${opened}`);
  return opened;
}

/** The next check of an open socket's session, and what comes of it. */
const nextCheck = (): Promise<unknown> => vi.advanceTimersByTimeAsync(30_000);

const handleOf = (browser: Client<Data>): string => browser.cookie!.split("=")[1]!.split(".")[0]!;

/** How a client of each knows that its session has ended, and what the page of another site is answered. */
describe.each<[string, ServeSockets, string, number]>([
  ["ws 8", serveWs, "4401 session ended", 403],
  // Its server has but one answer to an upgrade that it refuses.
  ["Socket.IO 4", serveSocketIo("websocket"), "io server disconnect", 400],
  ["Socket.IO 4, by polling", serveSocketIo("polling"), "io server disconnect", 403],
  ["Socket.IO 4, by its middleware alone", serveSocketIo("websocket", false), "io server disconnect", 403],
])("a socket of %s", (_, serve, ended, refused) => {
  it("has the session of its handshake", async () => {
    const { store, browser, served } = await setUp(serve);
    store.calls.length = 0;
    const { session } = await open(served, browser);
    expect(session.handshake.toJSON()).toMatchObject({ userId: "ada", isNew: false, data: { room: "tea" } });
    expect(store.calls).toEqual(["read"]);
  });

  it("gets the session anew for each message, and what a message changes is saved", async () => {
    const { browser, served } = await setUp(serve);
    const { session } = await open(served, browser);
    await browser.set({ room: "coffee" });
    expect(session.handshake.data.room).toBe("tea");
    const before = await session.use(({ data }) => {
      const { room } = data;
      data.seat = 7;
      return room;
    });
    expect(before).toBe("coffee");
    expect((await browser.request(({ data }) => ({ ...data }))).value).toEqual({ room: "coffee", seat: 7 });
  });

  it("loses nothing where messages and requests overlap", async () => {
    const { store, browser, served } = await setUp(serve);
    const { session } = await open(served, browser);
    const gate = barrier(3);
    const message = (entry: string) =>
      session.use(async ({ data }) => {
        data[entry] = true;
        await gate.arrive();
      });
    const request = browser.request(async ({ data }) => {
      data.request = true;
      await gate.arrive();
    });
    await Promise.all([message("one"), message("two"), request]);
    await Promise.all([
      session.use((now) => now.update("count", (n = 0) => (n as number) + 1)),
      session.use((now) => now.update("count", (n = 0) => (n as number) + 1)),
      browser.request((now) => now.update("count", (n = 0) => (n as number) + 1)),
    ]);
    const record = await store.read(handleOf(browser));
    expect(Object.fromEntries(record!.entries)).toMatchObject({
      one: "true",
      two: "true",
      request: "true",
      count: "3",
    });
  });

  it("saves nothing of a message whose handler throws", async () => {
    const { browser, served } = await setUp(serve);
    const { session } = await open(served, browser);
    const failing = session.use(({ data }) => {
      data.room = "none";
      throw new Error("the handler's own");
    });
    await expect(failing).rejects.toThrow("the handler's own");
    expect((await browser.request(({ data }) => data.room)).value).toBe("tea");
  });

  it.each<[string, (parts: Awaited<ReturnType<typeof setUp>>) => Promise<unknown>]>([
    ["a logout", ({ browser }) => browser.request((session) => session.destroy())],
    ["revoke", ({ sessions, browser }) => sessions.revoke(handleOf(browser))],
    ["revokeAll", ({ sessions }) => sessions.revokeAll({ userId: "ada" })],
    ["a login, which ends its id", ({ browser }) => browser.request((session) => session.login("ada"))],
    ["a new id", ({ browser }) => browser.request((session) => session.regenerate())],
  ])("closes at once by %s in its process", async (_, end) => {
    const parts = await setUp(serve);
    const sockets = [await open(parts.served, parts.browser), await open(parts.served, parts.browser)];
    await end(parts);
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([ended, ended]);
    parts.store.calls.length = 0;
    await expect(sockets[0]!.session.use(() => {})).rejects.toMatchObject({ code: "session-gone" });
    expect(parts.store.calls).toEqual([]);
    await vi.waitFor(() => expect(parts.listeners()).toBe(0));
  });

  it("closes when its session is evicted by a later login", async () => {
    const { sessions, served, browser } = await setUp(serve, { maxPerUser: 1 });
    const { closed } = await open(served, browser);
    vi.setSystemTime(Date.now() + 1);
    await client(sessions).request((session) => session.login("ada"));
    expect(await closed).toBe(ended);
  });

  it("closes at once by its own logout", async () => {
    const { served, browser } = await setUp(serve);
    const { session, closed } = await open(served, browser);
    await session.use((now) => now.destroy());
    expect(await closed).toBe(ended);
  });

  it.each<[string, (other: IndexedSessions<Data>, browser: Client<Data>) => Promise<unknown>]>([
    ["revokes it", (other, browser) => other.revoke(handleOf(browser))],
    [
      "logs its user in",
      (other, { cookie }) => Object.assign(client(other), { cookie }).request((session) => session.login("ada")),
    ],
  ])("closes at the next check where another process %s", async (_, end) => {
    const { served, browser, other, listeners } = await setUp(serve);
    const { closed } = await open(served, browser);
    await nextCheck();
    await end(other, browser);
    await nextCheck();
    expect(await closed).toBe(ended);
    await vi.waitFor(() => expect(listeners()).toBe(0));
  });

  it("closes by its next message where another process has ended the session", async () => {
    const { served, browser, other } = await setUp(serve);
    const { session, closed } = await open(served, browser);
    await other.revoke(handleOf(browser));
    const fn = vi.fn();
    await expect(session.use(fn)).rejects.toMatchObject({ code: "session-gone" });
    expect(fn).not.toHaveBeenCalled();
    expect(await closed).toBe(ended);
  });

  it("saves nothing of a message under way while another process ends the session", async () => {
    const { served, browser, other, store } = await setUp(serve);
    const { session, closed } = await open(served, browser);
    const late = session.use(async ({ data }) => {
      await other.revoke(handleOf(browser));
      data.room = "none";
    });
    await expect(late).rejects.toMatchObject({ code: "session-gone" });
    expect(await store.read(handleOf(browser))).toBeUndefined();
    expect(await closed).toBe(ended);
  });

  it("saves what a message changes whose client has gone", async () => {
    const { served, browser } = await setUp(serve);
    const { session, close } = await open(served, browser);
    await session.use(async ({ data }) => {
      await close();
      data.room = "late";
    });
    expect((await browser.request(({ data }) => data.room)).value).toBe("late");
  });

  it("closes when its session's time is over, and checks are no use of it", async () => {
    const { store, served, browser } = await setUp(serve, { idle: "5m" });
    const { closed } = await open(served, browser);
    store.calls.length = 0;
    for (let i = 0; i < 10; i++) await nextCheck();
    expect(await closed).toBe(ended);
    expect(store.calls).toEqual(Array.from({ length: 10 }, () => "read"));
  });

  it.each(["has removed", "still has"])(
    "closes where a request finds what the store %s: it has expired",
    async (how) => {
      const { store, served, browser } = await setUp(serve, { idle: "5m" });
      const { closed } = await open(served, browser);
      const record = await store.read(handleOf(browser));
      if (how === "still has") store.read = () => record;
      vi.setSystemTime(Date.now() + 300_000);
      await browser.request(() => {});
      expect(await closed).toBe(ended);
    },
  );

  it("takes no change once a message is done", async () => {
    const { served, browser } = await setUp(serve);
    const { session } = await open(served, browser);
    const done = await session.use((now) => now);
    let failed = done;
    const failing = session.use((now) => {
      failed = now;
      throw new Error("the handler's own");
    });
    await expect(failing).rejects.toThrow("the handler's own");
    expect(failed).not.toBe(done);
    for (const { data } of [done, failed]) {
      expect(() => {
        data.room = "late";
      }).toThrow(expect.objectContaining({ code: "headers-sent" }));
    }
  });

  it("keeps its session alive by its messages", async () => {
    const { store, served, browser } = await setUp(serve, { idle: "5m" });
    const { session } = await open(served, browser);
    for (let i = 0; i < 20; i++) {
      await nextCheck();
      await session.use(() => {});
    }
    expect(store.calls.filter((call) => call === "update").length).toBeGreaterThan(5);
    expect(session.handshake.userId).toBe("ada");
  });

  it("stays open while the store is down, but not longer than its session is known to live", async () => {
    const { store, served, browser } = await setUp(serve, { idle: "5m" });
    const { session, closed } = await open(served, browser);
    store.before = () => Promise.reject(new Error("down"));
    const seen = vi.fn();
    void closed.then(seen);
    await nextCheck();
    await expect(session.use(() => {})).rejects.toMatchObject({ code: "store-failed" });
    expect(seen).not.toHaveBeenCalled();
    for (let i = 0; i < 9; i++) await nextCheck();
    expect(await closed).toBe(ended);
  });

  it("keeps no id of a scheduled renewal, which its client never gets, and closes when the old one is dead", async () => {
    const { served, browser } = await setUp(serve, { renew: "1m" });
    const { session, closed } = await open(served, browser);
    vi.setSystemTime(Date.now() + 61_000);
    await session.use(({ data }) => {
      data.late = true;
    });
    const { edits } = await browser.request(() => {});
    expect(edits.setCookie).toBeDefined();
    // Within the grace.
    expect(await session.use(({ data }) => data.late)).toBe(true);
    await nextCheck();
    await nextCheck();
    expect(await closed).toBe(ended);
    const again = await open(served, browser);
    expect(again.session.handshake.userId).toBe("ada");
  });

  it("of a device-bound session closes when its proof has had its time, for its client to come with a new one", async () => {
    const { served, sessions } = await setUp(serve, {
      deviceBound: { path: "/device", lifetime: "1m" },
      trustProxy: true,
    });
    const browser = new DeviceBrowser(sessions, await newDevice());
    await browser.register();
    await browser.user();
    const connect = async () => {
      const opened = await served.open({ cookie: browser.cookie, "x-forwarded-proto": "https" });
      if (typeof opened === "number") throw new Error(`refused: ${opened}`);
      return opened;
    };
    const { session, closed } = await connect();
    await nextCheck();
    expect(await session.use(({ userId }) => userId)).toBe("ada");
    await nextCheck();
    await nextCheck();
    expect(await closed).toBe(ended);
    await expect(session.use(() => {})).rejects.toMatchObject({ code: "session-gone" });

    await browser.refresh();
    expect((await connect()).session.handshake.userId).toBe("ada");
  });

  it("can't begin a session, log in, or get a new id", async () => {
    const { served, browser } = await setUp(serve);
    const { session } = await open(served, { cookie: undefined });
    expect(session.handshake.isNew).toBe(true);
    expect(() => {
      session.handshake.data.room = "tea";
    }).toThrow(expect.objectContaining({ code: "headers-sent" }));
    const late = { code: "headers-sent" };
    const set = session.use(({ data }) => {
      data.room = "tea";
    });
    await expect(set).rejects.toMatchObject(late);
    await expect(session.use((now) => now.login("eve"))).rejects.toMatchObject(late);
    const known = await open(served, browser);
    await expect(known.session.use((now) => now.login("eve"))).rejects.toMatchObject(late);
    await expect(known.session.use((now) => now.regenerate())).rejects.toMatchObject(late);
    expect(await known.session.use(({ userId }) => userId)).toBe("ada");
  });

  it("never changes its session for another that its cookies open", async () => {
    const { sessions, served, browser } = await setUp(serve);
    const eve = client(sessions);
    await eve.request((session) => session.login("eve"));
    const { session, closed } = await open(served, { cookie: `${browser.cookie}; ${eve.cookie}` });
    expect(session.handshake.userId).toBe("ada");
    await sessions.revoke(handleOf(browser));
    await expect(session.use(({ userId }) => userId)).rejects.toMatchObject({ code: "session-gone" });
    expect(await closed).toBe(ended);
  });

  it("is refused to pages of other sites, before the store is asked", async () => {
    const { store, sessions, browser, served } = await setUp(serve);
    store.calls.length = 0;
    const { cookie } = browser;
    for (const origin of ["https://evil.example", "null", `http://127.0.0.1:${served.port}.evil.example`, "http://["]) {
      expect(await served.open({ cookie, origin }), origin).toBe(refused);
    }
    expect(store.calls).toEqual([]);
    expect(await served.open({ cookie, origin: `http://127.0.0.1:${served.port}` })).toBeTypeOf("object");
    const allowing = await serve(sessions, { allowOrigins: ["https://app.example"] });
    expect(await allowing.open({ cookie, origin: "https://app.example" })).toBeTypeOf("object");
    expect(await allowing.open({ cookie, origin: "https://evil.example" })).toBe(refused);
  });

  it.each(["sid=garbage", "sid=", "=;;;", `sid=${"A".repeat(22)}.${"B".repeat(43)}`, `sid=${"é".repeat(9000)}`])(
    "takes a cookie that opens nothing for none: %.20s",
    async (cookie) => {
      const { served } = await setUp(serve);
      const opened = await served.open({ cookie: Buffer.from(cookie).toString("latin1") });
      // Node answers 431 by itself to headers that are too large.
      if (typeof opened === "number") return expect([431, 400]).toContain(opened);
      expect(opened.session.handshake.isNew).toBe(true);
    },
  );

  it.each(["error", "read-only"] as const)("is refused by 503 while the store is down (%s)", async (onStoreError) => {
    const { store, browser, served, listeners } = await setUp(serve, { onStoreError });
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    store.before = () => Promise.reject(new Error("down"));
    expect(await served.open({ cookie: browser.cookie })).toBe(503);
    expect(log).toHaveBeenCalledWith(expect.objectContaining({ code: "store-failed" }));
    expect(listeners()).toBe(0);
    const secret = browser.cookie!.split(".")[1]!;
    expect(JSON.stringify(log.mock.calls) + String(log.mock.calls.flat())).not.toContain(secret);
    log.mockRestore();

    store.before = () => {};
    const { session } = await open(served, browser);
    store.before = () => Promise.reject(new Error("down"));
    await expect(session.use(({ data }) => data.room)).rejects.toMatchObject({ code: "store-failed" });
    store.before = () => {};
    expect(await session.use(({ data }) => data.room)).toBe("tea");
  });

  it("closes where the session is ended between its handshake's read and its opening", async () => {
    const { store, sessions, browser, served, listeners } = await setUp(serve, { idle: "10m" });
    // So that the handshake is a use that has to be written down, which takes its time.
    vi.setSystemTime(Date.now() + 120_000);
    store.before = async (method) => {
      if (method !== "update") return;
      store.before = () => {};
      await sessions.revoke(handleOf(browser));
    };
    const { session } = await open(served, browser);
    expect(session.handshake.isNew).toBe(true);
    expect(session.handshake.userId).toBeUndefined();
    await vi.waitFor(() => expect(listeners()).toBe(0));
  });

  it("leaves no listener and no timer when its client closes it", async () => {
    const { served, browser, listeners } = await setUp(serve);
    const timers = vi.getTimerCount();
    const sockets = [await open(served, browser), await open(served, browser), await open(served, { cookie: "" })];
    expect(listeners()).toBeGreaterThan(0);
    expect(vi.getTimerCount()).toBe(timers + 1);
    for (const { close } of sockets) await close();
    await vi.waitFor(() => expect(listeners()).toBe(0));
    expect(vi.getTimerCount()).toBe(timers);
  });

  it("asks the store of many sockets without a burst", async () => {
    const { store, served, browser } = await setUp(serve);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => served.open({ cookie: browser.cookie })));
    expect(sockets.every((socket) => typeof socket === "object")).toBe(true);
    let [now, most] = [0, 0];
    const { promise, resolve } = Promise.withResolvers<void>();
    store.before = async () => {
      most = Math.max(most, ++now);
      await promise;
      now--;
    };
    await nextCheck();
    // The check before is still under way: this one is left out.
    await nextCheck();
    expect(most).toBe(16);
    store.calls.length = 0;
    resolve();
    await vi.waitFor(() => expect(store.calls).toHaveLength(4));
  });

  it("shows no id in errors", async () => {
    const { served, browser, other } = await setUp(serve);
    const { session } = await open(served, browser);
    await other.revoke(handleOf(browser));
    const error = await session.use(() => {}).catch((error) => error);
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(browser.cookie!.split(".")[1]!);
    expect(error.details).toEqual({ handle: handleOf(browser) });
  });

  it("refuses options that can't be meant so", async () => {
    const sessions = createSessions<Data>({ store: memoryStore() });
    for (const allowOrigins of [
      ["app.example"],
      ["https://app.example/"],
      "https://app.example",
      ["*"],
    ] as string[][]) {
      await expect(serve(sessions, { allowOrigins })).rejects.toMatchObject({ code: "option-invalid" });
    }
    await expect(serve(sessions, { checkEvery: "soon" as "1s" })).rejects.toMatchObject({ code: "option-invalid" });
  });
});
