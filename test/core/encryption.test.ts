import { randomBytes } from "node:crypto";
import { createSessions, type IndexedStore, type SessionRecord, type SessionsOptions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { storeCases } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import * as node from "../../src/core/crypto.node.ts";
import * as web from "../../src/core/crypto.web.ts";
import { encrypted } from "../../src/core/encryption.ts";
import { type Client, client } from "./client.ts";
import { watchedStore } from "./stores.ts";

interface Data {
  cart: string;
  note: string;
}

const key = () => randomBytes(32);
const [first, second] = [key(), key()];

describe("a store that is encrypted keeps the contract", () => {
  const store = encrypted(memoryStore(), [new Uint8Array(key())]).store as IndexedStore;
  for (const { name, run } of storeCases(() => store)) test(name, run);
});

describe("entries at rest", () => {
  let store: IndexedStore;
  let rejected: object[];
  let open: { close(): Promise<void> }[];

  /** An app on the store, with these keys; answers a browser of it. */
  function app(keys: SessionsOptions["keys"], cookie?: string): Client<Data> {
    const sessions = createSessions<Data>({ store, ...(keys && { keys }) });
    sessions.on("rejected", (event) => void rejected.push(event));
    open.push(sessions);
    return Object.assign(client(sessions), { cookie });
  }

  const handleOf = ({ cookie }: Client<Data>): string => /=([\w-]{22})\./.exec(cookie!)![1]!;
  const keyOf = ({ entries }: SessionRecord, name: string) => entries.get(name)!.split(".")[1];
  const rowOf = async (browser: Client<Data>) => (await store.read(handleOf(browser)))!;
  const cartOf = async (browser: Client<Data>) => (await browser.request(({ data }) => data.cart)).value;

  /** Puts a text into a stored record, as one who holds the database could. */
  async function plant(browser: Client<Data>, name: string, text: string): Promise<void> {
    const { secretHash, touchedAt, expiresAt } = await rowOf(browser);
    await store.update(handleOf(browser), { set: new Map([[name, text]]), touchedAt, expiresAt }, { secretHash });
  }

  beforeEach(() => {
    store = memoryStore();
    rejected = [];
    open = [];
  });
  afterEach(() => Promise.all(open.map((each) => each.close())));

  it("show nothing of their values, not even that two are the same", async () => {
    const browser = app(first);
    await browser.set({ cart: "green tea", note: "green tea" });
    const { entries } = await rowOf(browser);
    expect([...entries.keys()]).toEqual(["cart", "note"]);
    const texts = [...entries.values()];
    expect(texts.join()).not.toMatch(/tea/);
    expect(texts[0]!.slice(-40)).not.toBe(texts[1]!.slice(-40));
    expect(await cartOf(browser)).toBe("green tea");
  });

  it("are read under every key, and written under the first", async () => {
    const browser = app(first);
    await browser.set({ cart: "tea", note: "hot" });
    const both = app([second, first], browser.cookie);
    const before = await rowOf(browser);
    expect(await cartOf(both)).toBe("tea");
    await both.set({ cart: "coffee" });
    const after = await rowOf(browser);
    expect(keyOf(after, "cart")).not.toBe(keyOf(before, "cart"));
  });

  it("go over to the first key with the session's next use, so that the old one can be taken away", async () => {
    const browser = app(first);
    await browser.set({ cart: "tea", note: "hot" });
    const { touchedAt, expiresAt } = await rowOf(browser);
    const before = await rowOf(browser);
    await app([second, first], browser.cookie).request(() => {});
    await vi.waitFor(async () => expect(keyOf(await rowOf(browser), "note")).not.toBe(keyOf(before, "note")));
    expect(await rowOf(browser)).toMatchObject({ touchedAt, expiresAt });
    const alone = app(second, browser.cookie);
    expect((await alone.request(({ data }) => ({ ...data }))).value).toEqual({ cart: "tea", note: "hot" });
    const { version } = await rowOf(browser);
    await alone.request(() => {});
    expect(await rowOf(browser)).toMatchObject({ version });
  });

  it("go over another time where a request is quicker, or the store fails, and no request waits for it", async () => {
    const watched = watchedStore();
    store = watched;
    const browser = app(first);
    await browser.set({ cart: "tea", note: "hot" });
    const both = app([second, first], browser.cookie);
    const failed = new Promise((resolve) => {
      watched.before = (method) => {
        if (method !== "update") return;
        resolve(undefined);
        throw new Error("down");
      };
    });
    expect(await cartOf(both)).toBe("tea");
    await failed;

    const held = Promise.withResolvers<void>();
    watched.before = (method) => (method === "update" ? held.promise : undefined);
    expect(await cartOf(both)).toBe("tea");
    watched.before = () => {};
    await browser.set({ cart: "coffee" });
    held.resolve();
    expect(await cartOf(both)).toBe("coffee");
    await vi.waitFor(async () => expect(await cartOf(app(second, browser.cookie))).toBe("coffee"));
  });

  it("are a rejection under none of the keys, and the app goes on", async () => {
    const browser = app(first);
    await browser.set({ cart: "tea" });
    const other = app(second, browser.cookie);
    expect(await cartOf(other)).toBeUndefined();
    expect(rejected).toEqual([{ reason: "corrupt", handle: handleOf(browser) }]);
    await other.set({ cart: "coffee" });
    expect([await cartOf(other), await cartOf(browser)]).toEqual(["coffee", "tea"]);
  });

  it("are a rejection where they were changed, or moved from another session or entry", async () => {
    const [ada, eve] = [app(first), app(first)];
    await ada.set({ cart: "tea", note: "ada is admin" });
    await eve.set({ cart: "nothing", note: "none" });
    const { entries } = await rowOf(ada);
    const own = (await rowOf(eve)).entries;
    const text = own.get("note")!;
    const flipped = text.slice(0, -2) + (text.at(-2) === "A" ? "B" : "A") + text.at(-1);
    for (const planted of [
      entries.get("note")!,
      own.get("cart")!,
      flipped,
      text.slice(0, 40),
      "~1.",
      `~2${text.slice(2)}`,
    ]) {
      await plant(eve, "note", planted);
      expect(await cartOf(eve), planted).toBeUndefined();
    }
    expect(rejected).toHaveLength(6);
    await plant(eve, "note", text);
    expect(await cartOf(eve)).toBe("nothing");
  });

  it("are never plain text", async () => {
    const browser = app(first);
    await browser.set({ cart: "tea" });
    await plant(browser, "cart", '"free tea"');
    expect(await cartOf(browser)).toBeUndefined();
    expect(rejected).toHaveLength(1);
  });

  it("leave the others in the list, where one of a user's sessions can't be read", async () => {
    const [one, two] = [app(first), app(first)];
    for (const browser of [one, two]) await browser.request((session) => session.login("ada"));
    await plant(one, "x", "moved");
    const sessions = createSessions<Data>({ store, keys: first });
    open.push(sessions);
    expect((await sessions.list({ userId: "ada" })).map(({ handle }) => handle)).toEqual([handleOf(two)]);
    expect(await sessions.revokeAll({ userId: "ada" })).toBe(2);
  });

  it("take keys of 32 random bytes or more, as bytes or text", () => {
    const weak = ["x".repeat(64), "short", randomBytes(31), new Uint8Array(32), [], [first, "short"]];
    for (const keys of [...weak, null, 64, [[0n]], [[...randomBytes(32)]]]) {
      expect(() => createSessions({ store, keys: keys as Uint8Array })).toThrow(
        expect.objectContaining({ code: "option-invalid", details: { option: "keys" } }),
      );
    }
    app(randomBytes(32).toString("base64"));
    app([randomBytes(64)]);
  });
});

it("both crypto rooms write and read the same base64url", () => {
  for (const size of [0, 1, 2, 3, 100, 100_000]) {
    const bytes = new Uint8Array(randomBytes(size));
    expect(web.encodeBase64(bytes)).toBe(node.encodeBase64(bytes));
    expect(web.decodeBase64(node.encodeBase64(bytes))).toEqual(bytes);
    expect(node.decodeBase64(web.encodeBase64(bytes))).toEqual(bytes);
  }
});
