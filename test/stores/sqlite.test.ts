import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { applyChange } from "../../src/store.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { storeCases } from "../../src/testing/store.ts";
import { assertCloses, failing, later, newRecord, SECRET, update } from "./fixtures.ts";
import { races } from "./races.ts";
import { connect, newPath, open, turnsDuring } from "./sqlite/fixtures.ts";

describe("the SQLite store keeps the contract", () => {
  describe("with two connections to one file", () => {
    const path = newPath();
    for (const { name, run } of storeCases(() => sqliteStore(path))) it(name, run);
    races(() => sqliteStore(path));
  });

  describe("in memory", () => {
    const store = sqliteStore(":memory:");
    for (const { name, run } of storeCases(() => store)) it(name, run);
  });

  describe("on a connection with other defaults, in a file without a write-ahead log", () => {
    const path = newPath();
    const openOther = () => {
      const db = new DatabaseSync(path, { readBigInts: true, returnArrays: true });
      db.exec("PRAGMA journal_mode = PERSIST; PRAGMA synchronous = OFF");
      return sqliteStore(db);
    };
    for (const { name, run } of storeCases(openOther)) it(name, run);
  });
});

describe("a file of sessions", () => {
  it("holds them through a restart", async () => {
    const path = newPath();
    const before = sqliteStore(path);
    const record = newRecord({ entries: new Map([["cart", '["tea"]']]), userId: "u1", authenticatedAt: 5 });
    await before.create("h", record);
    await before.close();
    const after = open(path);
    expect(await after.read("h")).toEqual(record);
    expect(await after.list("u1")).toEqual([{ handle: "h", record }]);
  });

  it("is in WAL mode", () => {
    const path = newPath();
    open(path);
    expect(connect(path).prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  });

  it("tells names apart that agree up to a NUL", async () => {
    const store = open(newPath());
    await store.create(
      "h",
      newRecord({ entries: new Map(["a\0b", "a\0c", "a", "\\u0000"].map((name) => [name, "0"])) }),
    );
    await update(store, "h", { set: new Map([["a\0c", "1"]]), remove: ["a\0b"] });
    expect((await store.read("h"))?.entries).toEqual(new Map(Object.entries({ "a\0c": "1", a: "0", "\\u0000": "0" })));
  });

  it("tells names apart that JSON.parse mixes up in V8 (nodejs/node#63785)", async () => {
    const store = open(":memory:");
    for (const name of ["\\", "\n", '"']) {
      const record = newRecord({ entries: new Map(["first", name].map((name) => [name, "0"])) });
      await store.create(`h${name}`, record);
      expect(await store.read(`h${name}`)).toEqual(record);
    }
  });

  it("merges entries in SQL as applyChange does in JavaScript, whatever their names and texts", async () => {
    const store = open(":memory:");
    const tricky = fc.constantFrom(..."\0 \\ \" ' u0000 %0000 a $.a [0] \u007f é \ud800 🍵 __proto__ 1".split(" "));
    const text = fc.oneof(
      fc.array(tricky, { maxLength: 4 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary" }),
    );
    const entries = fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs));
    let handle = 0;
    const holds = async (before: Map<string, string>, set: Map<string, string>, names: string[]) => {
      const change = { set, remove: names.filter((name) => !set.has(name)), touchedAt: 5, expiresAt: later() };
      const record = newRecord({ entries: before });
      await store.create(String(++handle), record);
      await store.update(String(handle), change, { secretHash: SECRET });
      expect(await store.read(String(handle))).toEqual(applyChange(record, change));
    };
    await fc.assert(fc.asyncProperty(entries, entries, fc.array(text), holds), { numRuns: 1000 });
  });

  it("with a record that was tampered with says so without quoting it", async () => {
    const path = newPath();
    const store = open(path);
    await store.create("h", newRecord());
    connect(path).exec(`UPDATE holdfast_sessions SET entries = 'the password is tea'`);
    const error = await Promise.resolve(store.read("h")).catch((error) => error);
    expect(error).toEqual(failing("record-corrupt", /record h/));
    expect([String(error), String(error.cause)].join()).not.toMatch(/tea/);
  });
});

describe("the schema", () => {
  it("is completed where a start was cut off", async () => {
    const path = newPath();
    connect(path).exec("CREATE TABLE holdfast_schema (version INTEGER NOT NULL PRIMARY KEY) STRICT");
    expect(await open(path).create("h", newRecord())).toBe("created");
  });

  it("of a later release is left alone", () => {
    const path = newPath();
    open(path);
    const db = connect(path);
    db.exec("INSERT INTO holdfast_schema VALUES (7)");
    expect(() => sqliteStore(path)).toThrow(failing("store-corrupt", /version 7 .* no later than 1/));
    expect(() => sqliteStore(db)).toThrow(failing("store-corrupt", /version 7/));
    db.exec("BEGIN"); // throws where a transaction was left open
  });

  it("leaves the app's user_version and tables alone", async () => {
    const path = newPath();
    const db = connect(path);
    db.exec("PRAGMA user_version = 12; CREATE TABLE sessions (id); INSERT INTO sessions VALUES (1)");
    await open(path).create("h", newRecord());
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 12 });
    expect(db.prepare("SELECT * FROM sessions").all()).toEqual([{ id: 1 }]);
  });
});

