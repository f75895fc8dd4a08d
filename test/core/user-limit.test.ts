import { createSessions, type IndexedSessions, type SessionsOptions, type Store } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { barrier } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "./client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

interface Data {
  cart: string;
}

let store: WatchedStore;
let sessions: IndexedSessions<Data>;
let evicted: string[];

function begin(maxPerUser: SessionsOptions["maxPerUser"]): void {
  store = watchedStore();
  sessions = createSessions<Data>({ store, maxPerUser });
  evicted = [];
  sessions.on("evicted", ({ handle }) => void evicted.push(handle));
}

/** A browser in which the user logs in; answers it with the session's handle. */
async function login(userId: string): Promise<{ browser: Client<Data>; handle: string }> {
  vi.setSystemTime(Date.now() + 1000);
  const browser = client(sessions);
  const { value } = await browser.request(async (session) => {
    await session.login(userId);
    return session.handle;
  });
  return { browser, handle: value };
}

const userOf = async (browser: Client<Data>) => (await browser.request(({ userId }) => userId)).value;
const count = async (userId: string) => (await sessions.list({ userId })).length;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(async () => {
  vi.useRealTimers();
  await sessions.close();
});

describe("maxPerUser", () => {
  it("ends the session whose login is the longest ago, however lately it was used", async () => {
    begin(2);
    const [first, second] = [await login("ada"), await login("ada")];
    vi.setSystemTime(Date.now() + 10 * 60_000);
    await first.browser.set({ cart: "tea" });
    const third = await login("ada");
    expect(evicted).toEqual([first.handle]);
    expect([await userOf(first.browser), await userOf(second.browser), await userOf(third.browser)]).toEqual([
      undefined,
      "ada",
      "ada",
    ]);
  });

  it("ends none but an older one, where logins fall into one millisecond, or the clock of one's server is behind", async () => {
    begin(1);
    for (const later of [0, 0, 0, 0, -5000]) {
      vi.setSystemTime(Date.now() + later);
      const browser = client(sessions);
      await browser.request((session) => session.login("ada"));
      expect(await userOf(browser)).toBe("ada");
      expect(await count("ada")).toBe(1);
    }
  });

  it("goes by no clock that is far ahead: its login is the oldest, and makes no later one fresh for long", async () => {
    begin(1);
    const now = Date.now();
    vi.setSystemTime(now + 365 * 86_400_000);
    const first = await login("ada");
    vi.setSystemTime(now);
    const { browser } = await login("ada");
    expect(evicted).toEqual([first.handle]);
    vi.setSystemTime(now + 10 * 60_000);
    await browser.request((session) => expect(() => session.requireFresh("5m")).toThrow("too long ago"));
  });

  it("counts each user's own, and a login again as the same session", async () => {
    begin(1);
    const [ada, bob] = [await login("ada"), await login("bob")];
    await ada.browser.request((session) => session.login("ada"));
    await ada.browser.request((session) => session.reauthenticate());
    expect([await userOf(ada.browser), await userOf(bob.browser), evicted]).toEqual(["ada", "bob", []]);
  });

  it("doesn't count what has expired", async () => {
    begin({ sessions: 1, beyond: "refuse" });
    await login("ada");
    vi.setSystemTime(Date.now() + 13 * 3_600_000);
    await login("ada");
    expect(await count("ada")).toBe(1);
  });

  it("doesn't count what is encrypted, where there are no keys any more: it opens for nobody", async () => {
    begin({ sessions: 1, beyond: "refuse" });
    const keyed = createSessions<Data>({ store, keys: "0123456789abcdefghijklmnopqrstuvwxyz" });
    await client(keyed).request((session) => session.login("ada"));
    await login("ada");
    expect(await count("ada")).toBe(1);
  });

  it("counts as many as a robot's user may have", async () => {
    begin({ sessions: 1_000_000, beyond: "refuse" });
    const { handle } = await login("ada");
    const record = (await store.read(handle))!;
    store.list = () => Array.from({ length: 200_000 }, (_, i) => ({ handle: `${handle}${i}`, record }));
    await login("ada");
  });

  it("refuses a login beyond, which leaves the anonymous session as it was", async () => {
    begin({ sessions: 1, beyond: "refuse" });
    const { browser: first, handle } = await login("ada");
    const second = client(sessions);
    await second.set({ cart: "tea" });
    await expect(second.request((session) => session.login("ada"))).rejects.toMatchObject({
      code: "too-many-sessions",
      status: 409,
      details: { sessions: 1 },
    });
    expect((await second.request(({ data, userId }) => [data.cart, userId])).value).toEqual(["tea", undefined]);
    expect(await userOf(first)).toBe("ada");
    await sessions.revoke(handle);
    await second.request((session) => session.login("ada"));
    expect(await userOf(second)).toBe("ada");
  });

  it.each(["evict-oldest", "refuse"] as const)("holds over logins that overlap (%s)", async (beyond) => {
    begin({ sessions: 2, beyond });
    const browsers = Array.from({ length: 5 }, () => client(sessions));
    const together = barrier(5);
    store.before = (method) => (method === "create" ? together.arrive() : undefined);
    await Promise.allSettled(browsers.map((browser) => browser.request((session) => session.login("ada"))));
    expect(await count("ada")).toBe(2);
    const users = await Promise.all(browsers.map(userOf));
    expect(users.filter((user) => user === "ada")).toHaveLength(2);
  });

  it("takes a whole number, and a store that finds sessions by user", () => {
    const { list: _, deleteAll: __, ...plain } = memoryStore();
    const wrong = (maxPerUser: unknown, by: Store = memoryStore()) => {
      const options = { store: by, maxPerUser: maxPerUser as number };
      expect(() => createSessions(options)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^option-/) }),
      );
    };
    for (const value of [0, -1, 1.5, "2", Number.NaN, {}, { sessions: 1, beyond: "evict" }, null]) wrong(value);
    wrong(1, plain);
    begin(1);
  });
});
