import { createRequire } from "node:module";
import { createSessions } from "holdfast";
import { barrier, storeCases } from "holdfast/testing";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { CallbackStore } from "../../src/express-session/callback-store.ts";
import { expressStore, type LostWrite } from "../../src/express-session/express-store.ts";
import type { SessionRecord, Store } from "../../src/store.ts";
import { client } from "../core/client.ts";
import { describeWith } from "../needs.ts";
import { original } from "./apps.ts";

// Without its types, which bring in those of express-session: they and ours both declare `req.session`.
const { RedisStore } = createRequire(import.meta.url)("connect-redis") as {
  RedisStore: new (options: { client: object; prefix: string }) => CallbackStore;
};

function keepsContract(store: Store): void {
  for (const { name, run } of storeCases(() => store, { indexed: false, sweeps: false })) it(name, run);
}

describe("express-session's MemoryStore keeps the contract of holdfast's", () => {
  keepsContract(expressStore(new original.MemoryStore()));
});

describeWith("Redis", "connect-redis keeps the contract of holdfast's stores", (url) => {
  const client = createClient({ url });
  const prefix = `holdfast-test-express-store-${process.pid}:`;
  beforeAll(async () => {
    await client.connect();
  });
  afterAll(async () => {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) {
      if (keys.length > 0) await client.del(keys);
    }
    client.destroy();
  });
  keepsContract(expressStore(new RedisStore({ client, prefix })));
});

const SECRET = { secretHash: "1:hash" };

function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  const times = { createdAt: now, touchedAt: now, expiresAt: now + 3_600_000 };
  return { ...SECRET, entries: new Map(), ...times, version: 1, ...fields };
}

const setting = (name: string) => ({
  set: new Map([[name, "1"]]),
  touchedAt: Date.now(),
  expiresAt: Date.now() + 3_600_000,
});

describe("a row", () => {
  it("is what express-session keeps, with holdfast's own fields beside", async () => {
    const rows = new original.MemoryStore();
    const texts = {
      cart: '["tea"]',
      "~device": '"x"',
      secret: "not JSON",
      cookie: "1",
      holdfast: "2",
      spaced: "[ ]",
      toString: "3",
    };
    const entries = new Map([...Object.entries(texts), ["__proto__", "4"]]);
    await expressStore(rows).create("handle", record({ entries, userId: "ada", expiresAt: Date.UTC(2100, 0) }));
    const row = JSON.parse(rows.sessions.handle!);
    expect(row).toMatchObject({ cookie: { expires: "2100-01-01T00:00:00.000Z" }, cart: ["tea"] });
    expect(Object.keys(row).toSorted()).toEqual(["cart", "cookie", "holdfast"]);
    expect(new Map(row.holdfast.texts)).toEqual(new Map([...entries].filter(([name]) => name !== "cart")));
  });

  it("that another app wrote is corrupt, and stays", async () => {
    const rows = new original.MemoryStore();
    const row = JSON.stringify({ cookie: {}, holdfast: "mine" });
    rows.sessions.handle = row;
    const store = expressStore(rows);
    const corrupt = { code: "record-corrupt", details: { handle: "handle" } };
    await expect(store.read("handle")).rejects.toMatchObject(corrupt);
    await expect(store.create("handle", record())).rejects.toMatchObject(corrupt);
    await expect(store.update("handle", setting("a"), SECRET)).rejects.toMatchObject(corrupt);
    expect(rows.sessions).toEqual({ handle: row });
  });

  it("that is in no file is missing", async () => {
    const enoent = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const rows: CallbackStore = { get: (_, done) => done(enoent), set: () => {}, destroy: () => {} };
    expect(await expressStore(rows).read("handle")).toBeUndefined();
  });
});

