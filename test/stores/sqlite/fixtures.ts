import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, expect } from "vitest";
import type { ErrorCode } from "../../../src/errors.ts";
import type { Awaitable, Change, IndexedStore, SessionRecord, UpdateResult } from "../../../src/store.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";

/** A folder of the test file's own, which goes with everything in it. */
export const folder: string = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
let files = 0;
export const newPath = (): string => join(folder, `${files++}.db`);

const endings: (() => unknown)[] = [];
/** Does it after the test, whatever came of it. */
export const atEnd = (end: () => unknown): unknown => endings.push(end);
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
afterAll(() => rmSync(folder, { recursive: true }));

export function open(...args: Parameters<typeof sqliteStore>): IndexedStore {
  const store = sqliteStore(...args);
  atEnd(() => store.close());
  return store;
}

export function connect(...args: ConstructorParameters<typeof DatabaseSync>): DatabaseSync {
  const db = new DatabaseSync(...args);
  atEnd(() => {
    try {
      db.close();
    } catch {} // The test has closed it.
  });
  return db;
}

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

/** The turns of the event loop until the work is done. */
export async function turnsDuring(work: unknown): Promise<number> {
  let turns = 0;
  let done = false;
  const end = () => {
    done = true;
  };
  Promise.resolve(work).then(end, end);
  for (; !done; turns++) await setImmediate();
  return turns;
}
