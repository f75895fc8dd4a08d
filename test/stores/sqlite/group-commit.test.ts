import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
import { failing, newRecord, SECRET, update } from "../fixtures.ts";
import { connect, newPath, open } from "./fixtures.ts";

async function withRecords(store: IndexedStore, count: number): Promise<string[]> {
  const handles = Array.from({ length: count }, (_, i) => `h${i}`);
  await Promise.all(handles.map((handle) => store.create(handle, newRecord())));
  return handles;
}

/** How many transactions the store opened for the work. */
async function transactions(work: () => unknown): Promise<number> {
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  await work();
  const begun = exec.mock.calls.filter(([text]) => text.startsWith("BEGIN"));
  exec.mockRestore();
  return begun.length;
}

const versionsIn = (db: DatabaseSync): unknown[] =>
  db
    .prepare("SELECT version FROM holdfast_sessions ORDER BY handle")
    .all()
    .map(({ version }) => version);

const updated = (version: number) => ({ status: "updated", version });

describe("writes of one turn that wait for the disk", () => {
  it("share a transaction, which is committed when the first of them is answered", async () => {
    const path = newPath();
    const store = open(path, { synchronous: "full" });
    const handles = await withRecords(store, 8);
    const other = connect(path);
    const count = await transactions(async () => {
      const writing = handles.map((handle) => update(store, handle));
      await Promise.race(writing);
      expect(versionsIn(other)).toEqual(Array(8).fill(2));
      expect(await Promise.all(writing)).toEqual(Array(8).fill(updated(2)));
    });
    expect(count).toBe(1);
  });

  it("get each its own answer, as if one came after the other", async () => {
    const store = open(newPath(), { synchronous: "full" });
    await withRecords(store, 1);
    const change = { touchedAt: 5, expiresAt: Date.now() + 60_000 };
    const answers = Promise.all([
      update(store, "h0"),
      store.update("h0", change, { secretHash: SECRET, ifVersion: 1 }),
      store.update("h0", change, { secretHash: SECRET, ifVersion: 2 }),
      store.update("h0", change, { secretHash: "1:another" }),
      store.create("new", newRecord({ userId: "u" })),
      store.create("new", newRecord({ userId: "u" })),
      store.deleteAll("u"),
      update(store, "new"),
      store.delete("h0"),
      store.delete("h0"),
    ]);
    const [conflict, gone] = [{ status: "conflict" }, { status: "gone" }];
    const ofOne = [updated(2), conflict, updated(3), gone];
    expect(await answers).toEqual([...ofOne, "created", "exists", ["new"], gone, true, false]);
  });

  it("are, in normal mode, the deletions and the new secrets", async () => {
    const path = newPath();
    const store = open(path);
    const handles = await withRecords(store, 8);
    const rotate = { secretHash: SECRET, graceUntil: 0 };
    const ending = () =>
      Promise.all(handles.map((handle, i) => (i % 2 ? store.delete(handle) : update(store, handle, { rotate }))));
    expect(await transactions(ending)).toBe(1);
    expect(await transactions(() => Promise.all(handles.map((handle) => update(store, handle))))).toBe(0);
  });

  it("leave out what doesn't wait, which is in at once", () => {
    const path = newPath();
    const store = open(path);
    void store.create("h", newRecord());
    expect(versionsIn(connect(path))).toEqual([1]);
  });

  it("are all refused when their commit fails, and none of them is in", async () => {
    const path = newPath();
    const store = open(connect(path), { lockTimeout: 0 }); // without a write-ahead log a reader holds up the commit alone
    const handles = await withRecords(store, 8);
    const reader = connect(path);
    reader.exec("BEGIN");
    reader.prepare("SELECT * FROM holdfast_sessions").all();
    const outcomes = await Promise.allSettled(handles.map((handle) => update(store, handle)));
    expect(outcomes).toEqual(Array(8).fill({ status: "rejected", reason: failing("store-locked") }));
    reader.exec("COMMIT");
    expect(versionsIn(reader)).toEqual(Array(8).fill(1));
  });

  it("are saved beside one that has no room", async () => {
    const db = connect(newPath());
    const store = open(db);
    const handles = await withRecords(store, 5);
    db.exec("PRAGMA max_page_count = 10");
    const big = { set: new Map([["big", "x".repeat(100_000)]]) };
    const writing = handles.map((handle, i) => update(store, handle, i === 2 ? big : {}));
    const outcomes = await Promise.allSettled(writing);
    expect(outcomes[2]).toEqual({ status: "rejected", reason: failing("store-full") });
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    expect(versionsIn(db)).toEqual([2, 2, 1, 2, 2]);
  });

  it("wait together for a lock", async () => {
    const path = newPath();
    const store = open(path, { synchronous: "full", lockTimeout: 20_000 });
    const handles = await withRecords(store, 8);
    const other = connect(path);
    other.exec("BEGIN IMMEDIATE");
    const writing = Promise.all(handles.map((handle) => update(store, handle)));
    await setImmediate();
    await setImmediate();
    other.exec("COMMIT");
    expect(await writing).toEqual(Array(8).fill(updated(2)));
  });

  it("are committed when the store closes in the same turn", async () => {
    const path = newPath();
    const store = open(path, { synchronous: "full" });
    const handles = await withRecords(store, 8);
    const writing = Promise.all(handles.map((handle) => update(store, handle)));
    await store.close();
    expect(await writing).toEqual(Array(8).fill(updated(2)));
    expect(versionsIn(connect(path))).toEqual(Array(8).fill(2));
  });

  // Node before 22.16 can't tell.
  it.runIf(new DatabaseSync(":memory:").isTransaction !== undefined)(
    "stay out of a transaction that the app began after them",
    async () => {
      const db = connect(newPath());
      const store = open(db);
      const handles = await withRecords(store, 8);
      const writing = Promise.all(handles.map((handle) => update(store, handle)));
      db.exec("BEGIN; CREATE TABLE orders (id)");
      await setImmediate();
      await setImmediate();
      db.exec("ROLLBACK");
      expect(await writing).toEqual(Array(8).fill(updated(2)));
      expect(versionsIn(db)).toEqual(Array(8).fill(2));
    },
  );
});
