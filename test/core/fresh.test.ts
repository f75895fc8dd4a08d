import { createSessions, type IndexedSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "./client.ts";

interface Data {
  cart: string;
}

const MINUTE = 60_000;

let sessions: IndexedSessions<Data>;
let browser: Client<Data>;

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const requireFresh = (maxAge: "5m" | number) => browser.request((session) => session.requireFresh(maxAge));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  sessions = createSessions<Data>({ store: memoryStore() });
  browser = client(sessions);
});
afterEach(async () => {
  vi.useRealTimers();
  await sessions.close();
});

describe("requireFresh", () => {
  it("lets through who has logged in lately, to the millisecond", async () => {
    await browser.request((session) => session.login("ada"));
    later(5 * MINUTE);
    await requireFresh("5m");
    later(1);
    await expect(requireFresh("5m")).rejects.toMatchObject({
      code: "login-required",
      status: 401,
      details: { maxAge: 5 * MINUTE, authenticatedAt: expect.any(Number) },
    });
    await requireFresh(5 * MINUTE + 1);
  });

  it("stops whom a wrong clock logged in long after now", async () => {
    const now = Date.now();
    vi.setSystemTime(now + 60 * MINUTE);
    await browser.request((session) => session.login("ada"));
    vi.setSystemTime(now);
    await expect(requireFresh("5m")).rejects.toMatchObject({ code: "login-required" });
  });

  it("stops a visitor who isn't logged in", async () => {
    await browser.set({ cart: "tea" });
    await expect(requireFresh("5m")).rejects.toMatchObject({ code: "login-required", details: { maxAge: 5 * MINUTE } });
  });

  it("takes a duration, and nothing else", async () => {
    for (const wrong of ["soon", undefined, 0, Infinity]) {
      await expect(requireFresh(wrong as "5m")).rejects.toMatchObject({ code: "argument-invalid", status: 500 });
    }
  });
});

describe("reauthenticate", () => {
  it("gives a new id, starts both timeouts anew, and keeps data and user", async () => {
    await browser.request(async (session) => {
      session.data.cart = "tea";
      await session.login("ada");
    });
    later(20 * MINUTE);
    const before = browser.cookie;
    await browser.request((session) => session.reauthenticate());
    expect(browser.cookie).not.toBe(before);
    const { value } = await browser.request(({ data, userId, authenticatedAt }) => [
      data.cart,
      userId,
      authenticatedAt,
    ]);
    expect(value).toEqual(["tea", "ada", Date.now()]);
    await requireFresh("5m");
    expect(
      (await Object.assign(client(sessions), { cookie: before }).request(({ userId }) => userId)).value,
    ).toBeUndefined();
  });

  it("leaves a remembered session remembered", async () => {
    await browser.request((session) => session.login("ada", { remember: true }));
    const { edits } = await browser.request((session) => session.reauthenticate());
    expect(edits.setCookie).toContain("Max-Age=");
  });

  it("is refused where nobody is logged in", async () => {
    await expect(browser.request((session) => session.reauthenticate())).rejects.toMatchObject({
      code: "login-required",
    });
  });
});
