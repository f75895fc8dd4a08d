import { readFileSync, statSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { failing, newRecord, update } from "../fixtures.ts";
import { connect, folder, newPath, open, turnsDuring } from "./fixtures.ts";

describe("a locked file", () => {
  async function lockedStore(lockTimeout: number) {
    const path = newPath();
    const store = open(path, { lockTimeout });
    await store.create("h", newRecord());
    const other = connect(path);
    other.exec("BEGIN EXCLUSIVE");
    return { path, store, other };
  }

  it("fails a write after lockTimeout, and the event loop turns meanwhile", async () => {
    const { path, store } = await lockedStore(100);
    const began = performance.now();
    const writing = update(store, "h");
    expect(await turnsDuring(writing)).toBeGreaterThan(20);
    expect(performance.now() - began).toBeGreaterThanOrEqual(100);
    const details = { operation: "update" };
    await expect(writing).rejects.toEqual(failing("store-locked", /lockTimeout/, { details, status: 503 }));
    await expect(writing).rejects.toThrow(path);
  });

  it("holds up no read", async () => {
    const { store } = await lockedStore(0);
    expect((await store.read("h"))?.version).toBe(1);
  });

  it("lets every operation through once it is released", async () => {
    const { store, other } = await lockedStore(20_000);
    const waiting = Promise.all([
      update(store, "h"),
      store.create("h2", newRecord({ userId: "u1" })),
      store.delete("h3"),
      store.deleteAll("u2"),
      store.sweep(0),
    ]);
    await setImmediate();
    other.exec("COMMIT");
    expect(await waiting).toEqual([{ status: "updated", version: 2 }, "created", false, [], 0]);
  });

  it("is given up when the store closes", async () => {
    const { store } = await lockedStore(20_000);
    const writing = update(store, "h");
    await store.close();
    await expect(writing).rejects.toEqual(failing("store-closed"));
  });

  it("can't be opened", async () => {
    const { path } = await lockedStore(0);
    const locked = failing("store-locked", /stayed locked for 30 ms/);
    expect(() => sqliteStore(path, { lockTimeout: 30 })).toThrow(locked);
  });
});

describe("a database that fails", () => {
  it("read-only from the start, throws at once", () => {
    const path = newPath();
    open(path);
    const readOnly = failing("store-readonly", /write to the file/);
    expect(() => sqliteStore(connect(path, { readOnly: true }))).toThrow(readOnly);
  });

  it("read-only later, is still read", async () => {
    const db = connect(newPath());
    const store = open(db);
    await store.create("h", newRecord());
    db.exec("PRAGMA query_only = ON");
    await expect(update(store, "h")).rejects.toEqual(failing("store-readonly"));
    expect((await store.read("h"))?.version).toBe(1);
    db.exec("PRAGMA query_only = OFF");
    expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
  });

  it("full, refuses what has no room and keeps the rest", async () => {
    const db = connect(newPath());
    const store = open(db);
    await store.create("h", newRecord());
    db.exec("PRAGMA max_page_count = 10");
    const big = new Map([["big", "x".repeat(100_000)]]);
    await expect(store.create("h2", newRecord({ entries: big }))).rejects.toEqual(failing("store-full", /can't grow/));
    await expect(update(store, "h", { set: big })).rejects.toEqual(failing("store-full"));
    expect(await store.read("h2")).toBe(undefined);
    expect(await update(store, "h")).toEqual({ status: "updated", version: 2 });
  });

  it("not a database, throws at once and is left as it was", () => {
    const path = newPath();
    const garbage = "These are not the sessions you are looking for. ".repeat(100);
    writeFileSync(path, garbage);
    const corrupt = failing("store-corrupt", /not an SQLite database/);
    expect(() => sqliteStore(path)).toThrow(corrupt);
    expect(() => sqliteStore(path)).toThrow(path);
    expect(readFileSync(path, "utf8")).toBe(garbage);
  });

  it("overwritten in part, serves what is whole and says what is not", async () => {
    const path = newPath();
    const before = sqliteStore(path);
    for (let i = 0; i < 200; i++)
      await before.create(`h${i}`, newRecord({ entries: new Map([["a", "x".repeat(300)]]) }));
    await before.close();
    const { size } = statSync(path);
    const file = await openFile(path, "r+");
    await file.write(Buffer.alloc(size / 2, 0xa5), 0, size / 2, size / 2);
    await file.close();

    const store = open(path);
    const outcomes = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const outcome = await Promise.resolve(store.read(`h${i}`)).then(
        (record) => (record ? "served" : "missing"),
        (error) => error.code,
      );
      outcomes.add(outcome);
    }
    expect([...outcomes].sort()).toEqual(["served", "store-corrupt"]);
  });

  it("in a folder that is missing, or a folder itself, throws at once", () => {
    const path = join(folder, "missing", "sessions.db");
    expect(() => sqliteStore(path)).toThrow(failing("store-failed", /folder must exist/));
    expect(() => sqliteStore(path)).toThrow(path);
    expect(() => sqliteStore(folder)).toThrow(failing("store-failed", /can't be opened/));
  });

  it("in another way, is said with SQLite's words and the cause", async () => {
    const path = newPath();
    const store = open(path);
    connect(path).exec("DROP TABLE holdfast_sessions");
    const cause = expect.objectContaining({ errcode: 1 });
    await expect(store.read("h")).rejects.toEqual(failing("store-failed", /no such table/, { cause }));
  });
});
