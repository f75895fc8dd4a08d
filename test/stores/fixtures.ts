import { expect } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import type { Awaitable, Change, IndexedStore, SessionRecord, UpdateResult } from "../../src/store.ts";

export const SECRET = "1:the-hash-of-a-secret";
export const later = (): number => Date.now() + 3_600_000;

export function newRecord(fields: Partial<SessionRecord> = {}): SessionRecord {
  const times = { createdAt: Date.now(), touchedAt: Date.now(), expiresAt: later() };
  return { secretHash: SECRET, entries: new Map(), ...times, version: 1, ...fields };
}

export function update(store: IndexedStore, handle: string, change: Partial<Change> = {}): Awaitable<UpdateResult> {
  const times = { touchedAt: Date.now(), expiresAt: later() };
  return store.update(handle, { set: new Map([["a", "1"]]), ...times, ...change }, { secretHash: SECRET });
}

/** An error of holdfast's, as an argument of `toThrow` and `toEqual`. */
export const failing = (code: ErrorCode, message: RegExp = /./, fields: object = {}): object =>
  expect.objectContaining({ code, message: expect.stringMatching(message), ...fields });

/** Closes the store twice; from then on each operation fails, and names itself. */
export async function assertCloses(store: IndexedStore): Promise<void> {
  await store.close();
  await store.close();
  const operations: Record<string, () => unknown> = {
    read: () => store.read("h"),
    create: () => store.create("h", newRecord()),
    update: () => update(store, "h"),
    delete: () => store.delete("h"),
    list: () => store.list("u"),
    deleteAll: () => store.deleteAll("u"),
    sweep: () => store.sweep(0),
  };
  for (const [operation, run] of Object.entries(operations)) {
    // Some stores throw at once.
    const closed = failing("store-closed", /new one/, { details: { operation } });
    await expect((async () => run())(), operation).rejects.toEqual(closed);
  }
}
