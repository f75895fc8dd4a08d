import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { applyChange, type Change, type IndexedStore, type SessionRecord } from "../../../src/store.ts";
import { type RedisClient, redisStore } from "../../../src/stores/redis.ts";
import { describeWith } from "../../needs.ts";
import { type Server, startServer } from "./servers.ts";

const DAY = 86_400_000;
const secretHash = "1:hash";
const later = () => Date.now() + 3_600_000;
const newRecord = (fields: Partial<SessionRecord> = {}): SessionRecord => ({
  secretHash,
  entries: new Map([["cart", '["tea"]']]),
  createdAt: Date.now(),
  touchedAt: Date.now(),
  expiresAt: later(),
  version: 1,
  ...fields,
});
const update = (store: IndexedStore, handle: string, change: Partial<Change> = {}) =>
  store.update(handle, { touchedAt: Date.now(), expiresAt: later(), ...change }, { secretHash });
const handles = async (store: IndexedStore, userId: string) => (await store.list(userId)).map(({ handle }) => handle);

describeWith("redis-server", "the Redis store's keys", (binary) => {
  let server: Server;
  let client: Redis;
  let store: IndexedStore;
  beforeAll(async () => {
    server = await startServer(binary);
    client = new Redis(server.port);
    store = redisStore(client, { onWarning: () => {} });
  });
  afterEach(() => client.flushall());
  afterAll(async () => {
    client.disconnect();
    await server.remove();
  });

  /** The commands that a store sends: each is a round trip of its own, those of one array are sent at once. */
  function counted(): { store: IndexedStore; sent: string[][] } {
    const sent: string[][] = [];
    let at: Promise<void> | undefined;
    const counting: RedisClient = {
      options: {},
      pipeline: () => expect.fail("nobody waits for replicas here"),
      call(command, args) {
        if (!at) {
          sent.push([]);
          at = Promise.resolve().then(() => {
            at = undefined;
          });
        }
        sent.at(-1)!.push(command);
        return client.call(command, args);
      },
    };
    return { store: redisStore(counting, { onWarning: () => {} }), sent };
  }

  it("are one for a session, and one for a user", async () => {
    await store.create("h", newRecord({ userId: "u" }));
    await store.create("h2", newRecord({ userId: "u" }));
    expect((await client.keys("*")).sort()).toEqual(["holdfast:h", "holdfast:h2", "holdfast:user:u"]);
    await redisStore(client, { prefix: "", onWarning: () => {} }).create("h", newRecord());
    expect(await client.exists("h")).toBe(1);
  });

  it("expire with the session", async () => {
    const expiresAt = later();
    await store.create("h", newRecord({ expiresAt }));
    expect(await client.pexpiretime("holdfast:h")).toBe(expiresAt);
    await update(store, "h", { expiresAt: expiresAt + 1 });
    expect(await client.pexpiretime("holdfast:h")).toBe(expiresAt + 1);
    await update(store, "h", { expiresAt: Date.now() - 1 });
    expect(await client.exists("holdfast:h")).toBe(0);
  });

  it("are read and written in one round trip each, after the first", async () => {
    const { store, sent } = counted();
    const trips = async (work: unknown) => {
      await work;
      return sent.splice(0);
    };
    await store.create("warm", newRecord({ userId: "u" }));
    await update(store, "warm");
    await store.delete("warm");
    await store.list("u");
    sent.length = 0;
    expect(await trips(store.create("h", newRecord()))).toEqual([["EVALSHA"]]);
    expect(await trips(store.read("h"))).toEqual([["GET"]]);
    expect(await trips(update(store, "h", { set: new Map([["a", "1"]]) }))).toEqual([["EVALSHA"]]);
    expect(await trips(update(store, "h", { userId: "u" }))).toEqual([["EVALSHA", "EVALSHA"]]);
    expect(await trips(store.delete("h"))).toEqual([["EVALSHA"], ["ZREM"]]);
    expect(await trips(store.sweep(Date.now()))).toEqual([]);
  });

  it("outlive the scripts: the server may forget them at any time", async () => {
    await store.create("h", newRecord());
    await client.script("FLUSH");
    expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
    await client.script("FLUSH");
    expect(await Promise.all([update(store, "h"), update(store, "h")])).toHaveLength(2);
    expect((await store.read("h"))?.version).toBe(4);
  });

  it("tell of a record that is damaged, and leave the others alone", async () => {
    await store.create("h", newRecord());
    const value = (await client.get("holdfast:h"))!;
    for (const damaged of ["", "x", value.slice(0, 40), `9${value.slice(1)}`]) {
      await client.set("holdfast:h", damaged);
      const corrupt = { code: "record-corrupt", details: { handle: "h" } };
      await expect(store.read("h")).rejects.toMatchObject(corrupt);
      await expect(update(store, "h")).rejects.toMatchObject(corrupt);
      expect(await store.create("h", newRecord())).toBe("exists");
    }
    await store.delete("h");
    expect(await store.create("h", newRecord())).toBe("created");
  });

  it("hold what the same changes make of a record in JavaScript", async () => {
    const text = fc.oneof(fc.constantFrom("", "\0", "\u0001", "\u00010", "a", "b"), fc.string({ unit: "grapheme" }));
    const entry = fc.tuple(text, text);
    const change = fc.record(
      {
        set: fc.array(entry, { maxLength: 3 }).map((entries) => new Map(entries)),
        removed: fc.array(text, { maxLength: 2 }),
        rotate: fc.record({ secretHash: fc.uuid(), graceUntil: fc.nat() }),
        userId: text,
        authenticatedAt: fc.nat(),
        touchedAt: fc.nat(),
        expiresAt: fc.integer({ min: 1, max: 40 }).map((days) => Date.now() + days * DAY),
      },
      { requiredKeys: ["touchedAt", "expiresAt"] },
    );
    let runs = 0;
    const property = fc.asyncProperty(fc.array(entry), fc.array(change, { maxLength: 6 }), async (entries, changes) => {
      const handle = `property ${runs++}`;
      let model = newRecord({ entries: new Map(entries) });
      await store.create(handle, model);
      for (const { removed, ...rest } of changes) {
        const change = { ...rest, remove: removed?.filter((name) => !rest.set?.has(name)) };
        const { status } = await store.update(handle, change, { secretHash: model.secretHash });
        expect(status).toBe("updated");
        model = applyChange(model, change);
        expect(await store.read(handle)).toEqual(model);
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });

  describe("of users", () => {
    it("list no session that the server has evicted", async () => {
      for (const handle of ["a", "b"]) await store.create(handle, newRecord({ userId: "u" }));
      await client.del("holdfast:a");
      expect(await handles(store, "u")).toEqual(["b"]);
      expect(await store.deleteAll("u")).toEqual(["b"]);
    });

    it("drop the handles of sessions that ended", async () => {
      for (const handle of ["a", "b", "c"]) await store.create(handle, newRecord({ userId: "u" }));
      await store.delete("a");
      await vi.waitFor(async () => expect(await client.zcard("holdfast:user:u")).toBe(2));
      await store.deleteAll("u", { except: "b" });
      await vi.waitFor(async () => expect(await client.zrange("holdfast:user:u", 0, "-1")).toEqual(["b"]));
    });

    it("drop the handles of sessions that vanished, once these would have expired", async () => {
      await store.create("a", newRecord({ userId: "u" }));
      await client.zadd("holdfast:user:u", Date.now() - 1, "vanished");
      expect(await handles(store, "u")).toEqual(["a"]);
      expect(await client.zrange("holdfast:user:u", 0, "-1")).toEqual(["a"]);
      await client.zadd("holdfast:user:u", Date.now() - 1, "vanished");
      await store.create("b", newRecord({ userId: "u" }));
      expect((await client.zrange("holdfast:user:u", 0, "-1")).sort()).toEqual(["a", "b"]);
    });

    it("keep a handle whose record is not there yet: a login may be under way", async () => {
      await client.zadd("holdfast:user:u", Date.now() + DAY, "a");
      expect(await handles(store, "u")).toEqual([]);
      expect(await store.deleteAll("u")).toEqual([]);
      await store.create("a", newRecord());
      await update(store, "a", { userId: "u" });
      expect(await handles(store, "u")).toEqual(["a"]);
    });

    it("live at least as long as the longest session, and a day longer at most", async () => {
      const far = Date.now() + 30 * DAY;
      await store.create("a", newRecord({ userId: "u", expiresAt: far }));
      await store.create("b", newRecord({ userId: "u" }));
      const end = await client.pexpiretime("holdfast:user:u");
      expect(end).toBeGreaterThan(far);
      expect(end).toBeLessThanOrEqual(far + DAY);
    });

    it("reach further before a session does", async () => {
      const { store, sent } = counted();
      const expiresAt = Date.now() + DAY;
      await store.create("a", newRecord({ userId: "u\0", expiresAt }));
      await update(store, "a", { expiresAt });
      sent.length = 0;
      await update(store, "a", { expiresAt: expiresAt + DAY });
      // The script refuses, the index reaches further, and the script goes ahead.
      expect(sent).toEqual([["EVALSHA"], ["EVALSHA"], ["EVALSHA"]]);
      expect(await client.pexpiretime("holdfast:user:u\0")).toBeGreaterThan(expiresAt + DAY);
      expect((await store.read("a"))?.version).toBe(3);
    });

    it("come back when the server has evicted them and the user logs in again", async () => {
      await store.create("a", newRecord({ userId: "u" }));
      await client.del("holdfast:user:u");
      expect(await handles(store, "u")).toEqual([]);
      await update(store, "a", { userId: "u" });
      expect(await handles(store, "u")).toEqual(["a"]);
    });
  });
});
