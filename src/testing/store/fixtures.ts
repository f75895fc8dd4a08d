import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Awaitable, Change, IndexedStore, SessionRecord, Store, UpdateResult } from "../../store.ts";
import { barrier } from "../barrier.ts";

/** Two clients of one database. */
export interface Clients<S extends Store> {
  readonly store: S;
  readonly other: S;
}

/** What the contract says, each sentence with the code that holds a store to it. */
export type Cases<S extends Store> = Record<string, (clients: Clients<S>) => Promise<void>>;

/** Even, so that both clients take the same part. */
export const MANY = 20;
export const GONE: UpdateResult = { status: "gone" };
export const updated = (version: number): UpdateResult => ({ status: "updated", version });

export const past = (): number => Date.now() - 60_000;
export const soon = (): number => Date.now() + 60_000;
export const later = (): number => Date.now() + 3_600_000;

export const newHandle = (): string => randomBytes(16).toString("base64url");
export const newHash = (): string => `1:${randomBytes(32).toString("base64url")}`;
export const newUser = (): string => `user-${newHandle()}`;
export const rotation = (graceUntil: number): Required<Change>["rotate"] => ({ secretHash: newHash(), graceUntil });

export function newRecord(fields: Partial<SessionRecord> = {}): SessionRecord {
  const times = { createdAt: past(), touchedAt: past(), expiresAt: later() };
  return { secretHash: newHash(), entries: new Map(), ...times, version: 1, ...fields };
}

export interface Put {
  readonly handle: string;
  readonly record: SessionRecord;
}

export async function put(store: Store, fields?: Partial<SessionRecord>, handle: string = newHandle()): Promise<Put> {
  const record = newRecord(fields);
  assert.equal(await store.create(handle, record), "created");
  return { handle, record };
}

export const handles = (...made: (Put | undefined)[]): string[] => made.map((one) => one!.handle);

export async function listed(store: IndexedStore, userId: string): Promise<string[]> {
  return (await store.list(userId)).map(({ handle }) => handle);
}

export function attempt(
  store: Store,
  handle: string,
  { secretHash }: { secretHash: string },
  change: Partial<Change>,
  ifVersion?: number,
): Awaitable<UpdateResult> {
  return store.update(handle, { touchedAt: past(), expiresAt: later(), ...change }, { secretHash, ifVersion });
}

export async function update(...[store, handle, secret, change]: Parameters<typeof attempt>): Promise<void> {
  assert.equal((await attempt(store, handle, secret, change)).status, "updated");
}

export async function readLive(store: Store, handle: string): Promise<SessionRecord> {
  const record = await store.read(handle);
  assert.ok(record, "the record is not there");
  return record;
}

export async function assertStored(store: Store, handle: string, expected: SessionRecord): Promise<void> {
  assert.deepEqual({ ...(await readLive(store, handle)) }, expected);
}

export async function assertEntries(
  store: Store,
  handle: string,
  expected: Record<string, string> | ReadonlyMap<string, string>,
): Promise<void> {
  const { entries } = await readLive(store, handle);
  assert.deepEqual(entries, expected instanceof Map ? expected : new Map(Object.entries(expected)));
}

/** Runs `count` steps at once; none passes its `arrive` before all have come to theirs. */
export function together<T>(count: number, step: (i: number, arrive: () => Promise<void>) => Promise<T>): Promise<T[]> {
  const { arrive } = barrier(count);
  return Promise.all(many(count, (i) => step(i, arrive)));
}

export const each = <S extends Store>({ store, other }: Clients<S>, i: number): S => (i % 2 === 0 ? store : other);
export const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

export function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}