describe("createSessions on a store of express-session's", () => {
  it("loses no update of overlapping requests, and no logout", async () => {
    const sessions = createSessions<Record<string, number>>({ store: expressStore(new original.MemoryStore()) });
    const browser = client(sessions);
    await browser.set({ a: 0 });
    const requests = await Promise.all(["b", "c", "d"].map(async (name) => ({ name, exchange: await browser.open() })));
    for (const { name, exchange } of requests) exchange.session.data[name] = 1;
    await Promise.all(requests.map(({ exchange }) => browser.finish(exchange)));
    const slow = await browser.open();
    expect(slow.session.data).toEqual({ a: 0, b: 1, c: 1, d: 1 });
    const twin = Object.assign(client(sessions), { cookie: browser.cookie });
    await browser.request((session) => session.destroy());
    slow.session.data.e = 1;
    await expect(async () => slow.commit()).rejects.toMatchObject({ code: "session-gone" });
    await twin.request((session) => expect(session.isNew).toBe(true));
    await sessions.close();
  });

  it("passes on what the store fails with", async () => {
    const down = new Error("down");
    const rows: CallbackStore = {
      get: (_, done) => done(down),
      set: () => {
        throw down;
      },
      destroy: (_, done) => done(down),
    };
    const store = expressStore(rows);
    await expect(store.read("a")).rejects.toBe(down);
    await expect(store.delete("a")).rejects.toBe(down);
    await expect(expressStore({ ...rows, get: (_, done) => done() }).create("a", record())).rejects.toBe(down);
  });

  it("refuses what is no such store, and options that don't exist", () => {
    expect(() => expressStore({} as CallbackStore)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    const options = { onLostWrites: () => {} } as object;
    const unknown = { code: "option-unknown", details: { option: "onLostWrites", meant: "onLostWrite" } };
    expect(() => expressStore(new original.MemoryStore(), options)).toThrow(expect.objectContaining(unknown));
  });

  it("throws store-closed when it is closed", async () => {
    const store = expressStore(new original.MemoryStore());
    await store.close();
    await store.close();
    for (const operation of ["read", "delete"] as const) {
      await expect(async () => store[operation]("a")).rejects.toMatchObject({
        code: "store-closed",
        details: { operation },
      });
    }
    await expect(async () => store.sweep(0)).rejects.toMatchObject({ code: "store-closed" });
  });
});

describe("what one process undoes of another's", () => {
  /** Two processes on the same rows. What `parked` answers, the second one's `set` waits for. */
  function processes() {
    const [rows, otherRows] = [new original.MemoryStore(), new original.MemoryStore()];
    otherRows.sessions = rows.sessions;
    const lost: LostWrite[] = [];
    let parked = async (): Promise<void> => {};
    const other: CallbackStore = {
      get: otherRows.get.bind(otherRows),
      set: (...args) => void parked().then(() => otherRows.set(...args)),
      destroy: otherRows.destroy.bind(otherRows),
    };
    return {
      rows,
      lost,
      ours: expressStore(rows, { onLostWrite: (event) => lost.push(event) }),
      theirs: expressStore(other, { onLostWrite: () => expect.fail("they lost nothing") }),
      park(wait: () => Promise<void>) {
        parked = wait;
      },
    };
  }

  /** Theirs has read the session, and writes when what `meanwhile` does is done. */
  async function overlap({ theirs, park }: ReturnType<typeof processes>, meanwhile: () => unknown): Promise<void> {
    const [hasRead, written] = [barrier(2), barrier(2)];
    park(async () => {
      await hasRead.arrive();
      await written.arrive();
    });
    const update = theirs.update("handle", setting("theirs"), SECRET);
    await hasRead.arrive();
    await meanwhile();
    await written.arrive();
    expect(await update).toMatchObject({ status: "updated" });
    park(async () => {});
  }

  it("is reported where it was an update, once", async () => {
    const both = processes();
    const { ours, theirs, lost } = both;
    await ours.create("handle", record());
    await overlap(both, () => ours.update("handle", setting("ours"), SECRET));
    expect((await ours.read("handle"))?.entries).toEqual(new Map([["theirs", "1"]]));
    expect(lost).toEqual([{ handle: "handle", lost: "update" }]);
    await ours.read("handle");
    await ours.update("handle", setting("again"), SECRET);
    await theirs.read("handle");
    expect(lost).toHaveLength(1);
  });

  it("is reported after more updates of theirs, too", async () => {
    const both = processes();
    await both.ours.create("handle", record());
    await overlap(both, () => both.ours.update("handle", setting("ours"), SECRET));
    for (let i = 0; i < 10; i++) await both.theirs.update("handle", setting("theirs"), SECRET);
    await both.ours.read("handle");
    expect(both.lost).toEqual([{ handle: "handle", lost: "update" }]);
  });

  it("is mended where it was a logout", async () => {
    const both = processes();
    const { ours, rows, lost } = both;
    await ours.create("handle", record());
    await overlap(both, () => ours.delete("handle"));
    expect(Object.keys(rows.sessions)).toEqual(["handle"]);
    expect(await ours.update("handle", setting("late"), SECRET)).toEqual({ status: "gone" });
    expect(lost).toEqual([{ handle: "handle", lost: "delete" }]);
    expect(rows.sessions).toEqual({});
  });

  it("is nothing where they take turns, however many", async () => {
    const { ours, theirs, lost } = processes();
    await ours.create("handle", record());
    for (let i = 0; i < 40; i++) {
      await ours.update("handle", setting("ours"), SECRET);
      for (let j = 0; j < i; j++) await theirs.update("handle", setting("theirs"), SECRET);
      await ours.read("handle");
    }
    expect(lost).toEqual([]);
  });

  it("is said on the console where nobody asked, once", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const rows = new original.MemoryStore();
    const store = expressStore(rows);
    for (const handle of ["one", "two"]) {
      await store.create(handle, record());
      const before = rows.sessions[handle]!;
      await store.update(handle, setting("ours"), SECRET);
      rows.sessions[handle] = before;
      await store.read(handle);
    }
    expect(warn.mock.calls).toEqual([[expect.stringContaining("undid this one's update of session one")]]);
    warn.mockRestore();
  });
});
