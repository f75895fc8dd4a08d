import { storeCases } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { isHoldfastError } from "../../src/errors.ts";
import type { IndexedStore, SessionRecord } from "../../src/store.ts";
import { type MemoryStoreOptions, memoryStore } from "../../src/stores/memory.ts";
import { assertCloses } from "./fixtures.ts";
import { races } from "./races.ts";

describe("the memory store keeps the contract", () => {
  const store = memoryStore();
  for (const { name, run } of storeCases(() => store)) it(name, run);
  races(() => store);
});

const HOUR = 3_600_000;

function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  const times = { createdAt: now, touchedAt: now, expiresAt: now + HOUR };
  return { secretHash: "1:hash", entries: new Map(), ...times, version: 1, ...fields };
}

const text = (length: number) => new Map([["text", "x".repeat(length)]]);

function grow(store: IndexedStore, handle: string, length: number) {
  const now = Date.now();
  const change = { set: text(length), touchedAt: now, expiresAt: now + HOUR };
  return store.update(handle, change, { secretHash: "1:hash" });
}

/** Which of the handles are live, without using their sessions. */
async function left(store: IndexedStore): Promise<string> {
  return (await store.list("user"))
    .map(({ handle }) => handle)
    .sort()
    .join("");
}

async function filled(handles: string, options: MemoryStoreOptions, length = 0): Promise<IndexedStore> {
  const store = memoryStore(options);
  for (const handle of handles) await store.create(handle, record({ userId: "user", entries: text(length) }));
  return store;
}

describe("at maxSessions the memory store", () => {
  it("evicts the session that has gone unused the longest", async () => {
    const store = await filled("abcd", { maxSessions: 3 });
    expect(await left(store)).toBe("bcd");
    expect(await store.read("a")).toBeUndefined();
    expect(await grow(store, "a", 1)).toEqual({ status: "gone" });
  });

  it("takes a read and an update for a use, but not a list", async () => {
    const store = await filled("abc", { maxSessions: 3 });
    await store.read("a");
    await grow(store, "b", 1);
    await store.list("user");
    await store.create("d", record({ userId: "user" }));
    expect(await left(store)).toBe("abd");
    await store.create("e", record({ userId: "user" }));
    expect(await left(store)).toBe("bde");
  });

  it("has room again after a delete", async () => {
    const store = await filled("abc", { maxSessions: 3 });
    await store.delete("b");
    await store.create("d", record({ userId: "user" }));
    expect(await left(store)).toBe("acd");
  });
});

describe("at maxBytes the memory store", () => {
  it("evicts others when one comes", async () => {
    const store = await filled("abcd", { maxBytes: 40_000 }, 10_000);
    expect(await left(store)).toBe("bcd");
  });

  it("evicts others when one grows, never the one that grew", async () => {
    const store = await filled("abcd", { maxBytes: 40_000 }, 1_000);
    await grow(store, "a", 37_000);
    expect(await left(store)).toBe("ad");
    await grow(store, "a", 39_000);
    expect(await left(store)).toBe("a");
  });

  it("has room again when one shrinks", async () => {
    const store = await filled("abc", { maxBytes: 40_000 }, 10_000);
    await grow(store, "a", 0);
    await store.create("d", record({ userId: "user", entries: text(10_000) }));
    expect(await left(store)).toBe("abcd");
  });

  it("refuses a session that alone is larger, and evicts nothing", async () => {
    const store = await filled("abc", { maxBytes: 40_000 }, 10_000);
    await expect(async () => store.create("d", record({ entries: text(40_000) }))).rejects.toMatchObject({
      code: "store-full",
      details: { operation: "create" },
    });
    await expect(async () => grow(store, "a", 40_000)).rejects.toMatchObject({ code: "store-full" });
    expect(await left(store)).toBe("abc");
    expect((await store.read("a"))?.entries.get("text")).toHaveLength(10_000);
    expect((await store.read("a"))?.version).toBe(1);
  });

  it("counts a session without data too", async () => {
    const store = memoryStore({ maxBytes: 1_000_000 });
    for (let i = 0; i < 10_000; i++) await store.create(`${i}`, record({ userId: "user" }));
    expect((await store.list("user")).length).toBeLessThan(5000);
  });
});

