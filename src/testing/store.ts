import type { IndexedStore, Store } from "../store.ts";
import { byUser, openTwice } from "./clients.ts";
import { endings } from "./store/endings.ts";
import { entries } from "./store/entries.ts";
import { copies, records } from "./store/records.ts";
import { secrets } from "./store/secrets.ts";
import { selfExpiring, sweeps } from "./store/sweeps.ts";
import { updates } from "./store/updates.ts";
import { sweptUsers, users } from "./store/users.ts";

/** One sentence of the contract, and the code that holds a store to it. */
export interface StoreCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the store breaks its word. */
  run(): Promise<void>;
}

/**
 * The contract of a store as cases for any test runner.
 *
 * `open` answers a client of the database under test. It is called twice, when the first case runs, because some cases
 * need two clients of one database; a store that lives in memory answers the same instance both times. The kit closes
 * neither. Handles and user ids are random, so the database may hold other records; but a sweep removes those that expire
 * within two minutes.
 *
 * A store that can't find records by user says `{ indexed: false }`. One whose database removes expired records by itself, so that `sweep` has
 * nothing to do, says `{ sweeps: false }`.
 *
 * ```ts
 * import { storeCases } from "holdfast/testing";
 * import { test } from "vitest";
 *
 * const store = myStore();
 * for (const { name, run } of storeCases(() => store)) test(name, run);
 * ```
 */
export function storeCases(
  open: () => IndexedStore | Promise<IndexedStore>,
  options?: { indexed?: true; sweeps?: boolean },
): StoreCase[];
export function storeCases(
  open: () => Store | Promise<Store>,
  options: { indexed: false; sweeps?: boolean },
): StoreCase[];
export function storeCases(
  open: () => Store | Promise<Store>,
  { indexed = true, sweeps: sweeping = true }: { indexed?: boolean; sweeps?: boolean } = {},
): StoreCase[] {
  const clients = openTwice(open, false);
  const cases: StoreCase[] = [];
  for (const [name, body] of Object.entries({
    ...records,
    ...copies,
    ...entries,
    ...updates,
    ...endings,
    ...secrets,
    ...(sweeping ? sweeps : selfExpiring),
  }))
    cases.push({ name, run: async () => body(await clients()) });
  if (!indexed) return cases;
  for (const [name, body] of Object.entries({ ...users, ...(sweeping && sweptUsers) }))
    cases.push({ name, run: async () => body(byUser(await clients())) });
  return cases;
}
