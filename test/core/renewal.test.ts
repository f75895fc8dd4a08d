import { createSessions, type IndexedSessions } from "holdfast";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, client } from "./client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

interface Data {
  views: number;
  theme: string;
}

const MINUTE = 60_000;

let store: WatchedStore;
let sessions: IndexedSessions<Data>;
let browser: Client<Data>;
let rejected: unknown[];

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const another = (cookie = browser.cookie): Client<Data> => Object.assign(client(sessions), { cookie });
const views = (one: Client<Data>) => one.request(({ data }) => data.views);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  store = watchedStore();
  sessions = createSessions<Data>({ store, renew: "10m" });
  rejected = [];
  sessions.on("rejected", ({ reason }) => void rejected.push(reason));
  browser = client(sessions);
  await browser.set({ views: 1 });
});

afterEach(async () => {
  vi.useRealTimers();
  await sessions.close();
});

describe("an id that has grown old", () => {
  it("is replaced by the next response, under the same handle, and the data stays", async () => {
    const { cookie: before } = browser;
    later(9 * MINUTE);
    expect((await views(browser)).edits.setCookie).toBeUndefined();
    later(MINUTE);
    const { value, edits } = await views(browser);
    expect(value).toBe(1);
    expect(edits.setCookie).toBeDefined();
    expect(browser.cookie).not.toBe(before);
    expect(browser.cookie!.split(".")[0]).toBe(before!.split(".")[0]);
    expect((await views(browser)).value).toBe(1);
  });

  it("is replaced with what the request changed, in one call of the store", async () => {
    later(10 * MINUTE);
    store.calls.length = 0;
    const { edits } = await browser.set({ views: 2 });
    expect(edits.setCookie).toBeDefined();
    expect(store.calls).toEqual(["read", "update"]);
    expect((await views(browser)).value).toBe(2);
  });

  it("lives on for requests that are under way, and no longer", async () => {
    const old = another();
    later(10 * MINUTE);
    await views(browser);
    later(29_000);
    const { value, edits } = await views(old);
    expect([value, edits.setCookie]).toEqual([1, undefined]);
    later(2_000);
    expect((await views(old)).value).toBeUndefined();
    expect(rejected).toEqual(["superseded"]);
    expect((await views(browser)).value).toBe(1);
  });

  it("is replaced once by requests that overlap, and none of their changes is lost", async () => {
    later(10 * MINUTE);
    const [one, two] = [await browser.open(), await browser.open()];
    one.session.data.views = 2;
    two.session.data.theme = "dark";
    const [first, second] = [await browser.finish(one), await browser.finish(two)];
    expect([first.setCookie !== undefined, second.setCookie]).toEqual([true, undefined]);
    later(MINUTE);
    expect((await browser.request(({ data }) => ({ ...data }))).value).toEqual({ views: 2, theme: "dark" });
  });

  it("is as new as the last login", async () => {
    later(9 * MINUTE);
    await browser.request((session) => session.login("ada"));
    later(9 * MINUTE);
    expect((await views(browser)).edits.setCookie).toBeUndefined();
    later(MINUTE);
    expect((await views(browser)).edits.setCookie).toBeDefined();
    later(9 * MINUTE);
    expect((await views(browser)).edits.setCookie).toBeUndefined();
  });

  it("does not outlive a logout of the renewed session", async () => {
    const old = another();
    later(10 * MINUTE);
    const [slow, quick] = [await old.open(), await browser.open()];
    await browser.finish(quick);
    await browser.request((session) => session.destroy());
    slow.session.data.views = 9;
    await expect(old.finish(slow)).rejects.toMatchObject({ code: "session-gone" });
    expect((await views(old)).value).toBeUndefined();
  });

  it("stays where the cookie can't leave any more", async () => {
    const streaming = await browser.open();
    await browser.finish(streaming);
    later(10 * MINUTE);
    streaming.session.data.views = 5;
    await streaming.session.save();
    expect((await views(browser)).value).toBe(5);
  });

  it("is no reason to fail a request that changed nothing, where the session has ended", async () => {
    later(10 * MINUTE);
    const reading = await browser.open();
    await another().request((session) => session.destroy());
    expect((await browser.finish(reading)).setCookie).toBeUndefined();
  });
});

it("an id stays for the session's life, unless renew says otherwise", async () => {
  await sessions.close();
  sessions = createSessions<Data>({ store: watchedStore(), absolute: false, idle: "30d" });
  browser = client(sessions);
  await browser.set({ views: 1 });
  later(20 * 24 * 60 * MINUTE);
  expect((await views(browser)).edits.setCookie).toBeUndefined();
});