describe("a sweep of the memory store", () => {
  it("lets other work in between", async () => {
    const store = memoryStore();
    for (let i = 0; i < 20_000; i++) await store.create(`${i}`, record({ expiresAt: Date.now() - 1 }));
    let turns = 0;
    let sweeping = true;
    const count = () => {
      turns++;
      if (sweeping) setImmediate(count);
    };
    setImmediate(count);
    expect(await store.sweep(Date.now())).toBe(20_000);
    sweeping = false;
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it("shares its work with another one at the same time", async () => {
    const store = memoryStore();
    for (let i = 0; i < 5000; i++) await store.create(`${i}`, record({ expiresAt: Date.now() - 1 }));
    const swept = await Promise.all([store.sweep(Date.now()), store.sweep(Date.now())]);
    expect(swept[0]! + swept[1]!).toBe(5000);
  });

  it("meets every expiry in its time, however far apart the sweeps are and wherever the expiry has moved", async () => {
    const store = memoryStore();
    const now = Date.now();
    const expiries = new Map<string, number>();
    // Steps of several sizes up to 40 days: within a tick of the wheel, a round of it, many rounds.
    for (let i = 0; i < 2000; i++) {
      const expiresAt = now + 1000 + ((i * 7919) % 2000) * (i % 3 ? 25_000 : 1_728_000);
      await store.create(`${i}`, record({ expiresAt }));
      const moved = i % 5 === 0 ? now + 1000 + (expiresAt - now) / 2 : i % 5 === 1 ? expiresAt + 50_000 : expiresAt;
      await store.update(`${i}`, { touchedAt: now, expiresAt: moved }, { secretHash: "1:hash" });
      expiries.set(`${i}`, moved);
    }
    for (const hours of [0.001, 0.01, 0.5, 1, 11, 12, 13, 40, 39, 41, 500, 2000]) {
      const due = [...expiries].filter(([, expiresAt]) => expiresAt <= now + hours * HOUR);
      expect(await store.sweep(now + hours * HOUR)).toBe(due.length);
      for (const [handle] of due) expiries.delete(handle);
      for (const handle of expiries.keys()) expect(await store.read(handle)).toBeDefined();
    }
    expect(expiries.size).toBe(0);
  });

  it("forgets the user, too", async () => {
    const store = memoryStore();
    await store.create("a", record({ userId: "user", expiresAt: Date.now() - 1 }));
    await store.create("b", record({ userId: "user" }));
    await store.sweep(Date.now());
    expect(await left(store)).toBe("b");
  });
});

describe("the memory store under many operations", () => {
  it("agrees with a plain Map", async () => {
    const store = memoryStore({ maxSessions: 100 });
    const model = new Map<string, { userId: string; text: string }>();
    const use = (handle: string) => {
      const kept = model.get(handle)!;
      model.delete(handle);
      model.set(handle, kept);
    };
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let step = 0; step < 20_000; step++) {
      const [handle, userId, text] = [`h${random(150)}`, `u${random(10)}`, `${step}`];
      const now = Date.now();
      const known = model.has(handle);
      switch (random(5)) {
        case 0: {
          const answer = await store.create(handle, record({ userId, entries: new Map([["text", text]]) }));
          expect(answer).toBe(known ? "exists" : "created");
          if (!known) model.set(handle, { userId, text });
          if (model.size > 100) model.delete(model.keys().next().value!);
          break;
        }
        case 1: {
          const change = { userId, set: new Map([["text", text]]), touchedAt: now, expiresAt: now + HOUR };
          const { status } = await store.update(handle, change, { secretHash: "1:hash" });
          expect(status).toBe(known ? "updated" : "gone");
          if (!known) break;
          model.set(handle, { userId, text });
          use(handle);
          break;
        }
        case 2: {
          const read = await store.read(handle);
          expect(read && { userId: read.userId, text: read.entries.get("text") }).toEqual(model.get(handle));
          if (known) use(handle);
          break;
        }
        case 3:
          if (random(4) === 0) expect(await store.delete(handle)).toBe(model.delete(handle));
          break;
        case 4: {
          const own = [...model].filter(([, kept]) => kept.userId === userId).map(([own]) => own);
          expect((await store.list(userId)).map(({ handle }) => handle).sort()).toEqual(own.sort());
          if (random(50) > 0) break;
          await store.deleteAll(userId, { except: handle });
          for (const one of own) if (one !== handle) model.delete(one);
        }
      }
    }
  });
});

describe("the memory store's options", () => {
  const thrown = (options: object) => {
    try {
      memoryStore(options);
    } catch (error) {
      return isHoldfastError(error) ? { code: error.code, details: error.details } : error;
    }
    return undefined;
  };

  it("are whole numbers from 1 on, or left out", () => {
    for (const value of [1, 1000, Number.POSITIVE_INFINITY, undefined]) {
      expect(thrown({ maxSessions: value })).toBeUndefined();
      expect(thrown({ maxBytes: value })).toBeUndefined();
    }
    for (const option of ["maxSessions", "maxBytes"])
      for (const value of [0, -1, 1.5, Number.NaN, "10", null, 10n])
        expect(thrown({ [option]: value })).toEqual({ code: "option-invalid", details: { option } });
  });

  it("are none but these", () => {
    expect(thrown({ maxSession: 5 })).toEqual({ code: "option-unknown", details: { option: "maxSession" } });
  });
});

describe("a closed memory store", () => {
  it("throws store-closed, naming the operation", async () => {
    await assertCloses(memoryStore());
  });
});