describe("closing", () => {
  it("ends every operation, and may be repeated", async () => {
    const path = newPath();
    const store = sqliteStore(path);
    await store.create("h", newRecord());
    await assertCloses(store);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it("leaves the app's connection open", async () => {
    const db = connect(newPath());
    const store = sqliteStore(db);
    await store.close();
    await expect(store.read("h")).rejects.toEqual(failing("store-closed"));
    expect(db.prepare("SELECT count(*) AS n FROM holdfast_sessions").get()).toEqual({ n: 0 });
  });
});

describe("a connection of the app's", () => {
  it("keeps its pragmas", async () => {
    const db = connect(newPath());
    const pragmas = () =>
      ["journal_mode", "synchronous", "busy_timeout"].map((name) => db.prepare(`PRAGMA ${name}`).get());
    db.exec("PRAGMA synchronous = OFF; PRAGMA busy_timeout = 7");
    const before = pragmas();
    const store = open(db);
    await store.create("h", newRecord());
    await store.delete("h");
    expect(pragmas()).toEqual(before);
  });

  // Node before 22.16 can't tell.
  const seesTransactions = new DatabaseSync(":memory:").isTransaction !== undefined;

  it.runIf(seesTransactions)(
    "in a transaction of the app's is waited for, and the rollback takes back no session",
    async () => {
      const db = connect(newPath());
      const store = open(db);
      await store.create("h", newRecord());
      db.exec("BEGIN; CREATE TABLE orders (id)");
      const writing = update(store, "h");
      await setImmediate();
      db.exec("ROLLBACK");
      expect(await writing).toEqual({ status: "updated", version: 2 });
      expect((await store.read("h"))?.version).toBe(2);
    },
  );

  it.runIf(seesTransactions)("in a transaction of the app's that never ends is a lock", async () => {
    const db = connect(newPath());
    const store = open(db, { lockTimeout: 20 });
    db.exec("BEGIN");
    await expect(store.read("h")).rejects.toEqual(failing("store-locked", /transaction of the app's/));
    expect(() => sqliteStore(db)).toThrow(failing("store-failed", /within a transaction/));
    expect(db.isTransaction).toBe(true);
  });

  it("without a write-ahead log acknowledges no commit that a reader holds up", async () => {
    const path = newPath();
    const store = open(connect(path), { lockTimeout: 20 });
    await store.create("h", newRecord());
    const reader = connect(path);
    reader.exec("BEGIN");
    reader.prepare("SELECT * FROM holdfast_sessions").all();
    await expect(update(store, "h")).rejects.toEqual(failing("store-locked"));
    await expect(store.delete("h")).rejects.toEqual(failing("store-locked"));
    reader.exec("COMMIT");
    expect((await store.read("h"))?.version).toBe(1);
  });

  it("that the app has closed is named so", async () => {
    const db = connect(newPath());
    const store = sqliteStore(db);
    db.close();
    await expect(store.read("h")).rejects.toEqual(failing("store-closed", /by the app/));
    expect(() => sqliteStore(db)).toThrow(failing("store-closed"));
  });
});

describe("durability", () => {
  /** What the store says to SQLite about syncing, during the work. */
  async function pragmas(work: () => unknown): Promise<string[]> {
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    await work();
    const texts = exec.mock.calls.map(([text]) => text).filter((text) => text.startsWith("PRAGMA"));
    exec.mockRestore();
    return texts;
  }
  const synced = ["PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"];

  it("normal: a deletion and a new secret wait for the disk, nothing else does", async () => {
    const store = open(newPath());
    const rotate = { secretHash: SECRET, graceUntil: 0 };
    expect(await pragmas(() => store.create("h", newRecord({ userId: "u" })))).toEqual([]);
    expect(await pragmas(() => update(store, "h"))).toEqual([]);
    expect(await pragmas(() => update(store, "h", { rotate }))).toEqual(synced);
    expect(await pragmas(() => store.deleteAll("u"))).toEqual(synced);
    expect(await pragmas(() => store.delete("h"))).toEqual(synced);
    expect(await pragmas(() => store.sweep(Date.now()))).toEqual([]);
  });

  it("full: everything waits for the disk, always", async () => {
    const path = newPath();
    expect(await pragmas(async () => open(path, { synchronous: "full" }))).toContain(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = full",
    );
    const store = open(path, { synchronous: "full" });
    expect(await pragmas(() => store.delete("h"))).toEqual([]);
  });
});

describe("the sweep", () => {
  it("lets the event loop turn between its batches", async () => {
    const db = connect(":memory:");
    const store = open(db);
    for (let i = 0; i < 1600; i++) await store.create(`h${i}`, newRecord({ expiresAt: 1000 + i }));
    const sweeping = store.sweep(Date.now());
    expect(await turnsDuring(sweeping)).toBeGreaterThanOrEqual(3);
    expect(await sweeping).toBe(1600);
  });

  it("passes over many that live on to those that have expired behind them", async () => {
    const store = open(":memory:");
    const soon = Date.now() + 60_000;
    for (let i = 0; i < 700; i++) await store.create(`long${i}`, newRecord({ expiresAt: soon + i }));
    for (let i = 0; i < 700; i++) await update(store, `long${i}`, { expiresAt: later() });
    for (let i = 0; i < 700; i++) await store.create(`short${i}`, newRecord({ expiresAt: soon + 1000 + i }));
    expect(await store.sweep(soon + 5000)).toBe(700);
    expect(await store.sweep(soon + 5000)).toBe(0);
    for (let i = 0; i < 700; i++) expect(await store.read(`long${i}`)).toBeDefined();
    expect(await store.sweep(later())).toBe(700);
  });
});

describe("options", () => {
  const refused = (...args: unknown[]) => {
    try {
      (sqliteStore as (...args: unknown[]) => unknown)(...args);
    } catch (error) {
      return error;
    }
  };

  it("that don't exist are named", () => {
    const error = refused(":memory:", { timeout: 5 });
    expect(error).toEqual(failing("option-unknown", /"timeout".*`lockTimeout`/, { details: { option: "timeout" } }));
  });

  it.each([
    ["database", ""],
    ["database", undefined],
    ["database", {}],
    ["lockTimeout", ":memory:", { lockTimeout: -1 }],
    ["lockTimeout", ":memory:", { lockTimeout: "2s" }],
    ["lockTimeout", ":memory:", { lockTimeout: Number.POSITIVE_INFINITY }],
    ["synchronous", ":memory:", { synchronous: "off" }],
  ])("%s must be one that it takes: %j %j", (option, ...args) => {
    expect(refused(...args)).toEqual(failing("option-invalid", /./, { details: { option } }));
  });

  it("synchronous is no option for a connection of the app's", () => {
    const error = refused(connect(":memory:"), { synchronous: "full" });
    expect(error).toEqual(failing("option-invalid", /PRAGMA synchronous/, { details: { option: "synchronous" } }));
  });
});
