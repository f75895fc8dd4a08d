/**
 * The contract of a store. Every sentence here is a case of the conformance kit in `holdfast/testing`; run it on a store
 * of your own:
 *
 * ```ts
 * import { acceptsSecret, applyChange, type SessionRecord, type Store } from "holdfast";
 *
 * export function mapStore(): Store {
 *   const records = new Map<string, SessionRecord>();
 *   const live = (handle: string) => {
 *     const record = records.get(handle);
 *     return record && record.expiresAt > Date.now() ? record : undefined;
 *   };
 *   return {
 *     read: async (handle) => structuredClone(live(handle)),
 *     async create(handle, record) {
 *       if (records.has(handle)) return "exists";
 *       records.set(handle, structuredClone(record));
 *       return "created";
 *     },
 *     async update(handle, change, { secretHash, ifVersion }) {
 *       const record = live(handle);
 *       if (!record || !acceptsSecret(record, secretHash, Date.now())) return { status: "gone" };
 *       if (ifVersion !== undefined && ifVersion !== record.version) return { status: "conflict" };
 *       const next = applyChange(record, change);
 *       records.set(handle, next);
 *       return { status: "updated", version: next.version };
 *     },
 *     async delete(handle) {
 *       const ended = live(handle) !== undefined;
 *       records.delete(handle);
 *       return ended;
 *     },
 *     async sweep(now) {
 *       let swept = 0;
 *       for (const [handle, { expiresAt }] of records) if (expiresAt <= now && records.delete(handle)) swept++;
 *       return swept;
 *     },
 *     async close() {},
 *   };
 * }
 * ```
 *
 * A store throws only when the system under it fails; what can be expected is a value. All times are epoch
 * milliseconds, and "live" means `expiresAt` lies in the future.
 */
export interface Store {
  /** The live record under the handle, or undefined. An expired record is never served. */
  read(handle: string): Awaitable<SessionRecord | undefined>;

  /** Puts a new record under the handle. Never overwrites: where there is one already it answers `exists`; it may where that one has expired. */
  create(handle: string, record: SessionRecord): Awaitable<"created" | "exists">;

  /**
   * Applies the change to the record as it is now, in one atomic step: entries it doesn't name stay as they are, and the
   * version rises by one. It never inserts: see {@link UpdateResult}.
   */
  update(handle: string, change: Change, condition: UpdateCondition): Awaitable<UpdateResult>;

  /** Removes the record, for good. True when there was a live one; deleting what is missing is no error. */
  delete(handle: string): Awaitable<boolean>;

  /** Removes the records that have expired by `now`, in batches that let other work in between. Answers how many: none, where the database does it by itself. */
  sweep(now: number): Awaitable<number>;

  /** For `holdfast doctor`, and optional: what about the system under the store can lose sessions, or slow them. A sentence each, with the remedy. */
  problems?(): Awaitable<readonly string[]>;

  /** Frees what the store itself opened; a connection that was handed to it stays open. From then on every operation throws `store-closed`, but `close`. */
  close(): Awaitable<void>;
}

/** A promise; or the value itself, of a store that has it at hand: then no request waits for it. */
export type Awaitable<T> = T | Promise<T>;

/** A store that also finds records by user. */
export interface IndexedStore extends Store {
  /** The live records of this user, the most lately touched first. */
  list(userId: string): Awaitable<ListedRecord[]>;

  /** Removes all records of this user but the one under `except`. Answers the handles of the live ones it removed. */
  deleteAll(userId: string, options?: { except?: string }): Awaitable<string[]>;
}

/** What a store keeps under a handle. An optional field that has no value is absent, not undefined. */
export interface SessionRecord {
  /** Hash of the current secret, with the hash's version: `1:` and 43 characters of base64url (SHA-256). */
  readonly secretHash: string;
  /** Hash of the secret before. It opens the session until `graceUntil`; after that it only tells a superseded id from a forged one. */
  readonly previousHash?: string;
  /** End of the previous secret's grace, epoch ms. */
  readonly graceUntil?: number;
  /** Serialized text by entry name. Any well-formed name and text (no lone surrogates): empty, NUL, `__proto__`, 1 MiB. */
  readonly entries: ReadonlyMap<string, string>;
  readonly userId?: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Time of the last login, epoch ms. */
  readonly authenticatedAt?: number;
  /** Last use that was written down, epoch ms. */
  readonly touchedAt: number;
  /** The end of the record's life, epoch ms: the nearer of both timeouts. */
  readonly expiresAt: number;
  /** 1 at creation; rises by one with every update. */
  readonly version: number;
}

/** What one request did to a record. Every change is a use, so the times always come along. */
export interface Change {
  readonly set?: ReadonlyMap<string, string>;
  /** Names of entries to remove; a name that is not there is no error. Never names an entry of `set`. */
  readonly remove?: readonly string[];
  /** A new secret: the current hash becomes the previous one, with this end of its grace (epoch ms). */
  readonly rotate?: { readonly secretHash: string; readonly graceUntil: number };
  readonly userId?: string;
  readonly authenticatedAt?: number;
  readonly touchedAt: number;
  readonly expiresAt: number;
}

export interface UpdateCondition {
  /** The hash that the request was opened with. */
  readonly secretHash: string;
  /** Apply only to exactly this version. */
  readonly ifVersion?: number;
}

/**
 * - `updated`: the change is in, under this version.
 * - `gone`: there is no live record, or `secretHash` is neither the record's hash nor the previous one within its grace.
 *   Nothing was written. This keeps a logout final, and a request from before a login out of the session after it.
 * - `conflict`: the record is there, but at another version than `ifVersion`. Nothing was written.
 */
export type UpdateResult =
  | { readonly status: "updated"; readonly version: number }
  | { readonly status: "gone" }
  | { readonly status: "conflict" };

export interface ListedRecord {
  readonly handle: string;
  readonly record: SessionRecord;
}

/** Whether a request that was opened with this hash may still act on the record: by its secret, or by the previous one in its grace. */
export function acceptsSecret(
  record: Pick<SessionRecord, "secretHash" | "previousHash" | "graceUntil">,
  secretHash: string,
  now: number,
): boolean {
  if (secretHash === record.secretHash) return true;
  return secretHash === record.previousHash && now < (record.graceUntil ?? 0);
}

/** The record after the change: for stores that merge in JavaScript. Pure; the version rises by one. */
export function applyChange(record: SessionRecord, change: Change): SessionRecord {
  const { set, remove, rotate, userId, authenticatedAt, touchedAt, expiresAt } = change;
  const next: { -readonly [Field in keyof SessionRecord]: SessionRecord[Field] } = { ...record };
  next.touchedAt = touchedAt;
  next.expiresAt = expiresAt;
  next.version = record.version + 1;
  if (set || remove) {
    // Twice as quick as `new Map(record.entries)`.
    const entries = new Map<string, string>();
    record.entries.forEach((text, name) => void entries.set(name, text));
    remove?.forEach((name) => void entries.delete(name));
    set?.forEach((text, name) => void entries.set(name, text));
    next.entries = entries;
  }
  if (rotate) Object.assign(next, rotate, { previousHash: record.secretHash });
  if (userId !== undefined) next.userId = userId;
  if (authenticatedAt !== undefined) next.authenticatedAt = authenticatedAt;
  return next;
}
