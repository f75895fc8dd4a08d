import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach } from "vitest";
import type { IndexedStore } from "../../../src/store.ts";
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
